//! Looking at the shop for what became of orders that VeraCore has.

use chrono::TimeDelta;

use super::{BATCH, LATEST, MOST_LOOKED_AT, difference::differences};
use crate::{
    domain::{Order, OrderCode, ShopOrderId},
    ledger::InCare,
    sync::{
        orders::{OrderSync, discover::DiscoverError},
        shrink,
        tracking::plan::EDITED,
    },
    vendure::{Progress, StorefrontError},
};

/// States in which nothing is left at VeraCore that could be stopped or changed.
const OVER: [&str; 2] = ["Shipped", "Delivered"];

/// After this, an order of which nothing is left to fulfill is over, whatever its state is called.
const AT_REST: TimeDelta = TimeDelta::days(7);

/// How far the latest cancellations are looked for: the clocks of both may differ.
const LATELY: TimeDelta = TimeDelta::days(1);

/// What a look found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    pub orders: u64,
    /// Cancellations that were begun.
    pub cancelled: u64,
    /// Orders that differ from what was sent otherwise than before.
    pub changed: u64,
}

impl OrderSync {
    /// Whether the orders that were cancelled last are some that VeraCore has: the quick way, which a
    /// great many cancellations at once get past. Returns how many cancellations were begun.
    ///
    /// # Errors
    /// When the shop or the database does not answer.
    pub async fn look_for_cancelled(&self) -> Result<u64, DiscoverError> {
        let since = self.clock.now() - LATELY;
        let latest = self.storefront.cancelled_orders(since, LATEST).await?;
        let ids: Vec<ShopOrderId> = latest.orders.iter().map(|o| o.id.clone()).collect();
        let care = self.ledger.in_care_of(&ids).await?;
        let cancelled: Vec<&InCare> = care
            .iter()
            .filter(|known| {
                latest
                    .orders
                    .iter()
                    .any(|order| is_it(known, &order.id, &order.code))
            })
            .collect();
        self.begin_cancellations(&cancelled).await
    }

    /// Compares what VeraCore has with what the shop has now. Replicas share the orders between them,
    /// since each begins with those that were not looked at the longest.
    ///
    /// # Errors
    /// When the shop or the database does not answer. What was found until then is kept.
    pub async fn look_after_sent(&self) -> Result<Looked, DiscoverError> {
        let now = self.clock.now();
        self.ledger.end_care_of_closed(now - AT_REST).await?;
        let care = self.ledger.orders_in_care(MOST_LOOKED_AT).await?;
        let mut looked = Looked::default();
        let mut take = u32::try_from(BATCH).unwrap_or(1);
        let mut rest = care.as_slice();
        while !rest.is_empty() {
            if self.tasks.stopping() {
                break;
            }
            let (batch, later) = rest.split_at(rest.len().min(take as usize));
            let ids: Vec<ShopOrderId> = batch.iter().map(|o| o.order_id.clone()).collect();
            let orders = match self.storefront.whole_orders(&ids).await {
                Err(error) if shrink(&error, &mut take) => continue,
                // One of them is what the shop stumbles over: it stops no other.
                Err(error) if is_about_some(&error) && batch.len() > 1 => {
                    take = u32::try_from(batch.len() / 2).unwrap_or(1);
                    continue;
                }
                Err(error) if is_about_some(&error) => {
                    tracing::warn!(order = %batch[0].code, %error, "VeraCore: the order cannot be compared with Vendure's");
                    Vec::new()
                }
                other => other?,
            };
            self.compare(batch, &orders, &mut looked).await?;
            rest = later;
        }
        Ok(looked)
    }

    async fn compare(
        &self,
        batch: &[InCare],
        orders: &[Order],
        looked: &mut Looked,
    ) -> Result<(), DiscoverError> {
        let (mut over, mut cancelled) = (Vec::new(), Vec::new());
        for known in batch {
            looked.orders += 1;
            // One that the shop does not have, or that cannot be read, is the reconciliation's.
            let Some(order) = orders
                .iter()
                .find(|order| is_it(known, &order.id, &order.code))
            else {
                continue;
            };
            let state = order.state.as_str();
            if order.state.is_cancelled() {
                cancelled.push(known);
            } else if OVER.contains(&state) {
                over.push(known.id);
            } else if !EDITED.contains(&state) {
                looked.changed += u64::from(self.note_differences(known, order).await?);
            }
        }
        looked.cancelled += self.begin_cancellations(&cancelled).await?;
        self.ledger.end_care(&over).await?;
        let ids: Vec<i64> = batch.iter().map(|order| order.id).collect();
        Ok(self.ledger.looked_after(&ids).await?)
    }

    /// Orders that were fulfilled before they were cancelled were returned: nothing is to be stopped.
    async fn begin_cancellations(&self, cancelled: &[&InCare]) -> Result<u64, DiscoverError> {
        let (mut begun, mut over) = (0, Vec::new());
        for known in cancelled {
            let id = std::slice::from_ref(&known.order_id);
            let shop = match self.storefront.progress(id).await {
                Err(error) if is_about_some(&error) => {
                    tracing::warn!(order = %known.code, %error, "VeraCore: the cancelled order cannot be read from Vendure");
                    continue;
                }
                other => other?,
            };
            let Some(progress) = shop.orders.iter().find(|o| is_it(known, &o.id, &o.code)) else {
                continue;
            };
            if was_fulfilled(known, progress) {
                over.push(known.id);
            } else if self.ledger.request_cancellation(known.id).await? {
                begun += 1;
                tracing::warn!(order = %known.code, "VeraCore: the order was cancelled in Vendure after VeraCore had it; it is to be stopped there");
            }
        }
        self.ledger.end_care(&over).await?;
        Ok(begun)
    }

    async fn note_differences(&self, known: &InCare, order: &Order) -> Result<bool, DiscoverError> {
        let changed = differences(
            order,
            known.parts.as_ref(),
            &known.lines,
            &self.settings.rules.skus,
        );
        if changed == known.changed {
            return Ok(false);
        }
        if !self.ledger.note_changed(known.id, &changed).await? {
            return Ok(false);
        }
        if changed.is_empty() {
            tracing::info!(order = %known.code, "VeraCore: the order is again what was sent");
        } else {
            tracing::warn!(
                order = %known.code,
                changed = changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                "VeraCore: the order was edited in Vendure after it was sent, and VeraCore was not told; have it changed there by hand"
            );
        }
        Ok(true)
    }
}

/// Whether the shop stumbles over what it was asked for, rather than is away or shuts us out.
const fn is_about_some(error: &StorefrontError) -> bool {
    matches!(
        error,
        StorefrontError::Graphql { .. }
            | StorefrontError::Refused { .. }
            | StorefrontError::Unclear { .. }
            | StorefrontError::Field { .. }
    )
}

fn is_it(known: &InCare, id: &ShopOrderId, code: &OrderCode) -> bool {
    known.order_id == *id && known.code == *code
}

/// Whether everything that was sent became a fulfillment of the shop's.
fn was_fulfilled(known: &InCare, shop: &Progress) -> bool {
    let mut lines = known.lines.iter();
    !known.lines.is_empty() && lines.all(|sent| shop.fulfilled(&sent.line_id) >= sent.quantity)
}
