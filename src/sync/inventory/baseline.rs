//! How the shop was before VeraCore was asked, and what left it since without a trace in VeraCore's
//! numbers. Pure.
//!
//! An order may be placed, sent, shipped and fulfilled all after VeraCore was asked. Its units are in
//! VeraCore's numbers still, and in the shop neither on hand nor allocated any more: nothing but the
//! fall of the shop's own numbers tells of them.

use std::collections::BTreeMap;

use super::acknowledged::AcknowledgedUnits;
use crate::{
    domain::VariantId,
    ledger::StockChange,
    vendure::{StockLevel, Variant},
};

/// An earlier look at the shop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StockBaseline {
    variants: BTreeMap<VariantId, VariantBaseline>,
    acknowledged: AcknowledgedUnits,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct VariantBaseline {
    on_hand: i64,
    /// What had left by then.
    departed: u32,
    /// By how much less was allocated right after the level was written than it was planned with.
    allocation_drop: u32,
}

impl StockBaseline {
    pub fn new(variants: Vec<Variant>, acknowledged: AcknowledgedUnits) -> Self {
        let then = |variant: Variant| {
            let then = VariantBaseline {
                on_hand: variant.level.on_hand,
                ..VariantBaseline::default()
            };
            (variant.id, then)
        };
        Self {
            variants: variants.into_iter().map(then).collect(),
            acknowledged,
        }
    }

    /// What was known of the orders by then.
    pub const fn acknowledged(&self) -> &AcknowledgedUnits {
        &self.acknowledged
    }

    /// Units of a variant that left the shop since, without being given back as acknowledged. Some
    /// may have been cancelled rather than fulfilled; too little is offered for sale then, until
    /// the next pass.
    pub fn units_departed(&self, variant: &Variant, known: &AcknowledgedUnits) -> u32 {
        let Some(then) = self.variants.get(&variant.id) else {
            return 0;
        };
        let fulfilled = known.fulfilled_since(&self.acknowledged, &variant.id);
        let fallen = then.on_hand - variant.level.on_hand - i64::from(fulfilled);
        let explained = self
            .acknowledged
            .units(&variant.id)
            .saturating_sub(known.units(&variant.id));
        then.departed
            .saturating_add(u32::try_from(fallen.max(0)).unwrap_or(u32::MAX))
            .saturating_add(then.allocation_drop.saturating_sub(explained))
    }

    /// How the shop is after levels were written to it: `now` is what it answered for those that
    /// it took.
    pub fn after_write(
        &self,
        looked: &[Variant],
        known: AcknowledgedUnits,
        changes: &[StockChange],
        now: &[(VariantId, StockLevel)],
    ) -> Self {
        let then = |variant: &Variant| {
            let gone = self.units_departed(variant, &known);
            let change = changes.iter().find(|c| c.variant == variant.id);
            let level = now.iter().find(|(id, _)| *id == variant.id);
            let Some((change, (_, level))) = change.zip(level) else {
                return VariantBaseline {
                    on_hand: variant.level.on_hand,
                    departed: gone,
                    allocation_drop: 0,
                };
            };
            let vanished = (change.allocated - level.allocated).max(0);
            VariantBaseline {
                on_hand: level.on_hand,
                departed: gone,
                allocation_drop: u32::try_from(vanished).unwrap_or(u32::MAX),
            }
        };
        let variants = looked.iter().map(|v| (v.id.clone(), then(v))).collect();
        Self {
            variants,
            acknowledged: known,
        }
    }
}
