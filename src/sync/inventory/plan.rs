//! From the feed, the ledger and the shop's levels to the levels that the shop should have. Pure.
//!
//! VeraCore's available quantity leaves out what it reserved for orders that it has. The shop takes
//! everything that it allocated off its stock on hand, those same orders included. So what both
//! take off is given back: stock on hand = available + allocated units of acknowledged orders
//! that are not fulfilled. Then the shop can sell what VeraCore has free, less what the shop
//! promised and VeraCore does not know of yet.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    acknowledged::Acknowledged,
    earlier::Earlier,
    feed::{Feed, Shelf},
};
use crate::{
    domain::{SafetyStock, Sku, SkuRules, VariantId},
    ledger::StockChange,
    vendure::Variant,
};

/// What decides about a level besides the numbers.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub skus: SkuRules,
    pub safety: SafetyStock,
}

/// What is to be written, and what was seen on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In groups: variants that share a SKU of VeraCore's follow each other.
    pub changes: Vec<StockChange>,
    /// Variants whose level is right.
    pub unchanged: u64,
    /// Variants that the shop does not count; left alone.
    pub untracked: u64,
    /// Variants that are not VeraCore's by `ORDER_SKIP_SKUS`; left alone.
    pub skipped: u64,
    /// SKUs (Vendure's) of counted variants that are not in the feed, or contradicted there; left
    /// alone.
    pub not_in_feed: Vec<String>,
    /// SKUs of the feed without a variant.
    pub unmatched: Vec<Sku>,
    pub near_misses: Vec<NearMiss>,
    /// SKUs of the feed that several variants have.
    pub shared: Vec<Shared>,
    /// Counted variants of which something can be sold now.
    pub on_sale: u64,
    /// Those of them of which nothing could be sold afterwards.
    pub taken_off: u64,
}

/// A SKU of the feed that would have a variant if case and surrounding space did not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NearMiss {
    pub veracore_sku: String,
    pub vendure_sku: String,
}

/// Variants that share one SKU of VeraCore's. Each gets the whole level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shared {
    pub veracore_sku: String,
    /// Their SKUs.
    pub variants: Vec<String>,
    #[serde(skip)]
    pub ids: Vec<VariantId>,
}

/// All that a plan is made of, besides the feed.
#[derive(Debug, Clone, Copy)]
pub struct Shop<'a> {
    pub variants: &'a [Variant],
    pub known: &'a Acknowledged,
    /// How it was before VeraCore was asked; `None` when this is how it was.
    pub earlier: Option<&'a Earlier>,
}

/// A variant that is ours to keep, and what VeraCore calls it.
struct Ours<'a> {
    variant: &'a Variant,
    sku: Sku,
}

/// The shop's variants by what they are called at VeraCore.
#[derive(Default)]
struct Sorted<'a> {
    /// Those whose level is ours to keep.
    groups: BTreeMap<Sku, Vec<Ours<'a>>>,
    /// Of all variants, those that are left alone included.
    names: BTreeSet<Sku>,
    untracked: u64,
    skipped: u64,
}

impl<'a> Sorted<'a> {
    fn of(variants: &'a [Variant], rules: &Rules) -> Self {
        let mut sorted = Self::default();
        for variant in variants {
            // A blank SKU has no name to be matched by.
            let Ok(sku) = Sku::parse(variant.sku.clone()) else {
                sorted.untracked += 1;
                continue;
            };
            let at_warehouse = rules.skus.at_warehouse(sku.clone());
            sorted.names.insert(at_warehouse.clone());
            if rules.skus.skips(&variant.sku) {
                sorted.skipped += 1;
            } else if variant.tracked {
                let ours = Ours { variant, sku };
                sorted.groups.entry(at_warehouse).or_default().push(ours);
            } else {
                sorted.untracked += 1;
            }
        }
        sorted
    }
}

/// What is to be written, and what was seen on the way.
#[must_use]
pub fn plan(feed: &Feed, shop: Shop<'_>, rules: &Rules) -> Plan {
    let sorted = Sorted::of(shop.variants, rules);
    let mut plan = Plan {
        untracked: sorted.untracked,
        skipped: sorted.skipped,
        ..Plan::default()
    };
    for (sku, group) in &sorted.groups {
        plan.on_sale += count(group, |ours| sellable(ours.variant) > 0);
        let Some(shelf) = feed.shelves.get(sku) else {
            let missing = group.iter().map(|ours| ours.variant.sku.clone());
            plan.not_in_feed.extend(missing);
            continue;
        };
        if group.len() > 1 {
            plan.shared.push(Shared {
                veracore_sku: sku.to_string(),
                variants: group.iter().map(|ours| ours.variant.sku.clone()).collect(),
                ids: group.iter().map(|ours| ours.variant.id.clone()).collect(),
            });
        }
        for change in levels(sku, shelf, group, shop, rules) {
            let (before, after) = (change.before, i64::from(change.after));
            if before > change.allocated && after <= change.allocated {
                plan.taken_off += 1;
            }
            if before == after {
                plan.unchanged += 1;
            } else {
                plan.changes.push(change);
            }
        }
    }
    (plan.unmatched, plan.near_misses) = strangers(feed, &sorted.names);
    plan
}

/// The level that each variant should have, those included that have it.
#[must_use]
pub fn all_levels(feed: &Feed, shop: Shop<'_>, rules: &Rules) -> Vec<StockChange> {
    let sorted = Sorted::of(shop.variants, rules);
    let groups = sorted.groups.iter();
    let known_groups = groups.filter_map(|(sku, group)| Some((sku, feed.shelves.get(sku)?, group)));
    known_groups
        .flat_map(|(sku, shelf, group)| levels(sku, shelf, group, shop, rules))
        .collect()
}

/// The level that each variant of a group should have, whether or not it has it.
fn levels(
    sku: &Sku,
    shelf: &Shelf,
    group: &[Ours<'_>],
    shop: Shop<'_>,
    rules: &Rules,
) -> Vec<StockChange> {
    // Never more than the shop really has allocated: an order may have been cancelled or fulfilled
    // there since the ledger heard of it.
    let allocated = |variant: &Variant| u32::try_from(variant.level.allocated.max(0)).unwrap_or(0);
    // In a shop with several locations nobody tells at which one an order was allocated: what is
    // allocated elsewhere may be of the orders that VeraCore has. Too little is offered then, never
    // too much.
    let elsewhere = |variant: &Variant| u32::try_from(variant.allocated_elsewhere).unwrap_or(0);
    let acknowledged = |variant: &Variant| {
        let units = shop.known.units(&variant.id);
        units
            .saturating_sub(elsewhere(variant))
            .min(allocated(variant))
    };
    let waiting = |variant: &Variant| allocated(variant) - acknowledged(variant);
    let gone = |variant: &Variant| {
        shop.earlier
            .map_or(0, |then| then.gone(variant, shop.known))
    };
    // Of whichever variant: the goods are the same.
    let gone_in_all = group
        .iter()
        .fold(0_u32, |sum, ours| sum.saturating_add(gone(ours.variant)));
    let waiting_in_all = group
        .iter()
        .fold(0_u32, |sum, ours| sum.saturating_add(waiting(ours.variant)));
    let level = |ours: &Ours<'_>| {
        let variant = ours.variant;
        let safety_stock = rules.safety.of(&ours.sku);
        // One variant of several that share the goods: what was promised of the others is gone, too.
        let waiting_elsewhere = waiting_in_all.saturating_sub(waiting(variant));
        let after = shelf
            .available
            .get()
            .saturating_sub(safety_stock.get())
            .saturating_add(acknowledged(variant))
            .saturating_sub(waiting_elsewhere)
            .saturating_sub(gone_in_all)
            // Whatever is missing, it was not taken from these: the shop must be able to fulfill
            // them. Nothing more can be sold by it, since they are allocated.
            .max(acknowledged(variant));
        StockChange {
            variant: variant.id.clone(),
            sku: variant.sku.clone(),
            veracore_sku: sku.to_string(),
            available: shelf.available,
            reserved: shelf.reserved,
            on_hand: shelf.on_hand,
            safety_stock,
            acknowledged: acknowledged(variant),
            waiting_elsewhere,
            gone: gone_in_all,
            allocated: variant.level.allocated,
            before: variant.level.on_hand,
            after,
        }
    };
    group.iter().map(level).collect()
}

/// What the shop can sell, before its own threshold.
const fn sellable(variant: &Variant) -> i64 {
    variant.level.on_hand - variant.level.allocated
}

fn count<T>(items: &[T], holds: impl Fn(&T) -> bool) -> u64 {
    items.iter().filter(|item| holds(item)).count() as u64
}

/// The SKUs of the feed that no variant has, and those of them that one nearly has.
fn strangers(feed: &Feed, names: &BTreeSet<Sku>) -> (Vec<Sku>, Vec<NearMiss>) {
    let unmatched: Vec<Sku> = feed
        .shelves
        .keys()
        .chain(&feed.contradicted)
        .filter(|sku| !names.contains(*sku))
        .cloned()
        .collect();
    if unmatched.is_empty() {
        return (unmatched, Vec::new());
    }
    let folded = |sku: &Sku| sku.as_str().trim().to_lowercase();
    let by_folded: BTreeMap<String, &Sku> = names.iter().map(|sku| (folded(sku), sku)).collect();
    let near_misses = unmatched.iter().filter_map(|sku| {
        by_folded.get(&folded(sku)).map(|name| NearMiss {
            veracore_sku: sku.to_string(),
            vendure_sku: name.to_string(),
        })
    });
    let near_misses = near_misses.collect();
    (unmatched, near_misses)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
