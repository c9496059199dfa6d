//! Whether an order in the shop is still what was sent. Pure.
//!
//! What was sent of addresses and names is known by digests alone: they are never kept.

use sha2::{Digest, Sha256};

use crate::{
    domain::{Address, Order, ShippingMethodCode, SkuRules},
    ledger::{ChangedPart, PartDigests, PostSendLine},
    sync::reconcile::{describe_difference, join_differences},
};

/// How the names of states begin in which a part of the order was shipped or delivered.
const PARTIAL_STATE_PREFIX: &str = "Partially";

/// The digests of an order's parts, as they are when it is sent. Not of the customer, who may change
/// name and e-mail address in the account.
#[must_use]
pub fn part_digests(order: &Order) -> PartDigests {
    let address = |address: Option<&Address>| address.map_or_else(String::new, address_text);
    let methods = order.shipping_methods.iter();
    let mut methods: Vec<&str> = methods.map(ShippingMethodCode::as_str).collect();
    // Their sequence means nothing.
    methods.sort_unstable();
    [
        ("shippingAddress", address(order.shipping_address.as_ref())),
        ("billingAddress", address(order.billing_address.as_ref())),
        ("shippingMethod", methods.join("\u{1f}")),
    ]
    .map(|(part, words)| (part.to_owned(), part_digest(part, &words)))
    .into()
}

/// Each part with its name, so that two parts that hold the same have different digests.
fn part_digest(part: &str, words: &str) -> String {
    let digest = Sha256::new()
        .chain_update(part)
        .chain_update([0x1e])
        .chain_update(words)
        .finalize();
    digest[..16].iter().map(|b| format!("{b:02x}")).collect()
}

fn join_fields(words: &[&Option<String>]) -> String {
    let words: Vec<&str> = words.iter().map(|w| w.as_deref().unwrap_or("")).collect();
    words.join("\u{1f}")
}

fn address_text(address: &Address) -> String {
    join_fields(&[
        &address.full_name,
        &address.company,
        &address.street_line_1,
        &address.street_line_2,
        &address.city,
        &address.province,
        &address.postal_code,
        &address.country_code,
        &address.phone,
    ])
}

/// What of the order is not any more what was sent. Lines that are not VeraCore's do not count, nor
/// do prices, which refunds change.
#[must_use]
pub fn changed_parts(
    now: &Order,
    sent_parts: Option<&PartDigests>,
    sent_lines: &[PostSendLine],
    rules: &SkuRules,
) -> Vec<ChangedPart> {
    let mut changed = Vec::new();
    if let Some(lines) = changed_lines(now, sent_lines, rules) {
        changed.push(ChangedPart {
            part: "lines".into(),
            detail: Some(lines),
        });
    }
    let parts = part_digests(now);
    for (part, sent) in sent_parts.into_iter().flatten() {
        if parts.get(part).is_some_and(|now| now != sent) {
            changed.push(ChangedPart {
                part: part.clone(),
                detail: None,
            });
        }
    }
    changed.sort();
    changed
}

fn changed_lines(now: &Order, sent: &[PostSendLine], rules: &SkuRules) -> Option<String> {
    // Of an order that was shipped in part, lines with fewer units may be returns.
    let may_be_returned = now.state.as_str().starts_with(PARTIAL_STATE_PREFIX);
    let mut differences = Vec::new();
    for line in sent {
        let ordered = now.lines.iter().find(|is| is.id == line.line_id);
        let ordered = ordered.map_or(0, |line| line.quantity);
        if ordered > line.quantity || ordered < line.quantity && !may_be_returned {
            differences.push(describe_difference(&line.sku, line.quantity, ordered));
        }
    }
    for line in &now.lines {
        let was_sent = sent.iter().any(|sent| sent.line_id == line.id);
        if !was_sent && line.quantity > 0 && !rules.skips(&line.sku) {
            differences.push(describe_difference(&line.sku, 0, line.quantity));
        }
    }
    join_differences(differences)
}

#[cfg(test)]
#[path = "difference_tests.rs"]
mod tests;
