//! From what the three say of an order to what is off about it. Pure.
//!
//! What may be right by tomorrow without anybody's doing is no finding; neither are goods that were
//! shipped, and then returned: the shop cancels their lines too.

use chrono::{DateTime, TimeDelta, Utc};

use super::findings::{Finding, FindingKind, OrderFacts, ReconcileLimits, WarehouseAnswer};
use crate::{
    domain::{OrderRef, SkuRules, SyncStatus, text::one_line},
    fulfillment::ShippedExtent,
    ledger::{KnownOrder, ShipmentStatus},
    sync::{
        line_changes::{describe_difference, join_differences},
        tracking::parcels::Parcel,
    },
    vendure::FulfillmentProgress,
};

/// In doubt for longer than this: by then VeraCore was asked again and again.
const MAX_IN_DOUBT: TimeDelta = TimeDelta::hours(1);

/// So long after VeraCore shipped it, long weekends included, the shop knows.
const TRACKING_GRACE: TimeDelta = TimeDelta::days(4);

/// Everything that is off about an order of the ledger's.
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
    found
}

/// An order of the shop's in a trigger state that the ledger does not have, under this code at
/// least: whether it should.
pub fn missing_in_ledger(
    order: &OrderRef,
    known_as: Option<&str>,
    limits: &ReconcileLimits,
) -> Option<Finding> {
    // Nobody tells since when it is in its state. Without any date, it is not from just now.
    let since = order.placed_at.max(order.created_at);
    if since.is_some_and(|at| limits.now - at < limits.discovery_grace) {
        return None;
    }
    let (detail, advice) = match known_as {
        None => (
            format!(
                "it is in state {} in Vendure, and the ledger does not know it",
                order.state
            ),
            format!(
                "see that `veracore-sync run` is running; `veracore-sync sync orders --order {}` takes it in and sends it",
                order.code
            ),
        ),
        Some(other) => (
            format!("Vendure gave it the id of order {}, which the ledger has", one_line(other, 80)),
            "was a backup of the shop restored? It is not sent: have VeraCore enter it by hand, or place it anew".into(),
        ),
    };
    Some(Finding::new(
        FindingKind::MissingInLedger,
        order.code.as_str(),
        detail,
        advice,
    ))
}

fn check_in_doubt(known: &KnownOrder, limits: &ReconcileLimits) -> Option<Finding> {
    let waited = limits.now - known.in_doubt_since?;
    (waited > MAX_IN_DOUBT).then(|| {
        let detail = format!(
            "it was sent {} hours ago, and it is still not known whether VeraCore has it",
            waited.num_hours()
        );
        let code = &known.code;
        let advice = format!("`veracore-sync orders show {code}` tells why VeraCore cannot be asked; `veracore-sync orders retry {code}` asks it now");
        Finding::new(FindingKind::StuckInDoubt, code.as_str(), detail, advice)
    })
}

fn missing_in_vendure(facts: &OrderFacts) -> Finding {
    let code = &facts.known.code;
    let detail = match &facts.shop {
        None => format!("Vendure has no order of the id {}", facts.known.order_id),
        Some(other) => format!(
            "Vendure has order {} under its id {}",
            other.code, facts.known.order_id
        ),
    };
    let advice = if facts.known.status == SyncStatus::Success {
        "VeraCore has it: was a backup of the shop restored, or VENDURE_CHANNEL_TOKEN changed? If nobody wants it any more, cancel it at VeraCore".into()
    } else {
        format!("`veracore-sync orders skip {code}` takes it out")
    };
    Finding::new(FindingKind::MissingInVendure, code.as_str(), detail, advice)
}

fn check_cancelled(facts: &OrderFacts, shop: &FulfillmentProgress) -> Option<Finding> {
    let code = facts.known.code.as_str();
    if facts.units_never_fulfilled(shop) == 0 {
        return None;
    }
    let unknown_package = facts.parcels.iter().any(|package| {
        package.has_shipped()
            && package.fulfillment.is_none()
            && package.status != Some(ShipmentStatus::Covered)
    });
    let some_fulfilled = facts
        .known
        .lines
        .iter()
        .any(|sent| shop.fulfilled_units(&sent.line) > 0);
    let (word, left) = match &facts.warehouse {
        WarehouseAnswer::Found(found) if !found.is_cancelled() => {
            (Some(&found.status), found.shipped_extent())
        }
        _ => (None, ShippedExtent::Nothing),
    };
    // What left before the cancellation is a fulfillment in the shop.
    let shipped =
        left == ShippedExtent::Complete || left == ShippedExtent::Partial && !some_fulfilled;
    if shipped || unknown_package {
        let detail = match word {
            Some(word) => format!("cancelled in Vendure, and VeraCore says {word}"),
            None => "cancelled in Vendure, and VeraCore told of a package that left".into(),
        };
        let advice = "have the parcel stopped or sent back, or charge it again".into();
        return Some(Finding::new(
            FindingKind::ShippedAfterCancel,
            code,
            detail,
            advice,
        ));
    }
    let word = word.filter(|_| !facts.known.is_cancel_requested)?;
    let detail = format!("cancelled in Vendure, and VeraCore still has it, status {word}");
    let advice = "cancel it at VeraCore by hand, before it ships".into();
    Some(Finding::new(
        FindingKind::CancelledAfterSend,
        code,
        detail,
        advice,
    ))
}

fn check_lines(
    known: &KnownOrder,
    shop: &FulfillmentProgress,
    rules: &SkuRules,
) -> Option<Finding> {
    if shop.state.is_being_edited() {
        return None;
    }
    let mut differences = Vec::new();
    for sent in &known.lines {
        let line = shop.lines.iter().find(|line| line.id == sent.line);
        let ordered = line.map_or(0, |line| line.quantity);
        // Lines that were fulfilled and then cancelled were returned.
        let now = ordered.max(shop.fulfilled_units(&sent.line).min(sent.quantity));
        if now != sent.quantity {
            differences.push(describe_difference(sent.sku.as_str(), sent.quantity, now));
        }
    }
    for line in &shop.lines {
        let was_sent = known.lines.iter().any(|sent| sent.line == line.id);
        if !was_sent && line.quantity > 0 && !rules.skips(&line.sku) {
            differences.push(describe_difference(&line.sku, 0, line.quantity));
        }
    }
    let detail = join_differences(differences)?;
    let advice = "what was sent is not changed any more: have VeraCore change its order, or put Vendure's back".into();
    Some(Finding::new(
        FindingKind::DifferentLines,
        known.code.as_str(),
        detail,
        advice,
    ))
}

/// What VeraCore's answer means for an order of which the shop still waits for something.
fn check_at_veracore(
    facts: &OrderFacts,
    shop: &FulfillmentProgress,
    limits: &ReconcileLimits,
) -> Option<Finding> {
    let known = &facts.known;
    let code = known.code.as_str();
    let found = match &facts.warehouse {
        WarehouseAnswer::NotChecked => return None,
        WarehouseAnswer::Missing => {
            let detail = "VeraCore took it, and says now that it has no such order".into();
            let advice = "ask VeraCore where it is. It is never sent a second time: if it is lost, have VeraCore enter it by hand, or place it anew".into();
            return Some(Finding::new(
                FindingKind::MissingInVeracore,
                code,
                detail,
                advice,
            ));
        }
        WarehouseAnswer::Found(found) => found,
    };
    if found.is_cancelled() {
        let detail = format!(
            "VeraCore says {}; in Vendure it is in state {}",
            found.status, shop.state
        );
        let advice = "have it revived at VeraCore, or cancel it in Vendure".into();
        return Some(Finding::new(
            FindingKind::CancelledInVeracore,
            code,
            detail,
            advice,
        ));
    }
    let ago = |at: DateTime<Utc>| limits.now - at;
    match found.shipped_extent() {
        ShippedExtent::Complete if ago(found.shipped_at?) > TRACKING_GRACE => {
            let detail = format!(
                "VeraCore says {} {} days ago; in Vendure it is in state {}",
                found.status,
                ago(found.shipped_at?).num_days(),
                shop.state
            );
            let advice = format!(
                "`veracore-sync sync tracking --order {code}` says what keeps its packages from the shop"
            );
            Some(Finding::new(
                FindingKind::ShippedNotFulfilled,
                code,
                detail,
                advice,
            ))
        }
        ShippedExtent::Nothing => {
            let long =
                ago(known.acknowledged_at?) > TimeDelta::days(i64::from(limits.never_shipped_days));
            let moved = facts.parcels.iter().any(Parcel::has_shipped)
                || known
                    .lines
                    .iter()
                    .any(|sent| shop.fulfilled_units(&sent.line) > 0);
            if !long || moved {
                return None;
            }
            let detail = format!(
                "VeraCore has had it for {} days, status {}, and nothing has left",
                ago(known.acknowledged_at?).num_days(),
                found.status
            );
            let advice = "ask VeraCore what it waits for".into();
            Some(Finding::new(
                FindingKind::NeverShipped,
                code,
                detail,
                advice,
            ))
        }
        ShippedExtent::Complete | ShippedExtent::Partial => None,
    }
}

#[cfg(test)]
mod tests;
