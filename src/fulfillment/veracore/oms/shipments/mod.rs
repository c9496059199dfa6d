//! Packages: `GetShippingCharge` tells which left, `GetOrderInfo` what is in them.
//!
//! Owns how the two are put together. What is in a pick slip is said once, with its first package,
//! and so becomes one fulfillment; a package that was taken back is passed on as void. Must not
//! decide what becomes of a package in the shop.

mod date_range;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use self::date_range::DateRange;
use super::{
    super::common::{dates, fields::ParseProblem},
    OmsClient,
    calls::{ORDER_TERMS, SoapReply, SoapRequest},
    invalid_page_cursor,
    order_info::{OmsParcel, OrderInfo, PickSlip, label, tracking},
    xml::{Element, XmlWriter},
};
use crate::{
    domain::{ErrorCategory, FailureClass, OrderCode, text::one_line},
    fulfillment::{FeedPage, FeedRow, PageCursor, ProviderError, RowError, Shipment, ShipmentItem},
    http::{CallError, CallKind},
};

const SHIPPED: &str = "Shipped";
const PACKED: &str = "Packed";
const VOID: &str = "Void";

/// Orders of one page: each may be a question, and a stop waits for a page.
const ORDERS_PER_PAGE: usize = 100;

/// So many orders in a row without an answer are still their own affair.
const MAX_CONSECUTIVE_FAILURES: u32 = 2;

impl OmsClient {
    pub(super) async fn list_shipments(
        &self,
        since: DateTime<Utc>,
        page: Option<&PageCursor>,
    ) -> Result<FeedPage<Shipment>, ProviderError> {
        let range = DateRange::new(since, page, self.clock.now(), self.timezone)
            .ok_or_else(invalid_page_cursor)?;
        let mut charges = Vec::new();
        let mut take = |element: Element| {
            charges.push(ShippingCharge::read(charges.len(), &element, self.timezone));
        };
        let mut arguments = XmlWriter::default();
        arguments.text_element("StartDate", &date_range::day_start(range.from));
        arguments.text_element("EndDate", &date_range::day_start(range.to));
        let question = SoapRequest {
            name: "shipments",
            operation: "GetShippingCharge",
            effect: CallKind::Read,
            arguments: arguments.into_string(),
            subject_terms: ORDER_TERMS,
            redactions: Vec::new(),
        };
        if let SoapReply::Fault(fault) = self.call(&question, Some(&mut take)).await? {
            return Err(fault.into_error());
        }
        let mut orders: BTreeMap<OrderCode, Vec<ShippingCharge>> = BTreeMap::new();
        let mut rows = Vec::new();
        for charge in charges {
            match charge {
                Ok(charge) => orders
                    .entry(charge.order_number.clone())
                    .or_default()
                    .push(charge),
                // Told with the first page of these days.
                Err(_) if range.after.is_some() => {}
                Err(bad) => rows.push(Err(bad)),
            }
        }
        let from = range
            .after
            .as_ref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let mut left = orders.range((from, Bound::Unbounded)).peekable();
        let (mut last, mut silent) = (None, 0);
        for (order, charges) in left.by_ref().take(ORDERS_PER_PAGE) {
            let info = match self.cached_order_info(order, charges).await {
                Err(error)
                    if silent < MAX_CONSECUTIVE_FAILURES && may_be_order_specific(&error) =>
                {
                    silent += 1;
                    log_contents_unknown(order, &error);
                    None
                }
                other => {
                    silent = 0;
                    other?
                }
            };
            rows.extend(
                merge_shipments(order, charges, info.as_deref())
                    .into_iter()
                    .map(Ok),
            );
            last = Some(order);
        }
        let more = left.peek().and(last);
        Ok(FeedPage {
            rows,
            next: more.map_or_else(|| range.next_page(), |last| Some(range.page_after(last))),
        })
    }

    /// The same as when it was asked last, while nothing changed in the list.
    async fn cached_order_info(
        &self,
        order: &OrderCode,
        charges: &[ShippingCharge],
    ) -> Result<Option<Arc<OrderInfo>>, ProviderError> {
        let now = self.clock.now();
        if let Some(info) = self.order_info_cache.get(order, charges, now) {
            return Ok(Some(info));
        }
        let Some(info) = self.order_info_or_none(order).await? else {
            return Ok(None);
        };
        let info = Arc::new(info);
        // The list may be ahead of the order: that is asked again.
        if charges
            .iter()
            .all(|charge| is_in_order_info(charge, &info.slips))
        {
            self.order_info_cache.insert(order, charges, &info, now);
        }
        Ok(Some(info))
    }

    /// What is in an order's packages, where VeraCore says so. An answer about one order stops no
    /// other; where several in a row get none, VeraCore is down.
    async fn order_info_or_none(
        &self,
        order: &OrderCode,
    ) -> Result<Option<OrderInfo>, ProviderError> {
        match self.fetch_order_info("shipments", order).await {
            Ok(info) => Ok(info.filter(|info| info.number == order.as_str().trim())),
            Err(error) if is_order_specific(&error) => {
                log_contents_unknown(order, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Without VeraCore's words, which may quote the customer.
fn log_contents_unknown(order: &OrderCode, error: &ProviderError) {
    let problem = error.redacted_message();
    tracing::warn!(%order, problem, "VeraCore does not say what is in the order's packages");
}

/// Whether VeraCore may just stumble over this order: it was called, and neither shuts us out nor
/// has too many calls.
fn may_be_order_specific(error: &ProviderError) -> bool {
    let category = error.category();
    error.parked_for().is_none()
        && !matches!(category, ErrorCategory::Auth | ErrorCategory::RateLimited)
}

fn is_order_specific(error: &ProviderError) -> bool {
    error.class() == FailureClass::Permanent
        || matches!(
            error,
            ProviderError::Call(CallError::Malformed { .. } | CallError::TooLarge { .. })
        )
}

/// A row of the list: a package that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShippingCharge {
    order_number: OrderCode,
    slip_id: Option<String>,
    parcel: OmsParcel,
}

impl ShippingCharge {
    pub(super) fn read(index: usize, row: &Element, zone: Tz) -> FeedRow<Self> {
        let order = row.child_text("OrderId");
        Self::read_fields(row, order, zone).map_err(|problem| RowError {
            index,
            key: order.map(|order| one_line(order, 80)),
            problem,
            is_quantity_error: false,
        })
    }

    fn read_fields(row: &Element, order: Option<&str>, zone: Tz) -> Result<Self, ParseProblem> {
        let order = order.ok_or("OrderId is missing")?;
        let shipped_at = row.child_text("DateShipped").unwrap_or_default();
        let service = label(row.child_text("FreightService"));
        // Not in the service's description; a system that has it says more.
        let voided = row.child_text("DateVoided").unwrap_or_default();
        Ok(Self {
            order_number: OrderCode::parse(order).map_err(|error| format!("OrderId: {error}"))?,
            slip_id: label(row.child_text("PPSlip")),
            parcel: OmsParcel {
                tracking: tracking(row.child_text("TrackingID")),
                carrier: label(row.child_text("FreightCarrier")),
                service: service.or_else(|| label(row.child_text("FreightDescription"))),
                shipped_at: dates::parse_date("DateShipped", shipped_at, zone)?,
                is_void: !matches!(dates::parse_date("DateVoided", voided, zone), Ok(None)),
            },
        })
    }
}

/// The packages of one order.
fn merge_shipments(
    order: &OrderCode,
    charges: &[ShippingCharge],
    info: Option<&OrderInfo>,
) -> Vec<Shipment> {
    let slips = info.map(|info| info.slips.as_slice()).unwrap_or_default();
    let mut rows = Vec::new();
    // Pick slips of which something is listed, by their place; what they hold is said once.
    let mut said: BTreeSet<usize> = BTreeSet::new();
    let mut listed: BTreeSet<String> = BTreeSet::new();
    for charge in charges {
        let at = find_slip(charge, slips);
        let slip = at.map(|at| &slips[at]);
        let mut pack = charge.parcel.clone();
        listed.extend(pack.tracking.clone());
        pack.is_void |= slip.is_some_and(|slip| is_void_in_slip(&pack, slip));
        let first = slip.is_some_and(|slip| is_first_parcel(&pack, slip));
        let items = match (at, slip) {
            (Some(at), Some(slip)) if first && said.insert(at) => slip.items.clone(),
            _ => None,
        };
        let id = charge.slip_id.as_ref().zip(pack.tracking.as_ref());
        let id = id.map(|(slip, number)| format!("{slip}:{number}"));
        rows.push(to_shipment(order, id, pack, items));
    }
    // The list may leave out what was taken back, of which the shop may have been told before.
    let void = slips
        .iter()
        .flat_map(|slip| &slip.parcels)
        .filter(|pack| pack.is_void);
    for pack in void {
        let unlisted = |number: &String| listed.insert(number.clone());
        if pack.tracking.as_ref().is_some_and(unlisted) {
            rows.push(to_shipment(order, None, pack.clone(), None));
        }
    }
    rows
}

/// The pick slip that a row belongs to: by its id, or by the package; an order with only one leaves
/// no choice.
fn find_slip(charge: &ShippingCharge, slips: &[PickSlip]) -> Option<usize> {
    let by_id = charge
        .slip_id
        .as_ref()
        .and_then(|id| slips.iter().position(|slip| slip.ids.contains(id)));
    let has = |slip: &PickSlip| {
        let number = charge.parcel.tracking.as_ref();
        number.is_some()
            && slip
                .parcels
                .iter()
                .any(|pack| pack.tracking.as_ref() == number)
    };
    by_id
        .or_else(|| slips.iter().position(has))
        .or((slips.len() == 1).then_some(0))
}

/// Whether the order tells of the package, too.
fn is_in_order_info(charge: &ShippingCharge, slips: &[PickSlip]) -> bool {
    let slip = find_slip(charge, slips).map(|at| &slips[at]);
    charge.parcel.tracking.is_some()
        && slip.is_some_and(|slip| matching_parcels(&charge.parcel, slip).count() > 0)
}

fn matching_parcels<'a>(
    pack: &'a OmsParcel,
    slip: &'a PickSlip,
) -> impl Iterator<Item = &'a OmsParcel> {
    slip.parcels
        .iter()
        .filter(|known| known.tracking == pack.tracking)
}

fn is_void_in_slip(pack: &OmsParcel, slip: &PickSlip) -> bool {
    pack.tracking.is_some()
        && matching_parcels(pack, slip).next().is_some()
        && matching_parcels(pack, slip).all(|known| known.is_void)
}

/// Whether it is the pick slip's first good package with a tracking number, in the order's own list:
/// in the list of shipments another one comes first once this one is too old for it.
fn is_first_parcel(pack: &OmsParcel, slip: &PickSlip) -> bool {
    let mut good = slip
        .parcels
        .iter()
        .filter(|known| !known.is_void && known.tracking.is_some());
    match good.next() {
        Some(first) => !pack.is_void && first.tracking == pack.tracking,
        // The order's packages are not told: any that is listed will do.
        None => !pack.is_void && pack.tracking.is_some(),
    }
}

/// `id`: neither list has one of a package. Two pick slips of an order may say the same of theirs
/// ("picked up"), so that the tracking number alone would not do.
fn to_shipment(
    order: &OrderCode,
    id: Option<String>,
    pack: OmsParcel,
    items: Option<Vec<ShipmentItem>>,
) -> Shipment {
    let status = match (pack.is_void, pack.shipped_at) {
        (true, _) => VOID,
        (false, Some(_)) => SHIPPED,
        (false, None) => PACKED,
    };
    Shipment {
        id,
        order_number: order.clone(),
        tracking_number: pack.tracking,
        carrier: pack.carrier,
        service: pack.service,
        shipped_at: pack.shipped_at,
        status: status.into(),
        items,
    }
}
