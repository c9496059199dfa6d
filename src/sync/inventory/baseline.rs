//! The shop before VeraCore was read, to detect units that left since. Pure.
//!
//! An order may be placed, sent, shipped and fulfilled after the feed was read. Its units are still in
//! VeraCore's numbers, but no longer on hand or allocated in the shop: only the drop in the shop's own
//! numbers shows them.

use std::collections::BTreeMap;

use super::acknowledged::AcknowledgedUnits;
use crate::{
    domain::VariantId,
    ledger::StockChange,
    vendure::{StockLevel, Variant},
};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StockBaseline {
    variants: BTreeMap<VariantId, VariantBaseline>,
    acknowledged: AcknowledgedUnits,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct VariantBaseline {
    on_hand: i64,
    /// Units that had left by then.
    departed: u32,
    /// Allocated units that were gone right after the write, compared with the plan.
    allocation_drop: u32,
}

impl StockBaseline {
    pub fn new(variants: Vec<Variant>, acknowledged: AcknowledgedUnits) -> Self {
        let baseline = |variant: Variant| {
            let baseline = VariantBaseline {
                on_hand: variant.level.on_hand,
                ..VariantBaseline::default()
            };
            (variant.id, baseline)
        };
        Self {
            variants: variants.into_iter().map(baseline).collect(),
            acknowledged,
        }
    }

    pub const fn acknowledged(&self) -> &AcknowledgedUnits {
        &self.acknowledged
    }

    /// Units of a variant that left the shop since, beyond those fulfilled for known orders. Some may
    /// have been cancelled rather than fulfilled: then the shop offers too little until the next run.
    pub fn units_departed(&self, variant: &Variant, known: &AcknowledgedUnits) -> u32 {
        let Some(baseline) = self.variants.get(&variant.id) else {
            return 0;
        };
        let fulfilled = known.fulfilled_since(&self.acknowledged, &variant.id);
        let dropped = baseline.on_hand - variant.level.on_hand - i64::from(fulfilled);
        let explained = self
            .acknowledged
            .units(&variant.id)
            .saturating_sub(known.units(&variant.id));
        baseline
            .departed
            .saturating_add(u32::try_from(dropped.max(0)).unwrap_or(u32::MAX))
            .saturating_add(baseline.allocation_drop.saturating_sub(explained))
    }

    /// The baseline after a write. `levels`: the shop's response for the variants written.
    pub fn after_write(
        &self,
        variants: &[Variant],
        known: AcknowledgedUnits,
        changes: &[StockChange],
        levels: &[(VariantId, StockLevel)],
    ) -> Self {
        let baseline = |variant: &Variant| {
            let departed = self.units_departed(variant, &known);
            let change = changes.iter().find(|c| c.variant == variant.id);
            let level = levels.iter().find(|(id, _)| *id == variant.id);
            let Some((change, (_, level))) = change.zip(level) else {
                return VariantBaseline {
                    on_hand: variant.level.on_hand,
                    departed,
                    allocation_drop: 0,
                };
            };
            let dropped = (change.allocated - level.allocated).max(0);
            VariantBaseline {
                on_hand: level.on_hand,
                departed,
                allocation_drop: u32::try_from(dropped).unwrap_or(u32::MAX),
            }
        };
        let variants = variants
            .iter()
            .map(|v| (v.id.clone(), baseline(v)))
            .collect();
        Self {
            variants,
            acknowledged: known,
        }
    }
}
