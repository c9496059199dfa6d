//! Units that both VeraCore and the shop deduct: ordered at VeraCore, still allocated in the shop.
//! Pure.

use std::collections::{BTreeMap, HashMap};

use crate::{
    domain::{OrderCode, ShopOrderId, VariantId},
    ledger::SentOrder,
    vendure::FulfillmentProgress,
};

/// Units of orders that VeraCore acknowledged and the shop has not fulfilled, by variant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcknowledgedUnits {
    units: HashMap<VariantId, u32>,
    orders_by_variant: BTreeMap<VariantId, Vec<(OrderCode, u32)>>,
    /// Units of those orders that the shop has fulfilled.
    fulfilled: BTreeMap<VariantId, BTreeMap<OrderCode, u32>>,
    /// Ledger ids of orders with nothing left to fulfill.
    pub finished_orders: Vec<i64>,
}

impl AcknowledgedUnits {
    /// `open`: read from the ledger before VeraCore's stock; `progress`: those orders in the shop. An
    /// order missing from `progress` counts for nothing: the shop then offers too little, never too
    /// much.
    pub fn from_orders(open: &[SentOrder], progress: &[FulfillmentProgress]) -> Self {
        let progress: BTreeMap<&ShopOrderId, &FulfillmentProgress> =
            progress.iter().map(|order| (&order.id, order)).collect();
        let mut found = Self::default();
        for order in open {
            let Some(shop) = progress.get(&order.order_id) else {
                continue;
            };
            // After a restored backup, the shop may give the id to another order.
            if shop.code != order.code {
                continue;
            }
            if !found.add_order(order, shop) {
                found.finished_orders.push(order.id);
            }
        }
        found
    }

    /// Adds an order's units. Returns `false` if nothing is left to fulfill.
    fn add_order(&mut self, order: &SentOrder, shop: &FulfillmentProgress) -> bool {
        let mut any = false;
        for sent in &order.lines {
            let Some(line) = shop.lines.iter().find(|line| line.id == sent.line) else {
                continue;
            };
            let fulfilled = line.quantity - shop.unfulfilled_units(&line.id);
            let orders = self.fulfilled.entry(line.variant.clone()).or_default();
            *orders.entry(order.code.clone()).or_default() += fulfilled;
            // VeraCore does not have units added to a line after it was sent.
            let units = sent.quantity.min(line.quantity).saturating_sub(fulfilled);
            if units == 0 {
                continue;
            }
            any = true;
            // VeraCore counts them as available again; the shop still owes them to the customer.
            if order.is_cancelled_at_provider {
                continue;
            }
            let sum = self.units.entry(line.variant.clone()).or_default();
            *sum = sum.saturating_add(units);
            let orders = self
                .orders_by_variant
                .entry(line.variant.clone())
                .or_default();
            orders.push((order.code.clone(), units));
        }
        any
    }

    pub fn units(&self, variant: &VariantId) -> u32 {
        self.units.get(variant).copied().unwrap_or(0)
    }

    /// Units fulfilled since an earlier read of (at least) these orders.
    pub fn fulfilled_since(&self, earlier: &Self, variant: &VariantId) -> u32 {
        let nothing = BTreeMap::new();
        let before = earlier.fulfilled.get(variant).unwrap_or(&nothing);
        self.fulfilled
            .get(variant)
            .unwrap_or(&nothing)
            .iter()
            .filter_map(|(code, now)| Some(now.saturating_sub(*before.get(code)?)))
            .sum()
    }

    /// The orders behind [`Self::units`].
    pub fn orders(&self, variant: &VariantId) -> &[(OrderCode, u32)] {
        self.orders_by_variant
            .get(variant)
            .map_or(&[], Vec::as_slice)
    }
}
