//! What VeraCore answers, as rows and fields.
//!
//! Owns the shapes of CONTRACT section 6 and what becomes of an answer that has another: a row that
//! cannot be understood is kept apart with its place and its field, and stops no other row. Must
//! not know how the answer came.

use std::fmt;

use chrono_tz::Tz;
use serde::{
    Deserialize, Deserializer as _,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    dates,
    fields::{self, JsonField, ParseProblem, required},
};
use crate::{
    domain::{OrderCode, ProviderOrderId, Quantity, Sku, text::one_line},
    fulfillment::{FeedRow, FoundOrder, RowError, Shipment, ShipmentItem, StockItem},
};

/// More rows than any answer within the bound on bodies has, unless it means harm: a row costs us
/// far more memory than the two bytes that it may be written in.
const MAX_ROWS: usize = 500_000;

/// Reads `[…]` or `{Items: […], NextPage}`: hands over its rows one by one, each with its place, and
/// gives back where the list goes on. An error tells that none of the rows is to be believed.
pub(crate) fn list<'a>(
    body: &'a RawValue,
    take: impl FnMut(usize, &'a RawValue),
) -> Result<Option<String>, ParseProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Envelope<'a> {
        #[serde(borrow)]
        items: JsonField<'a>,
        #[serde(borrow)]
        next_page: JsonField<'a>,
    }
    let (items, next) = if body.get().starts_with('{') {
        let envelope: Envelope<'_> = parse_object(body)?;
        let next = fields::text("NextPage", envelope.next_page)?;
        let next = next.filter(|next| !next.trim().is_empty());
        (required("Items", envelope.items)?, next)
    } else {
        (body, None)
    };
    if !items.get().starts_with('[') {
        return Err("it is neither a list nor an object with Items".into());
    }
    each_row(items, take).map_err(|_| format!("it has more than {MAX_ROWS} rows in one page"))?;
    Ok(next)
}

/// Hands over the values of a JSON list. The only error is that there are too many of them.
fn each_row<'a>(
    list: &'a RawValue,
    take: impl FnMut(usize, &'a RawValue),
) -> Result<(), serde_json::Error> {
    serde_json::Deserializer::from_str(list.get()).deserialize_seq(RowVisitor(take))
}

struct RowVisitor<F>(F);

impl<'de, F: FnMut(usize, &'de RawValue)> Visitor<'de> for RowVisitor<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let mut count = 0;
        while let Some(row) = seq.next_element()? {
            if count == MAX_ROWS {
                return Err(A::Error::custom("too many rows"));
            }
            (self.0)(count, row);
            count += 1;
        }
        Ok(())
    }
}

/// Takes an object apart. serde's own messages quote values, so they are not passed on.
fn parse_object<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, ParseProblem> {
    if !raw.get().starts_with('{') {
        return Err("it is not an object".into());
    }
    serde_json::from_str(raw.get()).map_err(|_| "one of its fields is there twice".into())
}

/// A row's own name, for whoever looks for it, if it has a readable one.
fn row_key(raw: JsonField<'_>) -> Option<String> {
    let text = fields::text("", raw).ok().flatten()?;
    Some(one_line(&text, 80)).filter(|key| !key.is_empty())
}

fn row_error(index: usize, key: Option<String>, problem: ParseProblem) -> RowError {
    RowError {
        index,
        key,
        problem,
        is_quantity_error: false,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StockRow<'a> {
    #[serde(borrow, rename = "SKU")]
    sku: JsonField<'a>,
    #[serde(borrow)]
    available_quantity: JsonField<'a>,
    #[serde(borrow)]
    reserved_quantity: JsonField<'a>,
    #[serde(borrow)]
    on_hand_quantity: JsonField<'a>,
}

pub(crate) fn stock_item(index: usize, raw: &RawValue) -> FeedRow<StockItem> {
    let row: StockRow<'_> = parse_object(raw).map_err(|problem| row_error(index, None, problem))?;
    let sku = fields::exact_text("SKU", row.sku, Sku::parse)
        .map_err(|problem| row_error(index, row_key(row.sku), problem))?;
    row.with_sku(sku).map_err(|problem| RowError {
        is_quantity_error: true,
        ..row_error(index, row_key(row.sku), problem)
    })
}

impl StockRow<'_> {
    fn with_sku(&self, sku: Sku) -> Result<StockItem, ParseProblem> {
        let available = fields::units("AvailableQuantity", self.available_quantity)?;
        Ok(StockItem {
            sku,
            available: required("AvailableQuantity", available)?,
            reserved: fields::units("ReservedQuantity", self.reserved_quantity)?,
            on_hand: fields::units("OnHandQuantity", self.on_hand_quantity)?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ShipmentRow<'a> {
    #[serde(borrow)]
    shipment_id: JsonField<'a>,
    #[serde(borrow)]
    order_number: JsonField<'a>,
    #[serde(borrow)]
    tracking_number: JsonField<'a>,
    #[serde(borrow)]
    carrier: JsonField<'a>,
    #[serde(borrow)]
    service: JsonField<'a>,
    #[serde(borrow)]
    ship_date: JsonField<'a>,
    #[serde(borrow)]
    status: JsonField<'a>,
    #[serde(borrow)]
    items: JsonField<'a>,
}

pub(crate) fn shipment(index: usize, raw: &RawValue, zone: Tz) -> FeedRow<Shipment> {
    let row: ShipmentRow<'_> =
        parse_object(raw).map_err(|problem| row_error(index, None, problem))?;
    row.read(zone)
        .map_err(|problem| row_error(index, row_key(row.order_number), problem))
}

impl ShipmentRow<'_> {
    fn read(&self, zone: Tz) -> Result<Shipment, ParseProblem> {
        Ok(Shipment {
            id: fields::id("ShipmentId", self.shipment_id)?,
            order_number: fields::exact_text("OrderNumber", self.order_number, OrderCode::parse)?,
            tracking_number: fields::code("TrackingNumber", self.tracking_number)?,
            carrier: fields::label("Carrier", self.carrier)?,
            service: fields::label("Service", self.service)?,
            shipped_at: dates::read_date("ShipDate", self.ship_date, zone)?,
            // Without it a void package could not be told from one that left.
            status: required("Status", fields::label("Status", self.status)?)?,
            items: self.items.map(shipment_items).transpose()?,
        })
    }
}

fn shipment_items(raw: &RawValue) -> Result<Vec<ShipmentItem>, ParseProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct ItemRow<'a> {
        #[serde(borrow, rename = "SKU")]
        sku: JsonField<'a>,
        #[serde(borrow)]
        quantity: JsonField<'a>,
    }
    if !raw.get().starts_with('[') {
        return Err("Items is not a list".into());
    }
    let mut rows = Vec::new();
    each_row(raw, |_, row| rows.push(row)).map_err(|_| "Items has too many rows")?;
    let mut items = Vec::new();
    for (index, raw) in rows.into_iter().enumerate() {
        let row: ItemRow<'_> =
            parse_object(raw).map_err(|problem| format!("Items[{index}]: {problem}"))?;
        let field = format!("Items[{index}].Quantity");
        let quantity = required(&field, fields::units(&field, row.quantity)?)?;
        let sku = fields::exact_text(&format!("Items[{index}].SKU"), row.sku, Sku::parse)?;
        // A line of which nothing is in this package: only one of no units is no quantity.
        if let Ok(quantity) = Quantity::new(quantity.get()) {
            items.push(ShipmentItem { sku, quantity });
        }
    }
    Ok(items)
}

/// The id that VeraCore gave to an order it took.
pub(crate) fn receipt(body: &RawValue) -> Result<ProviderOrderId, ParseProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct ReceiptBody<'a> {
        #[serde(borrow)]
        order_id: JsonField<'a>,
    }
    let body: ReceiptBody<'_> = parse_object(body)?;
    let id = required("OrderId", order_id(body.order_id)?)?;
    Ok(id)
}

fn order_id(raw: JsonField<'_>) -> Result<Option<ProviderOrderId>, ParseProblem> {
    let id = fields::id("OrderId", raw)?.map(ProviderOrderId::parse);
    id.transpose().map_err(|error| format!("OrderId: {error}"))
}

/// What an `order-update` says: which order, and VeraCore's word for how it stands.
pub(crate) fn order_status(body: &RawValue) -> Result<(OrderCode, String), ParseProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct OrderUpdateBody<'a> {
        #[serde(borrow)]
        order_number: JsonField<'a>,
        #[serde(borrow)]
        status: JsonField<'a>,
    }
    let body: OrderUpdateBody<'_> = parse_object(body)?;
    let number = fields::exact_text("OrderNumber", body.order_number, OrderCode::parse)?;
    let status = required("Status", fields::label("Status", body.status)?)?;
    Ok((number, status))
}

/// The order that a look-up found; whether it is the one asked for is the caller's to check.
pub(crate) fn found_order(body: &RawValue, zone: Tz) -> Result<FoundOrder, ParseProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct StatusBody<'a> {
        #[serde(borrow)]
        order_number: JsonField<'a>,
        #[serde(borrow)]
        order_id: JsonField<'a>,
        #[serde(borrow)]
        status: JsonField<'a>,
        #[serde(borrow)]
        tracking_number: JsonField<'a>,
        #[serde(borrow)]
        ship_date: JsonField<'a>,
        #[serde(borrow)]
        carrier: JsonField<'a>,
    }
    let body: StatusBody<'_> = parse_object(body)?;
    // The number alone decides whether VeraCore has the order. The rest is said along, and must
    // not leave a doubt unsettled when it cannot be read.
    Ok(FoundOrder {
        number: fields::exact_text("OrderNumber", body.order_number, OrderCode::parse)?,
        provider_order_id: ok_or_log(order_id(body.order_id)),
        status: ok_or_log(fields::label("Status", body.status)).unwrap_or_else(|| "unknown".into()),
        tracking_number: ok_or_log(fields::code("TrackingNumber", body.tracking_number)),
        carrier: ok_or_log(fields::label("Carrier", body.carrier)),
        shipped_at: ok_or_log(dates::read_date("ShipDate", body.ship_date, zone)),
    })
}

fn ok_or_log<T>(value: Result<Option<T>, ParseProblem>) -> Option<T> {
    value.unwrap_or_else(|problem| {
        tracing::warn!(
            problem,
            "VeraCore find_order: a field cannot be understood and is left out"
        );
        None
    })
}
