//! The units that VeraCore has taken off for our orders while the shop still has them allocated.
//! Pure.

use std::collections::{BTreeMap, HashMap};

use crate::{
    domain::{OrderCode, ShopOrderId, VariantId},
    ledger::SentOrder,
    vendure::FulfillmentProgress,
};

/// By variant: units of orders that VeraCore acknowledged and the shop has not fulfilled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcknowledgedUnits {
    units: HashMap<VariantId, u32>,
    /// Which orders they are of.
    orders_by_variant: BTreeMap<VariantId, Vec<(OrderCode, u32)>>,
    /// What the shop has fulfilled of those orders, in all.
    fulfilled: BTreeMap<VariantId, BTreeMap<OrderCode, u32>>,
    /// Rows of orders of which nothing is left to fulfill.
    pub finished_orders: Vec<i64>,
}

impl AcknowledgedUnits {
    /// `open` as it was read from the ledger before VeraCore was asked for its stock, and
    /// `progress` as the shop has those orders. An order that the shop did not tell of counts for
    /// nothing: too little is offered for sale then, never too much.
    #[must_use]
    pub fn from_orders(open: &[SentOrder], progress: &[FulfillmentProgress]) -> Self {
        let progress: BTreeMap<&ShopOrderId, &FulfillmentProgress> =
            progress.iter().map(|order| (&order.id, order)).collect();
        let mut found = Self::default();
        for order in open {
            let Some(shop) = progress.get(&order.order_id) else {
                continue;
            };
            // The shop gave the id to another order meanwhile, as after a restored backup.
            if shop.code != order.code {
                continue;
            }
            if !found.add_order(order, shop) {
                found.finished_orders.push(order.id);
            }
        }
        found
    }

    /// Adds an order's units; whether there were any.
    fn add_order(&mut self, order: &SentOrder, shop: &FulfillmentProgress) -> bool {
        let mut any = false;
        for sent in &order.lines {
            let Some(line) = shop.lines.iter().find(|line| line.id == sent.line) else {
                continue;
            };
            let fulfilled = line.quantity - shop.unfulfilled_units(&line.id);
            let orders = self.fulfilled.entry(line.variant.clone()).or_default();
            *orders.entry(order.code.clone()).or_default() += fulfilled;
            // What was added to a line after it was sent VeraCore does not have.
            let units = sent.quantity.min(line.quantity).saturating_sub(fulfilled);
            if units == 0 {
                continue;
            }
            any = true;
            // VeraCore counts them as free again, and the shop still owes them to the customer.
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

    #[must_use]
    pub fn units(&self, variant: &VariantId) -> u32 {
        self.units.get(variant).copied().unwrap_or(0)
    }

    /// Units that were fulfilled between an earlier look at (at least) these orders and this one.
    #[must_use]
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
    #[must_use]
    pub fn orders(&self, variant: &VariantId) -> &[(OrderCode, u32)] {
        self.orders_by_variant
            .get(variant)
            .map_or(&[], Vec::as_slice)
    }
}
