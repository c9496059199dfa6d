//! `GetOrderInfo`: an order's status, pick slips and parcels.
//!
//! The response also contains addresses and card fields; none of them is read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{
    super::common::{
        MAX_CODE_CHARS, MAX_LABEL_CHARS, dates, fields::ParseProblem, quantities::parse_units,
    },
    xml::Element,
};
use crate::{
    domain::{OrderCode, ProviderOrderId, Quantity, Sku, text::one_line},
    fulfillment::{FoundOrder, ShipmentItem},
};

/// A tracking number can be a sentence; longer ones are cut.
const MAX_TRACKING_CHARS: usize = 200;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OrderInfo {
    /// Never blank.
    pub number: String,
    pub status: String,
    pub slips: Vec<PickSlip>,
}

/// A pick slip: items that leave together, in one or more parcels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PickSlip {
    /// Which of its ids other operations use is not documented.
    pub ids: Vec<String>,
    /// In units of the ordered offers; `None` if that is unknown.
    pub items: Option<Vec<ShipmentItem>>,
    pub parcels: Vec<OmsParcel>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OmsParcel {
    pub tracking: Option<String>,
    pub carrier: Option<String>,
    pub service: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub is_void: bool,
}

pub(super) fn read_order_info(
    response: &Element,
    zone: Tz,
) -> Result<Option<OrderInfo>, ParseProblem> {
    // How VeraCore reports an unknown order is not documented. Besides a fault, accept a null and a
    // record without values.
    let Some(result) = response.child("GetOrderInfoResult") else {
        return Ok(None);
    };
    let Some(head) = result.child("OrdHead") else {
        let empty = result.children().iter().all(Element::is_blank);
        return if empty {
            Ok(None)
        } else {
            Err("OrdHead is missing".into())
        };
    };
    let Some(number) = head.child_text("OrderId") else {
        return Ok(None);
    };
    if number.chars().count() > MAX_CODE_CHARS {
        return Err(format!(
            "OrderId is longer than {MAX_CODE_CHARS} characters"
        ));
    }
    let ordered = OrderedQuantities::of(result);
    let slips = result
        .list_items("ShippingOrders", "PickPackType")
        .into_iter();
    Ok(Some(OrderInfo {
        number: number.to_owned(),
        status: head.child("Status").map_or_else(
            || "unknown".into(),
            |status| status_label(status).to_owned(),
        ),
        slips: slips.map(|slip| read_slip(slip, &ordered, zone)).collect(),
    }))
}

impl OrderInfo {
    /// The result of a lookup of `number`, which the caller has compared.
    pub(super) fn into_found_order(self, number: &OrderCode) -> FoundOrder {
        let parcels = self.slips.iter().flat_map(|slip| &slip.parcels);
        let is_tracked = |parcel: &&OmsParcel| !parcel.is_void && parcel.tracking.is_some();
        let first = parcels.clone().find(is_tracked);
        let first = first.or_else(|| parcels.clone().find(|parcel| !parcel.is_void));
        let first = first.cloned().unwrap_or_default();
        FoundOrder {
            number: number.clone(),
            provider_order_id: ProviderOrderId::parse(self.number).ok(),
            status: self.status,
            tracking_number: first.tracking,
            carrier: first.carrier,
            shipped_at: first.shipped_at,
        }
    }
}

/// The status label of a combination of flags (docs/veracore-oms.md).
pub(super) fn status_label(status: &Element) -> &'static str {
    let is = |flag: &str| {
        status
            .child_text(flag)
            .is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"))
    };
    let in_warehouse = is("Picked") || is("Processed") || is("Pending");
    match (is("Canceled"), is("Shipped"), is("Complete")) {
        (true, false, true) => "Cancelled",
        // The rest was cancelled, so it must not be fulfilled.
        (true, true, true) => "Shipped, the rest cancelled",
        (false, true, true) => "Shipped",
        (false, false, true) => "Complete",
        (_, true, false) => "Partially shipped",
        _ if is("Unapproved") => "Unapproved",
        _ if is("DeniedCredit") => "Held, credit denied",
        _ if is("Hold") => "Held",
        _ if is("Backordered") => "Backordered",
        _ if in_warehouse => "In warehouse",
        // Neither complete nor in progress: the part that is not cancelled may still ship.
        (true, false, false) => "Partly cancelled",
        _ if is("Unprocessed") || is("Accepted") => "Received",
        _ => "unknown",
    }
}

/// The ordered quantities, by offer and by product.
struct OrderedQuantities<'a> {
    offers: BTreeMap<&'a str, u64>,
    products: BTreeMap<&'a str, u64>,
}

impl<'a> OrderedQuantities<'a> {
    fn of(result: &'a Element) -> Self {
        let sums = |list: &'a str, row: &'a str, id: &str| {
            let mut sums = BTreeMap::new();
            for row in result.list_items(list, row) {
                let quantity = row
                    .child_text("OrderQty")
                    .and_then(|text| parse_units(text).ok());
                if let (Some(id), Some(quantity)) = (row.child_text(id), quantity) {
                    let sum: &mut u64 = sums.entry(id).or_default();
                    *sum += u64::from(quantity.get());
                }
            }
            sums
        };
        Self {
            offers: sums("OfferInfo", "OfferType", "OfferId"),
            products: sums("BillOfMaterials", "BOMProductType", "ProductId"),
        }
    }

    /// Whether units of a product are units of the offer with the same id. False for parts of a kit,
    /// even for one that is also sold on its own.
    fn is_offer(&self, product: &str) -> bool {
        let Some(ordered) = self.offers.get(product) else {
            return self.offers.is_empty();
        };
        self.products
            .get(product)
            .is_none_or(|needed| needed == ordered)
    }
}

fn read_slip(slip: &Element, ordered: &OrderedQuantities<'_>, zone: Tz) -> PickSlip {
    let ids = ["PickSlipID", "PickPackId"].into_iter();
    let items = items(slip, ordered).unwrap_or_else(|problem| {
        tracing::warn!(
            problem,
            "VeraCore GetOrderInfo: ignoring the invalid products of a pick slip"
        );
        None
    });
    PickSlip {
        ids: ids
            .filter_map(|id| slip.child_text(id))
            .map(|id| one_line(id, MAX_LABEL_CHARS))
            .collect(),
        items,
        parcels: slip
            .list_items("Packages", "PackagesType")
            .into_iter()
            .map(|parcel| read_parcel(parcel, zone))
            .collect(),
    }
}

fn items(
    slip: &Element,
    ordered: &OrderedQuantities<'_>,
) -> Result<Option<Vec<ShipmentItem>>, ParseProblem> {
    let mut items = Vec::new();
    for row in slip.list_items("PickPackProducts", "PickPackProductType") {
        let product = row.child_text("ProductId").ok_or("ProductId is missing")?;
        let quantity = row.child_text("ToShipQty").ok_or("ToShipQty is missing")?;
        let quantity = parse_units(quantity).map_err(|error| format!("ToShipQty: {error}"))?;
        if !ordered.is_offer(product) {
            return Ok(None);
        }
        let sku = Sku::parse(product).map_err(|error| format!("ProductId: {error}"))?;
        if let Ok(quantity) = Quantity::new(quantity.get()) {
            items.push(ShipmentItem { sku, quantity });
        }
    }
    Ok((!items.is_empty()).then_some(items))
}

fn read_parcel(element: &Element, zone: Tz) -> OmsParcel {
    OmsParcel {
        tracking: tracking(element.child_text("TrackingId")),
        carrier: label(element.child_text("Carrier")),
        service: label(element.child_text("ActualService"))
            .or_else(|| label(element.child_text("Service"))),
        shipped_at: element
            .child_text("DateShipped")
            .and_then(|text| dates::parse_date("DateShipped", text, zone).ok()?),
        is_void: is_void(element, zone),
    }
}

/// Whether `DateVoided` is set. An unreadable date counts: the parcel was voided at some time.
pub(super) fn is_void(element: &Element, zone: Tz) -> bool {
    let voided = element.child_text("DateVoided").unwrap_or_default();
    !matches!(dates::parse_date("DateVoided", voided, zone), Ok(None))
}

/// A tracking number on one line; `None` when it is blank.
pub(super) fn tracking(text: Option<&str>) -> Option<String> {
    bounded_line(text, MAX_TRACKING_CHARS)
}

pub(super) fn label(text: Option<&str>) -> Option<String> {
    bounded_line(text, MAX_LABEL_CHARS)
}

fn bounded_line(text: Option<&str>, max: usize) -> Option<String> {
    text.map(|text| one_line(text, max))
        .filter(|text| !text.is_empty())
}
