//! Compares an order in the shop, the ledger and VeraCore. Pure.
//!
//! A difference that may resolve automatically by tomorrow is no finding. Neither are returned goods,
//! whose lines the shop cancels as well.

use chrono::TimeDelta;

use super::findings::{Finding, FindingKind, OrderFacts, ReconcileLimits, WarehouseAnswer};
use crate::{
    domain::{OrderRef, SkuRules, SyncStatus, text::one_line},
    fulfillment::ShippedExtent,
    ledger::{KnownOrder, ShipmentStatus},
    sync::{line_changes::describe_differences, tracking::parcels::Parcel},
    vendure::FulfillmentProgress,
};

/// In doubt for longer than this, an order was looked up many times.
const MAX_IN_DOUBT: TimeDelta = TimeDelta::hours(1);

/// Tracking reaches the shop within this, long weekends included.
const TRACKING_GRACE: TimeDelta = TimeDelta::days(4);

/// The kind of a finding, its detail and the action to take.
type Difference = (FindingKind, String, String);

pub fn compare_order(
    facts: &OrderFacts,
    rules: &SkuRules,
    limits: &ReconcileLimits,
) -> Vec<Finding> {
    let known = &facts.known;
    let sent = known.status == SyncStatus::Success;
    let mut found = Vec::new();
    found.extend(check_in_doubt(known, limits));
    match facts.matching_shop_order() {
        None => found.push(missing_in_vendure(facts)),
        Some(_) if !sent => {}
        Some(shop) if shop.state.is_cancelled() => found.extend(check_cancelled(facts, shop)),
        Some(shop) => {
            found.extend(check_lines(known, shop, rules));
            if facts.units_to_fulfill(shop) > 0 {
                found.extend(check_at_veracore(facts, shop, limits));
            }
        }
    }
    let finding = |difference| Finding::new(&known.code, difference);
    found.into_iter().map(finding).collect()
}

/// Checks an order of the shop's in a trigger state that the ledger does not have, at least under this
/// code.
pub fn missing_in_ledger(
    order: &OrderRef,
    known_as: Option<&str>,
    limits: &ReconcileLimits,
) -> Option<Finding> {
    // The shop does not say when it entered the state. An order without a date is not a recent one.
    let since = order.placed_at.max(order.created_at);
    if since.is_some_and(|at| limits.now - at < limits.discovery_grace) {
        return None;
    }
    let (detail, advice) = match known_as {
        None => (
            format!(
                "it is in state {} in Vendure, but not in the ledger",
                order.state
            ),
            format!(
                "check that `veracore-sync run` is running; `veracore-sync sync orders --order {}` sends it now",
                order.code
            ),
        ),
        Some(other) => (
            format!("Vendure gave it the id of order {}, which is in the ledger", one_line(other, 80)),
            "was a backup of the shop restored? The order is not sent: have VeraCore enter it by hand, or place it again".into(),
        ),
    };
    let difference = (FindingKind::MissingInLedger, detail, advice);
    Some(Finding::new(&order.code, difference))
}

fn check_in_doubt(known: &KnownOrder, limits: &ReconcileLimits) -> Option<Difference> {
    let waited = limits.now - known.in_doubt_since?;
    (waited > MAX_IN_DOUBT).then(|| {
        let detail = format!(
            "it was sent {} hours ago, and VeraCore has not confirmed it",
            waited.num_hours()
        );
        let code = &known.code;
        let advice = format!("`veracore-sync orders show {code}` shows why the lookup at VeraCore fails; `veracore-sync orders retry {code}` looks it up now");
        (FindingKind::StuckInDoubt, detail, advice)
    })
}

fn missing_in_vendure(facts: &OrderFacts) -> Difference {
    let code = &facts.known.code;
    let detail = match &facts.shop {
        None => format!("Vendure has no order with id {}", facts.known.order_id),
        Some(other) => format!(
            "Vendure has order {} under its id {}",
            other.code, facts.known.order_id
        ),
    };
    let advice = if facts.known.status == SyncStatus::Success {
        "VeraCore has it: was a backup of the shop restored, or VENDURE_CHANNEL_TOKEN changed? If the order is no longer wanted, cancel it at VeraCore".into()
    } else {
        format!("skip it: `veracore-sync orders skip {code}`")
    };
    (FindingKind::MissingInVendure, detail, advice)
}

fn check_cancelled(facts: &OrderFacts, shop: &FulfillmentProgress) -> Option<Difference> {
    if facts.units_never_fulfilled(shop) == 0 {
        return None;
    }
    let has_unfulfilled_parcel = facts.parcels.iter().any(|parcel| {
        parcel.has_shipped()
            && parcel.fulfillment.is_none()
            && parcel.status != Some(ShipmentStatus::Covered)
    });
    let some_fulfilled = facts.has_fulfilled_units(shop);
    let (status, extent) = match &facts.warehouse {
        WarehouseAnswer::Found(found) if !found.is_cancelled() => {
            (Some(&found.status), found.shipped_extent())
        }
        _ => (None, ShippedExtent::Nothing),
    };
    // Units shipped before the cancellation are fulfilled in the shop.
    let shipped =
        extent == ShippedExtent::Complete || extent == ShippedExtent::Partial && !some_fulfilled;
    if shipped || has_unfulfilled_parcel {
        let detail = match status {
            Some(status) => format!("cancelled in Vendure; its status at VeraCore is {status}"),
            None => "cancelled in Vendure; VeraCore reported a parcel that left".into(),
        };
        let advice = "have the parcel stopped or returned, or charge the customer again".into();
        return Some((FindingKind::ShippedAfterCancel, detail, advice));
    }
    let status = status.filter(|_| !facts.known.is_cancel_requested)?;
    let detail = format!("cancelled in Vendure, but VeraCore still has it, status {status}");
    let advice = "cancel it at VeraCore by hand before it ships".into();
    Some((FindingKind::CancelledAfterSend, detail, advice))
}

fn check_lines(
    known: &KnownOrder,
    shop: &FulfillmentProgress,
    rules: &SkuRules,
) -> Option<Difference> {
    if shop.state.is_being_edited() {
        return None;
    }
    let sent = known.lines.iter().map(|sent| {
        let line = shop.lines.iter().find(|line| line.id == sent.line);
        let ordered = line.map_or(0, |line| line.quantity);
        // Lines cancelled after fulfillment are returns.
        let now = ordered.max(shop.fulfilled_units(&sent.line).min(sent.quantity));
        (sent.sku.as_str(), sent.quantity, now)
    });
    let added = shop.lines.iter().filter(|line| {
        let was_sent = known.lines.iter().any(|sent| sent.line == line.id);
        !was_sent && !rules.skips(&line.sku)
    });
    let added = added.map(|line| (line.sku.as_str(), 0, line.quantity));
    let detail = describe_differences(sent.chain(added))?;
    let advice = "veracore-sync does not change sent orders: have VeraCore change its order, or undo the change in Vendure".into();
    Some((FindingKind::DifferentLines, detail, advice))
}

/// Checks VeraCore's answer about an order that the shop has not completely fulfilled.
fn check_at_veracore(
    facts: &OrderFacts,
    shop: &FulfillmentProgress,
    limits: &ReconcileLimits,
) -> Option<Difference> {
    let known = &facts.known;
    let code = known.code.as_str();
    let found = match &facts.warehouse {
        WarehouseAnswer::NotChecked => return None,
        WarehouseAnswer::Missing => {
            let detail = "VeraCore accepted it, but no longer has it".into();
            let advice = "ask VeraCore where it is. It is never sent twice: if it is lost, have VeraCore enter it by hand, or place it again".into();
            return Some((FindingKind::MissingInVeracore, detail, advice));
        }
        WarehouseAnswer::Found(found) => found,
    };
    if found.is_cancelled() {
        let detail = format!(
            "its status at VeraCore is {}; in Vendure it is in state {}",
            found.status, shop.state
        );
        let advice = "have VeraCore reactivate it, or cancel it in Vendure".into();
        return Some((FindingKind::CancelledInVeracore, detail, advice));
    }
    match found.shipped_extent() {
        ShippedExtent::Complete => {
            let ago = limits.now - found.shipped_at?;
            if ago <= TRACKING_GRACE {
                return None;
            }
            let detail = format!(
                "VeraCore shipped it {} days ago, status {}; in Vendure it is in state {}",
                ago.num_days(),
                found.status,
                shop.state
            );
            let advice = format!(
                "`veracore-sync sync tracking --order {code}` shows why its parcels are not fulfilled"
            );
            Some((FindingKind::ShippedNotFulfilled, detail, advice))
        }
        ShippedExtent::Nothing => {
            let ago = limits.now - known.acknowledged_at?;
            let is_late = ago > TimeDelta::days(i64::from(limits.never_shipped_days));
            let has_shipment =
                facts.parcels.iter().any(Parcel::has_shipped) || facts.has_fulfilled_units(shop);
            if !is_late || has_shipment {
                return None;
            }
            let detail = format!(
                "VeraCore has had it for {} days, status {}, and has shipped nothing",
                ago.num_days(),
                found.status
            );
            let advice = "ask VeraCore why".into();
            Some((FindingKind::NeverShipped, detail, advice))
        }
        ShippedExtent::Partial => None,
    }
}

#[cfg(test)]
mod tests;
