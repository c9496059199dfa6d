//! Checks in Vendure the orders that VeraCore has: cancelled, edited, or finished.

use chrono::TimeDelta;

use super::changes::changed_parts;
use crate::{
    domain::{Order, OrderCode, ShopOrderId},
    ledger::PostSendOrder,
    sync::{error::SyncError, orders::OrderSync, page_tracker::halve_if_too_large},
    vendure::{FulfillmentProgress, StorefrontError},
};

/// Orders checked per round, the least recently checked first.
pub const MAX_CHECKED_ORDERS: u32 = 1000;

const READ_BATCH_SIZE: u32 = 50;

/// The latest cancellations read at each poll.
const MAX_LATEST_CANCELLATIONS: u32 = 50;

/// After this, an order with nothing left to fulfill is closed, whatever its state.
const CLOSE_AFTER: TimeDelta = TimeDelta::days(7);

/// Cancellations are read back to this long ago: the clocks may differ.
const CANCELLED_LOOKBACK: TimeDelta = TimeDelta::days(1);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PostSendSummary {
    pub checked: u64,
    pub cancelled: u64,
    /// Orders whose difference from what was sent changed.
    pub changed: u64,
}

impl OrderSync {
    /// Starts cancellations for the latest orders cancelled in Vendure, and returns how many.
    /// [`Self::check_sent_orders`] finds those that do not fit in one page.
    pub async fn find_cancelled_orders(&self) -> Result<u64, SyncError> {
        let since = self.clock.now() - CANCELLED_LOOKBACK;
        let latest = self
            .storefront
            .cancelled_orders(since, MAX_LATEST_CANCELLATIONS)
            .await?;
        let ids: Vec<ShopOrderId> = latest.orders.iter().map(|o| o.id.clone()).collect();
        let sent = self.ledger.post_send_orders(Some(&ids), None).await?;
        let cancelled: Vec<&PostSendOrder> = sent
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

    /// Compares what VeraCore has with what Vendure has now. Replicas share the work, since each
    /// starts with the least recently checked orders.
    pub async fn check_sent_orders(&self) -> Result<PostSendSummary, SyncError> {
        let now = self.clock.now();
        self.ledger.end_closed_post_send(now - CLOSE_AFTER).await?;
        let sent = self
            .ledger
            .post_send_orders(None, Some(MAX_CHECKED_ORDERS))
            .await?;
        let mut summary = PostSendSummary::default();
        let mut take = READ_BATCH_SIZE;
        let mut rest = sent.as_slice();
        while !rest.is_empty() {
            if self.tasks.is_stopping() {
                break;
            }
            let (batch, later) = rest.split_at(rest.len().min(take as usize));
            let ids: Vec<ShopOrderId> = batch.iter().map(|o| o.order_id.clone()).collect();
            let orders = match self.storefront.orders_by_id(&ids).await {
                Err(error) if halve_if_too_large(&error, &mut take) => continue,
                // One order fails the request: it must not keep the others from being checked.
                Err(error) if is_order_specific(&error) && batch.len() > 1 => {
                    take = u32::try_from(batch.len() / 2).unwrap_or(1);
                    continue;
                }
                Err(error) if is_order_specific(&error) => {
                    tracing::warn!(order = %batch[0].code, %error, "VeraCore: order not compared with Vendure's");
                    Vec::new()
                }
                other => other?,
            };
            self.compare_batch(batch, &orders, &mut summary).await?;
            rest = later;
        }
        Ok(summary)
    }

    async fn compare_batch(
        &self,
        batch: &[PostSendOrder],
        orders: &[Order],
        summary: &mut PostSendSummary,
    ) -> Result<(), SyncError> {
        let (mut closed, mut cancelled) = (Vec::new(), Vec::new());
        for known in batch {
            summary.checked += 1;
            // The reconciliation reports orders that Vendure lacks or cannot return.
            let Some(order) = orders
                .iter()
                .find(|order| is_same_order(known, &order.id, &order.code))
            else {
                continue;
            };
            if order.state.is_cancelled() {
                cancelled.push(known);
            } else if order.state.is_fulfilled() {
                closed.push(known.id);
            } else if !order.state.is_being_edited() {
                summary.changed += u64::from(self.record_changes(known, order).await?);
            }
        }
        summary.cancelled += self.request_cancellations(&cancelled).await?;
        self.ledger.end_post_send(&closed).await?;
        let ids: Vec<i64> = batch.iter().map(|order| order.id).collect();
        Ok(self.ledger.record_check(&ids).await?)
    }

    /// Starts cancellations. An order that was fulfilled before was returned: it needs none.
    async fn request_cancellations(&self, cancelled: &[&PostSendOrder]) -> Result<u64, SyncError> {
        let (mut started, mut closed) = (0, Vec::new());
        for known in cancelled {
            let id = std::slice::from_ref(&known.order_id);
            let shop = match self.storefront.fulfillment_progress(id).await {
                Err(error) if is_order_specific(&error) => {
                    tracing::warn!(order = %known.code, %error, "VeraCore: cancelled order not readable from Vendure");
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
                closed.push(known.id);
            } else if self.ledger.request_cancellation(known.id).await? {
                started += 1;
                tracing::warn!(order = %known.code, "VeraCore: order cancelled in Vendure after it was sent; stopping it");
            }
        }
        self.ledger.end_post_send(&closed).await?;
        Ok(started)
    }

    async fn record_changes(
        &self,
        known: &PostSendOrder,
        order: &Order,
    ) -> Result<bool, SyncError> {
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
            tracing::info!(order = %known.code, "VeraCore: order matches what was sent again");
        } else {
            tracing::warn!(
                order = %known.code,
                changed = changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                "VeraCore: order edited in Vendure after it was sent; have it changed at VeraCore"
            );
        }
        Ok(true)
    }
}

/// The request failed because of the orders in it: Vendure is available and accepts the login.
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

/// Everything that was sent is fulfilled in Vendure.
fn is_fully_fulfilled(known: &PostSendOrder, shop: &FulfillmentProgress) -> bool {
    let mut lines = known.lines.iter();
    !known.lines.is_empty()
        && lines.all(|sent| shop.fulfilled_units(&sent.line_id) >= sent.quantity)
}
