//! Packages: `GetShippingCharge` tells which left, `GetOrderInfo` what is in them.
//!
//! Owns how the two are put together. What is in a pick slip is said once, with its first package,
//! and so becomes one fulfillment; a package that was taken back is passed on as void. Must not
//! decide what becomes of a package in the shop.

use std::collections::{BTreeMap, BTreeSet};

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
    domain::{Class, OrderCode, text::one_line},
    fulfillment::{BadRow, Page, PageRef, ProviderError, Row, Shipment, ShipmentItem},
    http::{CallError, Effect},
};

const SHIPPED: &str = "Shipped";
const PACKED: &str = "Packed";
const VOID: &str = "Void";

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
                Err(bad) => rows.push(Err(bad)),
            }
        }
        for (order, charges) in orders {
            let info = self.info_of_shipped(&order).await?;
            rows.extend(together(&order, charges, info.as_ref()).into_iter().map(Ok));
        }
        Ok(Page {
            rows,
            next: range.next(),
        })
    }

    /// What is in an order's packages, where VeraCore says so. An answer about one order stops no
    /// other; no answer at all does.
    async fn info_of_shipped(&self, order: &OrderCode) -> Result<Option<OrderInfo>, ProviderError> {
        match self.order_info("shipments", order).await {
            Ok(info) => Ok(info.filter(|info| info.number == order.as_str().trim())),
            Err(error) if is_about_the_order(&error) => {
                tracing::warn!(%order, %error, "VeraCore does not say what is in the order's packages");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn is_about_the_order(error: &ProviderError) -> bool {
    error.class() == Class::Permanent
        || matches!(
            error,
            ProviderError::Call(CallError::Malformed { .. } | CallError::TooLarge { .. })
        )
}

/// A row of the list: a package that was sent.
#[derive(Debug, PartialEq, Eq)]
struct Charge {
    order: OrderCode,
    slip: Option<String>,
    pack: Pack,
}

impl Charge {
    fn read(index: usize, row: &Element, zone: Tz) -> Row<Self> {
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
        Ok(Self {
            order: OrderCode::parse(order).map_err(|error| format!("OrderId: {error}"))?,
            slip: label(row.text("PPSlip")),
            pack: Pack {
                tracking: tracking(row.text("TrackingID")),
                carrier: label(row.text("FreightCarrier")),
                service: service.or_else(|| label(row.text("FreightDescription"))),
                shipped_at: dates::moment_of("DateShipped", shipped_at, zone)?,
                is_void: false,
            },
        })
    }
}

/// The packages of one order.
fn together(order: &OrderCode, charges: Vec<Charge>, info: Option<&OrderInfo>) -> Vec<Shipment> {
    let slips = info.map(|info| info.slips.as_slice()).unwrap_or_default();
    let mut rows = Vec::new();
    // Pick slips of which something is listed, by their place; what they hold is said once.
    let mut said: BTreeSet<usize> = BTreeSet::new();
    let mut listed: BTreeSet<String> = BTreeSet::new();
    for charge in charges {
        let at = slip_of(&charge, slips);
        let slip = at.map(|at| &slips[at]);
        let mut pack = charge.pack;
        listed.extend(pack.tracking.clone());
        pack.is_void = slip.is_some_and(|slip| is_void(&pack, slip));
        let first = slip.is_some_and(|slip| is_first(&pack, slip));
        let items = match (at, slip) {
            (Some(at), Some(slip)) if first && said.insert(at) => slip.items.clone(),
            _ => None,
        };
        let id = charge.slip.zip(pack.tracking.as_ref());
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
