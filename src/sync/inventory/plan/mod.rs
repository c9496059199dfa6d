//! Calculates the levels that the shop should have, from the feed, the ledger and the shop. Pure.
//!
//! VeraCore's available quantity excludes what it reserved for its orders. The shop deducts everything
//! it allocated from its stock on hand, the same orders included. Units that both deduct are given
//! back: stock on hand = available + allocated units of acknowledged orders that are not fulfilled.
//! The shop then sells what VeraCore has available, less what it promised in orders that VeraCore
//! does not have yet.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{
    acknowledged::AcknowledgedUnits,
    baseline::StockBaseline,
    feed::{Feed, FeedEntry},
};
use crate::{
    domain::{SafetyStock, Sku, SkuRules, Units, VariantId},
    ledger::StockChange,
    vendure::{StockLevel, Variant},
};

#[derive(Debug, Clone, Default)]
pub struct StockRules {
    pub skus: SkuRules,
    pub safety: SafetyStock,
}

/// The level that a variant should have, with its calculation. It becomes a [`StockChange`] to be
/// recorded or shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetLevel<'a> {
    pub variant: &'a Variant,
    pub veracore_sku: &'a Sku,
    pub feed_entry: &'a FeedEntry,
    pub safety_stock: Units,
    pub acknowledged: u32,
    pub waiting_elsewhere: u32,
    pub gone: u32,
    pub after: u32,
}

impl TargetLevel<'_> {
    pub fn is_met(&self) -> bool {
        self.variant.level.on_hand == i64::from(self.after)
    }

    /// The variant can be sold now, but not with this level.
    fn goes_out_of_stock(&self) -> bool {
        let StockLevel { on_hand, allocated } = self.variant.level;
        on_hand > allocated && i64::from(self.after) <= allocated
    }
}

impl From<&TargetLevel<'_>> for StockChange {
    fn from(target: &TargetLevel<'_>) -> Self {
        let TargetLevel {
            variant,
            feed_entry,
            ..
        } = target;
        Self {
            variant: variant.id.clone(),
            sku: variant.sku.clone(),
            veracore_sku: target.veracore_sku.to_string(),
            available: feed_entry.available,
            reserved: feed_entry.reserved,
            on_hand: feed_entry.on_hand,
            safety_stock: target.safety_stock,
            acknowledged: target.acknowledged,
            waiting_elsewhere: target.waiting_elsewhere,
            gone: target.gone,
            allocated: variant.level.allocated,
            before: variant.level.on_hand,
            after: target.after,
        }
    }
}

/// The levels to write, and everything found on the way. It borrows its input: a shop may have a
/// hundred thousand variants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StockPlan<'a> {
    /// Grouped: variants that share a SKU of VeraCore's follow each other.
    pub changes: Vec<TargetLevel<'a>>,
    pub unchanged: u64,
    /// Variants without inventory tracking, which keep their level.
    pub untracked: u64,
    /// Variants that match `ORDER_SKIP_SKUS`, which keep their level.
    pub skipped: u64,
    /// Vendure's SKUs of tracked variants that are missing from the feed or contradicted there. They
    /// keep their level.
    pub not_in_feed: Vec<&'a str>,
    pub unmatched: Vec<&'a Sku>,
    pub near_misses: Vec<NearMiss>,
    pub shared_skus: Vec<SharedSku>,
    pub in_stock: u64,
    /// Those of them that could not be sold with the new levels.
    pub going_out_of_stock: u64,
}

/// A SKU of the feed that differs from a variant's only in case or surrounding space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NearMiss {
    pub veracore_sku: String,
    pub vendure_sku: String,
}

/// Variants that share one SKU of VeraCore's. Each gets the full level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedSku {
    pub veracore_sku: String,
    /// Vendure's SKUs.
    pub variants: Vec<String>,
    #[serde(skip)]
    pub ids: Vec<VariantId>,
}

/// The input of a plan besides the feed.
#[derive(Debug, Clone, Copy)]
pub struct ShopStock<'a> {
    pub variants: &'a [Variant],
    pub acknowledged: &'a AcknowledgedUnits,
    /// The shop before VeraCore was read; `None` if `variants` is that.
    pub baseline: Option<&'a StockBaseline>,
}

/// A variant whose level veracore-sync manages, with its feed entry.
struct ManagedVariant<'a> {
    variant: &'a Variant,
    veracore_sku: &'a Sku,
    feed_entry: &'a FeedEntry,
    /// The position in the shop of the first variant with that SKU.
    group: usize,
}

/// The shop's variants matched with the feed's entries.
struct MatchedVariants<'a> {
    /// Grouped by VeraCore's SKU, in the order of the first variant of each group.
    managed: Vec<ManagedVariant<'a>>,
    /// Managed as well, but not in the feed.
    not_in_feed: Vec<&'a Variant>,
    /// By row of the feed: the position of the first variant, counted from 1; 0 if no variant has the
    /// SKU. Unmanaged variants count here.
    first_variant: Vec<usize>,
    /// SKUs with contradictory rows that a variant has.
    contradicted: BTreeSet<&'a Sku>,
    untracked: u64,
    skipped: u64,
}

impl<'a> MatchedVariants<'a> {
    /// Looks up each variant once: with a hundred thousand of them, that is most of the cost.
    fn new(feed: &'a Feed, variants: &'a [Variant], rules: &StockRules) -> Self {
        let mut matched = Self {
            managed: Vec::with_capacity(variants.len()),
            not_in_feed: Vec::new(),
            first_variant: vec![0; feed.row_index_end()],
            contradicted: BTreeSet::new(),
            untracked: 0,
            skipped: 0,
        };
        for (variant, position) in variants.iter().zip(1..) {
            // A blank SKU cannot be matched.
            if !Sku::is_valid(&variant.sku) {
                matched.untracked += 1;
                continue;
            }
            let skips = rules.skus.skips(&variant.sku);
            let managed = variant.is_tracked && !skips;
            matched.skipped += u64::from(skips);
            matched.untracked += u64::from(!variant.is_tracked && !skips);
            let name = rules.skus.warehouse_sku_str(&variant.sku);
            let Some((veracore_sku, feed_entry)) = feed.entries.get_key_value(name) else {
                matched.contradicted.extend(feed.contradictory.get(name));
                matched.not_in_feed.extend(managed.then_some(variant));
                continue;
            };
            let first = &mut matched.first_variant[feed_entry.row];
            if *first == 0 {
                *first = position;
            }
            let group = *first;
            matched.managed.extend(managed.then_some(ManagedVariant {
                variant,
                veracore_sku,
                feed_entry,
                group,
            }));
        }
        // Already in this order, except for variants that share a SKU.
        matched.managed.sort_by_key(|managed| managed.group);
        matched
    }

    fn groups(&self) -> impl Iterator<Item = &[ManagedVariant<'a>]> {
        self.managed.chunk_by(|one, other| one.group == other.group)
    }

    fn is_unmatched(&self, entry: &FeedEntry) -> bool {
        self.first_variant[entry.row] == 0
    }
}

pub fn plan_levels<'a>(feed: &'a Feed, shop: ShopStock<'a>, rules: &StockRules) -> StockPlan<'a> {
    let matched = MatchedVariants::new(feed, shop.variants, rules);
    let mut plan = StockPlan {
        untracked: matched.untracked,
        skipped: matched.skipped,
        not_in_feed: matched.not_in_feed.iter().map(|v| v.sku.as_str()).collect(),
        in_stock: count(&matched.not_in_feed, |variant| sellable(variant) > 0)
            + count(&matched.managed, |managed| sellable(managed.variant) > 0),
        ..StockPlan::default()
    };
    plan.not_in_feed.sort_unstable();
    for group in matched.groups() {
        if group.len() > 1 {
            plan.shared_skus.push(SharedSku {
                veracore_sku: group[0].veracore_sku.to_string(),
                variants: group.iter().map(|each| each.variant.sku.clone()).collect(),
                ids: group.iter().map(|each| each.variant.id.clone()).collect(),
            });
        }
        for target in group_targets(group, shop, rules) {
            plan.going_out_of_stock += u64::from(target.goes_out_of_stock());
            if target.is_met() {
                plan.unchanged += 1;
            } else {
                plan.changes.push(target);
            }
        }
    }
    (plan.unmatched, plan.near_misses) = unmatched_skus(feed, &matched, shop.variants, rules);
    plan
}

/// The level that each managed variant should have, unchanged ones included. Unlike a plan, it
/// ignores the rest of the feed.
pub fn target_levels<'a>(
    feed: &'a Feed,
    shop: ShopStock<'a>,
    rules: &StockRules,
) -> Vec<TargetLevel<'a>> {
    let matched = MatchedVariants::new(feed, shop.variants, rules);
    matched
        .groups()
        .flat_map(|group| group_targets(group, shop, rules))
        .collect()
}

fn group_targets<'a>(
    group: &[ManagedVariant<'a>],
    shop: ShopStock<'a>,
    rules: &StockRules,
) -> impl Iterator<Item = TargetLevel<'a>> {
    // Acknowledged units count up to what the shop has allocated: an order may have been cancelled or
    // fulfilled there since.
    let allocated = |variant: &Variant| u32::try_from(variant.level.allocated.max(0)).unwrap_or(0);
    // With several locations, Vendure does not say at which one an order was allocated: units
    // allocated elsewhere may belong to VeraCore's orders. The shop then offers too little, never too
    // much.
    let elsewhere = |variant: &Variant| u32::try_from(variant.allocated_elsewhere).unwrap_or(0);
    let acknowledged = move |variant: &Variant| {
        let units = shop.acknowledged.units(&variant.id);
        units
            .saturating_sub(elsewhere(variant))
            .min(allocated(variant))
    };
    let waiting = |variant: &Variant| allocated(variant) - acknowledged(variant);
    let gone = |variant: &Variant| {
        shop.baseline.map_or(0, |baseline| {
            baseline.units_departed(variant, shop.acknowledged)
        })
    };
    // Of every variant, since they share the goods.
    let total_gone = group
        .iter()
        .fold(0_u32, |sum, each| sum.saturating_add(gone(each.variant)));
    let total_waiting = group
        .iter()
        .fold(0_u32, |sum, each| sum.saturating_add(waiting(each.variant)));
    let target = move |managed: &ManagedVariant<'a>| {
        let ManagedVariant {
            variant,
            veracore_sku,
            feed_entry,
            ..
        } = *managed;
        let acknowledged = acknowledged(variant);
        let safety_stock = rules.safety.for_sku(&variant.sku);
        // Units promised of the other variants that share the goods.
        let waiting_elsewhere = total_waiting.saturating_sub(allocated(variant) - acknowledged);
        let after = feed_entry
            .available
            .get()
            .saturating_sub(safety_stock.get())
            .saturating_add(acknowledged)
            .saturating_sub(waiting_elsewhere)
            .saturating_sub(total_gone)
            // The shop must be able to fulfill these. They are allocated, so none can be sold again.
            .max(acknowledged);
        TargetLevel {
            variant,
            veracore_sku,
            feed_entry,
            safety_stock,
            acknowledged,
            waiting_elsewhere,
            gone: total_gone,
            after,
        }
    };
    group.iter().map(target)
}

/// Units that the shop can sell, before its own threshold.
const fn sellable(variant: &Variant) -> i64 {
    variant.level.on_hand - variant.level.allocated
}

fn count<T>(items: &[T], holds: impl Fn(&T) -> bool) -> u64 {
    items.iter().filter(|item| holds(item)).count() as u64
}

/// The SKUs of the feed without a variant, and the near misses among them.
fn unmatched_skus<'a>(
    feed: &'a Feed,
    matched: &MatchedVariants<'a>,
    variants: &[Variant],
    rules: &StockRules,
) -> (Vec<&'a Sku>, Vec<NearMiss>) {
    let entries = feed.entries.iter();
    let contradicted = feed.contradictory.iter();
    let mut unmatched: Vec<&Sku> = entries
        .filter(|(_, entry)| matched.is_unmatched(entry))
        .map(|(sku, _)| sku)
        .chain(contradicted.filter(|sku| !matched.contradicted.contains(sku)))
        .collect();
    if unmatched.is_empty() {
        return (unmatched, Vec::new());
    }
    unmatched.sort_unstable();
    let folded = |sku: &str| sku.trim().to_lowercase();
    let mut near: HashMap<String, Option<&str>> = unmatched
        .iter()
        .map(|sku| (folded(sku.as_str()), None))
        .collect();
    for variant in variants
        .iter()
        .filter(|variant| Sku::is_valid(&variant.sku))
    {
        let name = rules.skus.warehouse_sku_str(&variant.sku);
        if let Some(near) = near.get_mut(&folded(name)) {
            *near = (*near).max(Some(&variant.sku));
        }
    }
    let near_miss = |sku: &&Sku| {
        let name = near.get(&folded(sku.as_str())).copied().flatten()?;
        Some(NearMiss {
            veracore_sku: sku.to_string(),
            vendure_sku: name.to_owned(),
        })
    };
    let near_misses = unmatched.iter().filter_map(near_miss).collect();
    (unmatched, near_misses)
}

#[cfg(test)]
mod tests;
