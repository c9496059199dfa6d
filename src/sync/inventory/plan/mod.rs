//! From the feed, the ledger and the shop's levels to the levels that the shop should have. Pure.
//!
//! VeraCore's available quantity leaves out what it reserved for orders that it has. The shop takes
//! everything that it allocated off its stock on hand, those same orders included. So what both
//! take off is given back: stock on hand = available + allocated units of acknowledged orders
//! that are not fulfilled. Then the shop can sell what VeraCore has free, less what the shop
//! promised and VeraCore does not know of yet.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

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

/// What decides about a level besides the numbers.
#[derive(Debug, Clone, Default)]
pub struct StockRules {
    pub skus: SkuRules,
    pub safety: SafetyStock,
}

/// The level that a variant should have, and the arithmetic behind it; see [`StockChange`], which it
/// becomes once it is to be kept or shown.
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
    /// Whether the variant has this level already.
    pub fn is_met(&self) -> bool {
        self.variant.level.on_hand == i64::from(self.after)
    }

    /// Whether something can be sold of the variant now, and nothing with this level.
    fn goes_out_of_stock(&self) -> bool {
        let StockLevel { on_hand, allocated } = self.variant.level;
        on_hand > allocated && i64::from(self.after) <= allocated
    }
}

impl From<&TargetLevel<'_>> for StockChange {
    fn from(target: &TargetLevel<'_>) -> Self {
        let TargetLevel {
            variant,
            feed_entry: shelf,
            ..
        } = target;
        Self {
            variant: variant.id.clone(),
            sku: variant.sku.clone(),
            veracore_sku: target.veracore_sku.to_string(),
            available: shelf.available,
            reserved: shelf.reserved,
            on_hand: shelf.on_hand,
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

/// What is to be written, and what was seen on the way. It borrows from what it was made of: a shop
/// may have a hundred thousand variants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StockPlan<'a> {
    /// In groups: variants that share a SKU of VeraCore's follow each other.
    pub changes: Vec<TargetLevel<'a>>,
    /// Variants whose level is right.
    pub unchanged: u64,
    /// Variants that the shop does not count; left alone.
    pub untracked: u64,
    /// Variants that are not VeraCore's by `ORDER_SKIP_SKUS`; left alone.
    pub skipped: u64,
    /// SKUs (Vendure's) of counted variants that are not in the feed, or contradicted there; left
    /// alone.
    pub not_in_feed: Vec<&'a str>,
    /// SKUs of the feed without a variant.
    pub unmatched: Vec<&'a Sku>,
    pub near_misses: Vec<NearMiss>,
    /// SKUs of the feed that several variants have.
    pub shared_skus: Vec<SharedSku>,
    /// Counted variants of which something can be sold now.
    pub in_stock: u64,
    /// Those of them of which nothing could be sold afterwards.
    pub going_out_of_stock: u64,
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
pub struct SharedSku {
    pub veracore_sku: String,
    /// Their SKUs.
    pub variants: Vec<String>,
    #[serde(skip)]
    pub ids: Vec<VariantId>,
}

/// All that a plan is made of, besides the feed.
#[derive(Debug, Clone, Copy)]
pub struct ShopStock<'a> {
    pub variants: &'a [Variant],
    pub acknowledged: &'a AcknowledgedUnits,
    /// How it was before VeraCore was asked; `None` when this is how it was.
    pub baseline: Option<&'a StockBaseline>,
}

/// A variant whose level is ours to keep, and what VeraCore has of it.
struct ManagedVariant<'a> {
    variant: &'a Variant,
    veracore_sku: &'a Sku,
    feed_entry: &'a FeedEntry,
    /// The place in the shop of the first variant with that SKU.
    group: usize,
}

/// The shop's variants beside the feed's shelves.
struct MatchedVariants<'a> {
    /// In groups of one SKU of VeraCore's, as the shop has the first of each.
    managed: Vec<ManagedVariant<'a>>,
    /// Ours, too, but not in the feed.
    not_in_feed: Vec<&'a Variant>,
    /// By the shelves' rows: the place in the shop of the first variant, counted from 1; 0: none has
    /// the SKU. Variants that are left alone count here.
    first_variant: Vec<usize>,
    /// SKUs that the feed contradicts itself about and a variant has.
    contradicted: BTreeSet<&'a Sku>,
    untracked: u64,
    skipped: u64,
}

impl<'a> MatchedVariants<'a> {
    /// Looks each variant up once: of a hundred thousand, that is nearly all that planning costs.
    fn new(feed: &'a Feed, variants: &'a [Variant], rules: &StockRules) -> Self {
        let mut matched = Self {
            managed: Vec::with_capacity(variants.len()),
            not_in_feed: Vec::new(),
            first_variant: vec![0; feed.row_index_end()],
            contradicted: BTreeSet::new(),
            untracked: 0,
            skipped: 0,
        };
        for (variant, place) in variants.iter().zip(1..) {
            // A blank SKU has no name to be matched by.
            if !Sku::is_valid(&variant.sku) {
                matched.untracked += 1;
                continue;
            }
            let skips = rules.skus.skips(&variant.sku);
            let ours = variant.is_tracked && !skips;
            matched.skipped += u64::from(skips);
            matched.untracked += u64::from(!variant.is_tracked && !skips);
            let name = rules.skus.warehouse_sku_str(&variant.sku);
            let Some((veracore_sku, shelf)) = feed.entries.get_key_value(name) else {
                matched.contradicted.extend(feed.contradictory.get(name));
                matched.not_in_feed.extend(ours.then_some(variant));
                continue;
            };
            let first = &mut matched.first_variant[shelf.row];
            if *first == 0 {
                *first = place;
            }
            let group = *first;
            matched.managed.extend(ours.then_some(ManagedVariant {
                variant,
                veracore_sku,
                feed_entry: shelf,
                group,
            }));
        }
        // But for the variants that share a SKU they are in this order already.
        matched.managed.sort_by_key(|ours| ours.group);
        matched
    }

    fn groups(&self) -> impl Iterator<Item = &[ManagedVariant<'a>]> {
        self.managed.chunk_by(|one, other| one.group == other.group)
    }

    /// Whether no variant has this SKU of the feed's.
    fn is_unmatched(&self, shelf: &FeedEntry) -> bool {
        self.first_variant[shelf.row] == 0
    }
}

/// What is to be written, and what was seen on the way.
pub fn plan_levels<'a>(feed: &'a Feed, shop: ShopStock<'a>, rules: &StockRules) -> StockPlan<'a> {
    let matched = MatchedVariants::new(feed, shop.variants, rules);
    let mut plan = StockPlan {
        untracked: matched.untracked,
        skipped: matched.skipped,
        not_in_feed: matched.not_in_feed.iter().map(|v| v.sku.as_str()).collect(),
        in_stock: count(&matched.not_in_feed, |variant| sellable(variant) > 0)
            + count(&matched.managed, |ours| sellable(ours.variant) > 0),
        ..StockPlan::default()
    };
    plan.not_in_feed.sort_unstable();
    for group in matched.groups() {
        if group.len() > 1 {
            plan.shared_skus.push(SharedSku {
                veracore_sku: group[0].veracore_sku.to_string(),
                variants: group.iter().map(|ours| ours.variant.sku.clone()).collect(),
                ids: group.iter().map(|ours| ours.variant.id.clone()).collect(),
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

/// The level that each of these variants should have, those included that have it. Unlike a plan it
/// does not look at what else is in the feed.
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

/// The level that each variant of a group should have, whether or not it has it.
fn group_targets<'a>(
    group: &[ManagedVariant<'a>],
    shop: ShopStock<'a>,
    rules: &StockRules,
) -> impl Iterator<Item = TargetLevel<'a>> {
    // Never more than the shop really has allocated: an order may have been cancelled or fulfilled
    // there since the ledger heard of it.
    let allocated = |variant: &Variant| u32::try_from(variant.level.allocated.max(0)).unwrap_or(0);
    // In a shop with several locations nobody tells at which one an order was allocated: what is
    // allocated elsewhere may be of the orders that VeraCore has. Too little is offered then, never
    // too much.
    let elsewhere = |variant: &Variant| u32::try_from(variant.allocated_elsewhere).unwrap_or(0);
    let acknowledged = move |variant: &Variant| {
        let units = shop.acknowledged.units(&variant.id);
        units
            .saturating_sub(elsewhere(variant))
            .min(allocated(variant))
    };
    let waiting = |variant: &Variant| allocated(variant) - acknowledged(variant);
    let gone = |variant: &Variant| {
        shop.baseline
            .map_or(0, |then| then.units_departed(variant, shop.acknowledged))
    };
    // Of whichever variant: the goods are the same.
    let gone_in_all = group
        .iter()
        .fold(0_u32, |sum, ours| sum.saturating_add(gone(ours.variant)));
    let waiting_in_all = group
        .iter()
        .fold(0_u32, |sum, ours| sum.saturating_add(waiting(ours.variant)));
    let target = move |ours: &ManagedVariant<'a>| {
        let ManagedVariant {
            variant,
            feed_entry: shelf,
            ..
        } = *ours;
        let acknowledged = acknowledged(variant);
        let safety_stock = rules.safety.for_sku(&variant.sku);
        // One variant of several that share the goods: what was promised of the others is gone, too.
        let waiting_elsewhere = waiting_in_all.saturating_sub(allocated(variant) - acknowledged);
        let after = shelf
            .available
            .get()
            .saturating_sub(safety_stock.get())
            .saturating_add(acknowledged)
            .saturating_sub(waiting_elsewhere)
            .saturating_sub(gone_in_all)
            // Whatever is missing, it was not taken from these: the shop must be able to fulfill
            // them. Nothing more can be sold by it, since they are allocated.
            .max(acknowledged);
        TargetLevel {
            variant,
            veracore_sku: ours.veracore_sku,
            feed_entry: shelf,
            safety_stock,
            acknowledged,
            waiting_elsewhere,
            gone: gone_in_all,
            after,
        }
    };
    group.iter().map(target)
}

/// What the shop can sell, before its own threshold.
const fn sellable(variant: &Variant) -> i64 {
    variant.level.on_hand - variant.level.allocated
}

fn count<T>(items: &[T], holds: impl Fn(&T) -> bool) -> u64 {
    items.iter().filter(|item| holds(item)).count() as u64
}

/// The SKUs of the feed that no variant has, and those of them that one nearly has.
fn unmatched_skus<'a>(
    feed: &'a Feed,
    matched: &MatchedVariants<'a>,
    variants: &[Variant],
    rules: &StockRules,
) -> (Vec<&'a Sku>, Vec<NearMiss>) {
    let shelves = feed.entries.iter();
    let strange = shelves.filter(|(_, shelf)| matched.is_unmatched(shelf));
    let contradicted = feed.contradictory.iter();
    let mut unmatched: Vec<&Sku> = strange
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
            *near = (*near).max(Some(name));
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
