//! Looking at the shop for what became of orders that VeraCore has.

use chrono::TimeDelta;

use super::{
    MAX_CHECKED_ORDERS, MAX_LATEST_CANCELLATIONS, READ_BATCH_SIZE, changes::changed_parts,
};
use crate::{
    domain::{Order, OrderCode, ShopOrderId},
    ledger::PostSendOrder,
    sync::{
        orders::{OrderSync, error::DiscoveryError},
        page_tracker::halve_if_too_large,
    },
    vendure::{FulfillmentProgress, StorefrontError},
};

/// After this, an order of which nothing is left to fulfill is over, whatever its state is called.
const CLOSE_AFTER: TimeDelta = TimeDelta::days(7);

/// How far the latest cancellations are looked for: the clocks of both may differ.
const CANCELLED_LOOKBACK: TimeDelta = TimeDelta::days(1);

/// What a look found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PostSendSummary {
    pub checked: u64,
    /// Cancellations that were begun.
    pub cancelled: u64,
    /// Orders that differ from what was sent otherwise than before.
    pub changed: u64,
}

impl OrderSync {
    /// Whether the orders that were cancelled last are some that VeraCore has: the quick way, which a
    /// great many cancellations at once get past. Returns how many cancellations were begun.
    pub async fn find_cancelled_orders(&self) -> Result<u64, DiscoveryError> {
        let since = self.clock.now() - CANCELLED_LOOKBACK;
        let latest = self
            .storefront
            .cancelled_orders(since, MAX_LATEST_CANCELLATIONS)
            .await?;
        let ids: Vec<ShopOrderId> = latest.orders.iter().map(|o| o.id.clone()).collect();
        let care = self.ledger.post_send_orders_by_id(&ids).await?;
        let cancelled: Vec<&PostSendOrder> = care
            .iter()
            .filter(|known| {
                latest
                    .orders
                    .iter()
                    .any(|order| is_same_order(known, &order.id, &order.code))
            })
            .collect();
        self.request_cancellations(&cancelled).await
    }

    /// Compares what VeraCore has with what the shop has now. Replicas share the orders between them,
    /// since each begins with those that were not looked at the longest.
    pub async fn check_sent_orders(&self) -> Result<PostSendSummary, DiscoveryError> {
        let now = self.clock.now();
        self.ledger.end_closed_post_send(now - CLOSE_AFTER).await?;
        let care = self.ledger.post_send_orders(MAX_CHECKED_ORDERS).await?;
        let mut looked = PostSendSummary::default();
        let mut take = u32::try_from(READ_BATCH_SIZE).unwrap_or(1);
        let mut rest = care.as_slice();
        while !rest.is_empty() {
            if self.tasks.is_stopping() {
                break;
            }
            let (batch, later) = rest.split_at(rest.len().min(take as usize));
            let ids: Vec<ShopOrderId> = batch.iter().map(|o| o.order_id.clone()).collect();
            let orders = match self.storefront.orders_by_id(&ids).await {
                Err(error) if halve_if_too_large(&error, &mut take) => continue,
                // One of them is what the shop stumbles over: it stops no other.
                Err(error) if is_order_specific(&error) && batch.len() > 1 => {
                    take = u32::try_from(batch.len() / 2).unwrap_or(1);
                    continue;
                }
                Err(error) if is_order_specific(&error) => {
                    tracing::warn!(order = %batch[0].code, %error, "VeraCore: the order cannot be compared with Vendure's");
                    Vec::new()
                }
                other => other?,
            };
            self.compare_batch(batch, &orders, &mut looked).await?;
            rest = later;
        }
        Ok(looked)
    }

    async fn compare_batch(
        &self,
        batch: &[PostSendOrder],
        orders: &[Order],
        looked: &mut PostSendSummary,
    ) -> Result<(), DiscoveryError> {
        let (mut over, mut cancelled) = (Vec::new(), Vec::new());
        for known in batch {
            looked.checked += 1;
            // One that the shop does not have, or that cannot be read, is the reconciliation's.
            let Some(order) = orders
                .iter()
                .find(|order| is_same_order(known, &order.id, &order.code))
            else {
                continue;
            };
            if order.state.is_cancelled() {
                cancelled.push(known);
            } else if order.state.is_fulfilled() {
                over.push(known.id);
            } else if !order.state.is_being_edited() {
                looked.changed += u64::from(self.record_changes(known, order).await?);
            }
        }
        looked.cancelled += self.request_cancellations(&cancelled).await?;
        self.ledger.end_post_send(&over).await?;
        let ids: Vec<i64> = batch.iter().map(|order| order.id).collect();
        Ok(self.ledger.record_check(&ids).await?)
    }

    /// Orders that were fulfilled before they were cancelled were returned: nothing is to be stopped.
    async fn request_cancellations(
        &self,
        cancelled: &[&PostSendOrder],
    ) -> Result<u64, DiscoveryError> {
        let (mut begun, mut over) = (0, Vec::new());
        for known in cancelled {
            let id = std::slice::from_ref(&known.order_id);
            let shop = match self.storefront.fulfillment_progress(id).await {
                Err(error) if is_order_specific(&error) => {
                    tracing::warn!(order = %known.code, %error, "VeraCore: the cancelled order cannot be read from Vendure");
                    continue;
                }
                other => other?,
            };
            let Some(progress) = shop
                .orders
                .iter()
                .find(|o| is_same_order(known, &o.id, &o.code))
            else {
                continue;
            };
            if is_fully_fulfilled(known, progress) {
                over.push(known.id);
            } else if self.ledger.request_cancellation(known.id).await? {
                begun += 1;
                tracing::warn!(order = %known.code, "VeraCore: the order was cancelled in Vendure after VeraCore had it; it is to be stopped there");
            }
        }
        self.ledger.end_post_send(&over).await?;
        Ok(begun)
    }

    async fn record_changes(
        &self,
        known: &PostSendOrder,
        order: &Order,
    ) -> Result<bool, DiscoveryError> {
        let changed = changed_parts(
            order,
            known.part_digests.as_ref(),
            &known.lines,
            &self.settings.mapping_rules.skus,
        );
        if changed == known.changed_parts {
            return Ok(false);
        }
        if !self.ledger.set_changed_parts(known.id, &changed).await? {
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
const fn is_order_specific(error: &StorefrontError) -> bool {
    matches!(
        error,
        StorefrontError::Graphql { .. }
            | StorefrontError::Rejected { .. }
            | StorefrontError::Ambiguous { .. }
            | StorefrontError::InvalidField { .. }
    )
}

fn is_same_order(known: &PostSendOrder, id: &ShopOrderId, code: &OrderCode) -> bool {
    known.order_id == *id && known.code == *code
}

/// Whether everything that was sent became a fulfillment of the shop's.
fn is_fully_fulfilled(known: &PostSendOrder, shop: &FulfillmentProgress) -> bool {
    let mut lines = known.lines.iter();
    !known.lines.is_empty()
        && lines.all(|sent| shop.fulfilled_units(&sent.line_id) >= sent.quantity)
}
