//! `GetOrderInfo`: what VeraCore has of an order.
//!
//! Owns what its twelve flags mean together, and what of pick slips and packages is told. The answer
//! holds addresses and a card's fields: none of them is read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{
    super::common::{
        dates,
        fields::{self, ParseProblem},
    },
    OmsClient,
    calls::{ORDER_TERMS, SoapReply, SoapRequest},
    faults::SoapFaultKind,
    xml::{Element, XmlWriter},
};
use crate::{
    domain::{OrderCode, ProviderOrderId, Quantity, Sku, text::one_line},
    fulfillment::{FoundOrder, ProviderError, ShipmentItem},
    http::CallKind,
};

/// Words of VeraCore's that are only shown.
const MAX_LABEL: usize = 100;

/// A tracking number, which may be a sentence; longer ones end in an ellipsis.
const MAX_TRACKING: usize = 200;

/// An order as VeraCore has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OrderInfo {
    /// Never blank.
    pub number: String,
    pub status: String,
    pub slips: Vec<PickSlip>,
}

/// A pick slip: what leaves together, in one or more packages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PickSlip {
    /// Its ids: which of them other lists name it by is not documented.
    pub ids: Vec<String>,
    /// In the terms of what was ordered; `None` where that cannot be said.
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

impl OmsClient {
    /// `None` when VeraCore says that it does not have the order.
    pub(super) async fn fetch_order_info(
        &self,
        name: &'static str,
        number: &OrderCode,
    ) -> Result<Option<OrderInfo>, ProviderError> {
        let mut arguments = XmlWriter::default();
        arguments.text_element("orderId", number.as_str());
        let question = SoapRequest {
            name,
            operation: "GetOrderInfo",
            effect: CallKind::Read,
            arguments: arguments.into_string(),
            subject_terms: ORDER_TERMS,
            redactions: Vec::new(),
        };
        match self.call(&question, None).await? {
            SoapReply::Response { answer, response } => {
                let info = read_order_info(&response, self.timezone);
                info.map_err(|problem| answer.malformed(problem).into())
            }
            SoapReply::Fault(fault) if fault.kind == SoapFaultKind::NotFound => Ok(None),
            SoapReply::Fault(fault) => Err(fault.into_error()),
        }
    }
}

pub(super) fn read_order_info(
    response: &Element,
    zone: Tz,
) -> Result<Option<OrderInfo>, ParseProblem> {
    // Null, or a record in which nothing is filled in: how an unknown order is answered is not
    // documented, apart from faults.
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
    if number.chars().count() > 255 {
        return Err("OrderId is longer than an order number is".into());
    }
    let terms = OrderedQuantities::of(result);
    let slips = result
        .list_items("ShippingOrders", "PickPackType")
        .into_iter();
    Ok(Some(OrderInfo {
        number: number.to_owned(),
        status: head.child("Status").map_or_else(
            || "unknown".into(),
            |status| status_label(status).to_owned(),
        ),
        slips: slips.map(|slip| read_slip(slip, &terms, zone)).collect(),
    }))
}

impl OrderInfo {
    /// What a look-up tells; `number` is the number asked for, which has been compared.
    pub(super) fn into_found_order(self, number: &OrderCode) -> FoundOrder {
        let packages = self.slips.iter().flat_map(|slip| &slip.parcels);
        let good = |package: &&OmsParcel| !package.is_void && package.tracking.is_some();
        let first = packages.clone().find(good);
        let first = first.or_else(|| packages.clone().find(|package| !package.is_void));
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

/// One word for the flags, which do not exclude each other (reference, C: the status model).
pub(super) fn status_label(status: &Element) -> &'static str {
    let is = |flag: &str| {
        status
            .child_text(flag)
            .is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"))
    };
    let in_warehouse = is("Picked") || is("Processed") || is("Pending");
    match (is("Canceled"), is("Shipped"), is("Complete")) {
        (true, false, true) => "Cancelled",
        // No fulfillment may be made of what is left: it was cancelled.
        (true, true, true) => "Shipped, the rest cancelled",
        (false, true, true) => "Shipped",
        (false, false, true) => "Complete",
        (_, true, false) => "Partially shipped",
        _ if is("Unapproved") => "Unapproved",
        _ if is("DeniedCredit") => "Held, credit denied",
        _ if is("Hold") => "Held",
        _ if is("Backordered") => "Backordered",
        _ if in_warehouse => "In warehouse",
        // Neither complete nor anywhere: what is not cancelled may still come.
        (true, false, false) => "Partly cancelled",
        _ if is("Unprocessed") || is("Accepted") => "Received",
        _ => "unknown",
    }
}

/// What was ordered (offers), and what of products that means.
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
                    .and_then(|text| fields::parse_units(text).ok());
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

    /// Whether so many of a product are so many of the offer of the same name. Not so for the parts
    /// of a kit, not even for one that is sold by itself, too.
    fn is_offer(&self, product: &str) -> bool {
        let Some(offered) = self.offers.get(product) else {
            return self.offers.is_empty();
        };
        self.products
            .get(product)
            .is_none_or(|needed| needed == offered)
    }
}

fn read_slip(slip: &Element, terms: &OrderedQuantities<'_>, zone: Tz) -> PickSlip {
    let ids = ["PickSlipID", "PickPackId"].into_iter();
    let items = items(slip, terms).unwrap_or_else(|problem| {
        tracing::warn!(
            problem,
            "VeraCore GetOrderInfo: a pick slip's products cannot be understood and are left out"
        );
        None
    });
    PickSlip {
        ids: ids
            .filter_map(|id| slip.child_text(id))
            .map(|id| one_line(id, MAX_LABEL))
            .collect(),
        items,
        parcels: slip
            .list_items("Packages", "PackagesType")
            .into_iter()
            .map(|package| read_parcel(package, zone))
            .collect(),
    }
}

fn items(
    slip: &Element,
    terms: &OrderedQuantities<'_>,
) -> Result<Option<Vec<ShipmentItem>>, ParseProblem> {
    let mut items = Vec::new();
    for row in slip.list_items("PickPackProducts", "PickPackProductType") {
        let product = row.child_text("ProductId").ok_or("ProductId is missing")?;
        let quantity = row.child_text("ToShipQty").ok_or("ToShipQty is missing")?;
        let quantity =
            fields::parse_units(quantity).map_err(|error| format!("ToShipQty: {error}"))?;
        if !terms.is_offer(product) {
            return Ok(None);
        }
        let sku = Sku::parse(product).map_err(|error| format!("ProductId: {error}"))?;
        if let Ok(quantity) = Quantity::new(quantity.get()) {
            items.push(ShipmentItem { sku, quantity });
        }
    }
    Ok((!items.is_empty()).then_some(items))
}

fn read_parcel(package: &Element, zone: Tz) -> OmsParcel {
    // A date that cannot be read is taken for one: a package voided at an unknown time is void.
    let voided = package.child_text("DateVoided").unwrap_or_default();
    OmsParcel {
        tracking: tracking(package.child_text("TrackingId")),
        carrier: label(package.child_text("Carrier")),
        service: label(package.child_text("ActualService"))
            .or_else(|| label(package.child_text("Service"))),
        shipped_at: package
            .child_text("DateShipped")
            .and_then(|text| dates::parse_date("DateShipped", text, zone).ok()?),
        is_void: !matches!(dates::parse_date("DateVoided", voided, zone), Ok(None)),
    }
}

/// A tracking number as it is: blank ones are none, a sentence stays one.
pub(super) fn tracking(text: Option<&str>) -> Option<String> {
    text.map(|text| one_line(text, MAX_TRACKING))
        .filter(|text| !text.is_empty())
}

pub(super) fn label(text: Option<&str>) -> Option<String> {
    text.map(|text| one_line(text, MAX_LABEL))
        .filter(|text| !text.is_empty())
}
