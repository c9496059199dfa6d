//! Packages: `GetShippingCharge` tells which left, `GetOrderInfo` what is in them.
//!
//! Owns how the two are put together. What is in a pick slip is said once, with its first package,
//! and so becomes one fulfillment; a package that was taken back is passed on as void. Must not
//! decide what becomes of a package in the shop.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{
    super::rest::{dates, values::Problem},
    OmsClient,
    calls::{ORDER, Question, Reply},
    foreign_page,
    info::{OrderInfo, Pack, Slip, label, tracking},
    ranges::{self, Range},
    xml::{Element, Xml},
};
use crate::{
    domain::{Class, ErrorCategory, OrderCode, text::one_line},
    fulfillment::{BadRow, Page, PageRef, ProviderError, Row, Shipment, ShipmentItem},
    http::{CallError, Effect},
};

const SHIPPED: &str = "Shipped";
const PACKED: &str = "Packed";
const VOID: &str = "Void";

/// Orders of one page: each may be a question, and a stop waits for a page.
const ORDERS: usize = 100;

/// So many orders in a row without an answer are still their own affair.
const MOST_SILENT: u32 = 2;

impl OmsClient {
    pub(super) async fn shipped(
        &self,
        since: DateTime<Utc>,
        page: Option<&PageRef>,
    ) -> Result<Page<Shipment>, ProviderError> {
        let range =
            Range::new(since, page, self.clock.now(), self.timezone).ok_or_else(foreign_page)?;
        let mut charges = Vec::new();
        let mut take = |element: Element| {
            charges.push(Charge::read(charges.len(), &element, self.timezone));
        };
        let mut arguments = Xml::default();
        arguments.text("StartDate", &ranges::moment(range.from));
        arguments.text("EndDate", &ranges::moment(range.to));
        let question = Question {
            name: "shipments",
            operation: "GetShippingCharge",
            effect: Effect::Read,
            arguments: arguments.into_string(),
            about: ORDER,
            private: Vec::new(),
        };
        if let Reply::Fault(fault) = self.ask(&question, Some(&mut take)).await? {
            return Err(fault.error());
        }
        let mut orders: BTreeMap<OrderCode, Vec<Charge>> = BTreeMap::new();
        let mut rows = Vec::new();
        for charge in charges {
            match charge {
                Ok(charge) => orders.entry(charge.order.clone()).or_default().push(charge),
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
        for (order, charges) in left.by_ref().take(ORDERS) {
            let info = match self.contents_of(order, charges).await {
                Err(error) if silent < MOST_SILENT && may_be_the_orders(&error) => {
                    silent += 1;
                    unsaid(order, &error);
                    None
                }
                other => {
                    silent = 0;
                    other?
                }
            };
            rows.extend(
                together(order, charges, info.as_deref())
                    .into_iter()
                    .map(Ok),
            );
            last = Some(order);
        }
        let more = left.peek().and(last);
        Ok(Page {
            rows,
            next: more.map_or_else(|| range.next(), |last| Some(range.rest(last))),
        })
    }

    /// The same as when it was asked last, while nothing changed in the list.
    async fn contents_of(
        &self,
        order: &OrderCode,
        charges: &[Charge],
    ) -> Result<Option<Arc<OrderInfo>>, ProviderError> {
        let now = self.clock.now();
        if let Some(info) = self.contents.of(order, charges, now) {
            return Ok(Some(info));
        }
        let Some(info) = self.info_of_shipped(order).await? else {
            return Ok(None);
        };
        let info = Arc::new(info);
        // The list may be ahead of the order: that is asked again.
        if charges.iter().all(|charge| is_told(charge, &info.slips)) {
            self.contents.keep(order, charges, &info, now);
        }
        Ok(Some(info))
    }

    /// What is in an order's packages, where VeraCore says so. An answer about one order stops no
    /// other; where several in a row get none, VeraCore is down.
    async fn info_of_shipped(&self, order: &OrderCode) -> Result<Option<OrderInfo>, ProviderError> {
        match self.order_info("shipments", order).await {
            Ok(info) => Ok(info.filter(|info| info.number == order.as_str().trim())),
            Err(error) if is_about_the_order(&error) => {
                unsaid(order, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Without VeraCore's words, which may quote the customer.
fn unsaid(order: &OrderCode, error: &ProviderError) {
    let problem = error.without_its_words();
    tracing::warn!(%order, problem, "VeraCore does not say what is in the order's packages");
}

/// Whether VeraCore may just stumble over this order: it was called, and neither shuts us out nor
/// has too many calls.
fn may_be_the_orders(error: &ProviderError) -> bool {
    let category = error.category();
    error.parked_for().is_none()
        && !matches!(category, ErrorCategory::Auth | ErrorCategory::RateLimited)
}

fn is_about_the_order(error: &ProviderError) -> bool {
    error.class() == Class::Permanent
        || matches!(
            error,
            ProviderError::Call(CallError::Malformed { .. } | CallError::TooLarge { .. })
        )
}

/// A row of the list: a package that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Charge {
    order: OrderCode,
    slip: Option<String>,
    pack: Pack,
}

impl Charge {
    pub(super) fn read(index: usize, row: &Element, zone: Tz) -> Row<Self> {
        let order = row.text("OrderId");
        Self::of(row, order, zone).map_err(|problem| BadRow {
            index,
            key: order.map(|order| one_line(order, 80)),
            problem,
            in_quantity: false,
        })
    }

    fn of(row: &Element, order: Option<&str>, zone: Tz) -> Result<Self, Problem> {
        let order = order.ok_or("OrderId is missing")?;
        let shipped_at = row.text("DateShipped").unwrap_or_default();
        let service = label(row.text("FreightService"));
        // Not in the service's description; a system that has it says more.
        let voided = row.text("DateVoided").unwrap_or_default();
        Ok(Self {
            order: OrderCode::parse(order).map_err(|error| format!("OrderId: {error}"))?,
            slip: label(row.text("PPSlip")),
            pack: Pack {
                tracking: tracking(row.text("TrackingID")),
                carrier: label(row.text("FreightCarrier")),
                service: service.or_else(|| label(row.text("FreightDescription"))),
                shipped_at: dates::moment_of("DateShipped", shipped_at, zone)?,
                is_void: !matches!(dates::moment_of("DateVoided", voided, zone), Ok(None)),
            },
        })
    }
}

/// The packages of one order.
fn together(order: &OrderCode, charges: &[Charge], info: Option<&OrderInfo>) -> Vec<Shipment> {
    let slips = info.map(|info| info.slips.as_slice()).unwrap_or_default();
    let mut rows = Vec::new();
    // Pick slips of which something is listed, by their place; what they hold is said once.
    let mut said: BTreeSet<usize> = BTreeSet::new();
    let mut listed: BTreeSet<String> = BTreeSet::new();
    for charge in charges {
        let at = slip_of(charge, slips);
        let slip = at.map(|at| &slips[at]);
        let mut pack = charge.pack.clone();
        listed.extend(pack.tracking.clone());
        pack.is_void |= slip.is_some_and(|slip| is_void(&pack, slip));
        let first = slip.is_some_and(|slip| is_first(&pack, slip));
        let items = match (at, slip) {
            (Some(at), Some(slip)) if first && said.insert(at) => slip.items.clone(),
            _ => None,
        };
        let id = charge.slip.as_ref().zip(pack.tracking.as_ref());
        let id = id.map(|(slip, number)| format!("{slip}:{number}"));
        rows.push(shipment(order, id, pack, items));
    }
    // The list may leave out what was taken back, of which the shop may have been told before.
    let void = slips
        .iter()
        .flat_map(|slip| &slip.packages)
        .filter(|pack| pack.is_void);
    for pack in void {
        let unlisted = |number: &String| listed.insert(number.clone());
        if pack.tracking.as_ref().is_some_and(unlisted) {
            rows.push(shipment(order, None, pack.clone(), None));
        }
    }
    rows
}

/// The pick slip that a row belongs to: by its id, or by the package; an order with only one leaves
/// no choice.
fn slip_of(charge: &Charge, slips: &[Slip]) -> Option<usize> {
    let by_id = charge
        .slip
        .as_ref()
        .and_then(|id| slips.iter().position(|slip| slip.ids.contains(id)));
    let has = |slip: &Slip| {
        let number = charge.pack.tracking.as_ref();
        number.is_some()
            && slip
                .packages
                .iter()
                .any(|pack| pack.tracking.as_ref() == number)
    };
    by_id
        .or_else(|| slips.iter().position(has))
        .or((slips.len() == 1).then_some(0))
}

/// Whether the order tells of the package, too.
fn is_told(charge: &Charge, slips: &[Slip]) -> bool {
    let slip = slip_of(charge, slips).map(|at| &slips[at]);
    charge.pack.tracking.is_some() && slip.is_some_and(|slip| same(&charge.pack, slip).count() > 0)
}

fn same<'a>(pack: &'a Pack, slip: &'a Slip) -> impl Iterator<Item = &'a Pack> {
    slip.packages
        .iter()
        .filter(|known| known.tracking == pack.tracking)
}

fn is_void(pack: &Pack, slip: &Slip) -> bool {
    pack.tracking.is_some()
        && same(pack, slip).next().is_some()
        && same(pack, slip).all(|known| known.is_void)
}

/// Whether it is the pick slip's first good package with a tracking number, in the order's own list:
/// in the list of shipments another one comes first once this one is too old for it.
fn is_first(pack: &Pack, slip: &Slip) -> bool {
    let mut good = slip
        .packages
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
fn shipment(
    order: &OrderCode,
    id: Option<String>,
    pack: Pack,
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

#[cfg(test)]
#[path = "tests/together.rs"]
mod tests;
