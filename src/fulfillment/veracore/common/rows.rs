//! The rows of JSON responses and webhooks (docs/veracore-rest.md).
//!
//! An invalid row becomes a [`RowError`] with its index and field; the other rows are still read.

use std::fmt;

use chrono_tz::Tz;
use serde::{
    Deserialize, Deserializer as _,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    MAX_ROWS, dates,
    fields::{self, JsonField, ParseProblem, required},
};
use crate::{
    domain::{OrderCode, Quantity, Sku},
    fulfillment::{FeedRow, RowError, Shipment, ShipmentItem, StockItem},
};

/// Reads `[…]` or `{Items: […], NextPage}`: passes each row with its index to `take`, and returns
/// `NextPage`. After an error, discard the rows.
pub(crate) fn list<'a>(
    body: &'a RawValue,
    take: impl FnMut(usize, &'a RawValue),
) -> Result<Option<String>, ParseProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
    struct Envelope<'a> {
        items: JsonField<'a>,
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

/// Passes the values of a JSON list to `take`. The only error is too many of them.
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

/// Reads the fields of an object. serde's own messages quote values, so they are dropped.
pub(crate) fn parse_object<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, ParseProblem> {
    if !raw.get().starts_with('{') {
        return Err("it is not an object".into());
    }
    serde_json::from_str(raw.get()).map_err(|_| "it has a field twice".into())
}

fn row_error(index: usize, key: JsonField<'_>, problem: ParseProblem) -> RowError {
    let key = fields::text("", key).ok().flatten();
    RowError::new(index, key.as_deref(), problem)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
struct StockRow<'a> {
    #[serde(rename = "SKU")]
    sku: JsonField<'a>,
    available_quantity: JsonField<'a>,
    reserved_quantity: JsonField<'a>,
    on_hand_quantity: JsonField<'a>,
}

pub(crate) fn stock_item(index: usize, raw: &RawValue) -> FeedRow<StockItem> {
    let row: StockRow<'_> = parse_object(raw).map_err(|problem| row_error(index, None, problem))?;
    let sku = fields::exact_text("SKU", row.sku, Sku::parse)
        .map_err(|problem| row_error(index, row.sku, problem))?;
    row.with_sku(sku)
        .map_err(|problem| row_error(index, row.sku, problem).about_quantity())
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
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
struct ShipmentRow<'a> {
    shipment_id: JsonField<'a>,
    order_number: JsonField<'a>,
    tracking_number: JsonField<'a>,
    carrier: JsonField<'a>,
    service: JsonField<'a>,
    ship_date: JsonField<'a>,
    status: JsonField<'a>,
    items: JsonField<'a>,
}

pub(crate) fn shipment(index: usize, raw: &RawValue, zone: Tz) -> FeedRow<Shipment> {
    let row: ShipmentRow<'_> =
        parse_object(raw).map_err(|problem| row_error(index, None, problem))?;
    row.read(zone)
        .map_err(|problem| row_error(index, row.order_number, problem))
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
            // Without it, a void parcel would look like a shipped one.
            status: required("Status", fields::label("Status", self.status)?)?,
            items: self.items.map(shipment_items).transpose()?,
        })
    }
}

fn shipment_items(raw: &RawValue) -> Result<Vec<ShipmentItem>, ParseProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
    struct ItemRow<'a> {
        #[serde(rename = "SKU")]
        sku: JsonField<'a>,
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
        // Zero units: nothing of this line is in the parcel.
        if let Ok(quantity) = Quantity::new(quantity.get()) {
            items.push(ShipmentItem { sku, quantity });
        }
    }
    Ok(items)
}

/// Reads an `order-update`: the order's number and VeraCore's status.
pub(crate) fn order_status(body: &RawValue) -> Result<(OrderCode, String), ParseProblem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
    struct OrderUpdateBody<'a> {
        order_number: JsonField<'a>,
        status: JsonField<'a>,
    }
    let body: OrderUpdateBody<'_> = parse_object(body)?;
    let number = fields::exact_text("OrderNumber", body.order_number, OrderCode::parse)?;
    let status = required("Status", fields::label("Status", body.status)?)?;
    Ok((number, status))
}
