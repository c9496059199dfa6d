//! How the shop was before VeraCore was asked, and what left it since without a trace in VeraCore's
//! numbers. Pure.
//!
//! An order may be placed, sent, shipped and fulfilled all after VeraCore was asked. Its units are in
//! VeraCore's numbers still, and in the shop neither on hand nor allocated any more: nothing but the
//! fall of the shop's own numbers tells of them.

use std::collections::BTreeMap;

use super::acknowledged::Acknowledged;
use crate::{
    domain::VariantId,
    ledger::StockChange,
    vendure::{StockLevel, Variant},
};

/// An earlier look at the shop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earlier {
    variants: BTreeMap<VariantId, Then>,
    known: Acknowledged,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Then {
    on_hand: i64,
    /// What had left by then.
    gone: u32,
    /// By how much less was allocated right after the level was written than it was planned with.
    vanished: u32,
}

impl Earlier {
    #[must_use]
    pub fn of(variants: Vec<Variant>, known: Acknowledged) -> Self {
        let then = |variant: Variant| {
            let then = Then {
                on_hand: variant.level.on_hand,
                ..Then::default()
            };
            (variant.id, then)
        };
        Self {
            variants: variants.into_iter().map(then).collect(),
            known,
        }
    }

    /// What was known of the orders by then.
    #[must_use]
    pub const fn known(&self) -> &Acknowledged {
        &self.known
    }

    /// Units of a variant that left the shop since, without being given back as acknowledged. Some
    /// may have been cancelled rather than fulfilled; too little is offered for sale then, until
    /// the next pass.
    #[must_use]
    pub fn gone(&self, variant: &Variant, known: &Acknowledged) -> u32 {
        let Some(then) = self.variants.get(&variant.id) else {
            return 0;
        };
        let fulfilled = known.fulfilled_since(&self.known, &variant.id);
        let fallen = then.on_hand - variant.level.on_hand - i64::from(fulfilled);
        let explained = self
            .known
            .units(&variant.id)
            .saturating_sub(known.units(&variant.id));
        then.gone
            .saturating_add(u32::try_from(fallen.max(0)).unwrap_or(u32::MAX))
            .saturating_add(then.vanished.saturating_sub(explained))
    }

    /// How the shop is after levels were written to it: `now` is what it answered for those that
    /// it took.
    #[must_use]
    pub fn after(
        &self,
        looked: &[Variant],
        known: Acknowledged,
        changes: &[StockChange],
        now: &[(VariantId, StockLevel)],
    ) -> Self {
        let then = |variant: &Variant| {
            let gone = self.gone(variant, &known);
            let change = changes.iter().find(|c| c.variant == variant.id);
            let level = now.iter().find(|(id, _)| *id == variant.id);
            let Some((change, (_, level))) = change.zip(level) else {
                return Then {
                    on_hand: variant.level.on_hand,
                    gone,
                    vanished: 0,
                };
            };
            let vanished = (change.allocated - level.allocated).max(0);
            Then {
                on_hand: level.on_hand,
                gone,
                vanished: u32::try_from(vanished).unwrap_or(u32::MAX),
            }
        };
        let variants = looked.iter().map(|v| (v.id.clone(), then(v))).collect();
        Self { variants, known }
    }
}
