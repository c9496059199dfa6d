//! Discovers orders: a cheap poll of the newest, and a full sweep that misses none.
//!
//! No timestamp says when an order became ready: Vendure changes neither `updatedAt` nor
//! `orderPlacedAt` with the state. So the newest page is a fast path, whose cost does not grow with
//! the backlog, and the sweep over the trigger states is complete. A quick check of the count and the
//! newest order usually shows that nothing changed.

use super::{OrderSync, newest::DiscoveryState, sweep_cursor::SweepCursor};
use crate::{
    domain::{ExistingOrdersPolicy, OrderRef},
    ledger::Baseline,
    sync::{error::SyncError, page_tracker::halve_if_too_large},
    vendure::OrderPage,
};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepSummary {
    /// Orders in a trigger state.
    pub seen: u64,
    /// Orders that are new, or back in a trigger state.
    pub taken_in: u64,
    /// Orders of the first sweep that are not sent (`ORDER_SYNC_EXISTING=skip`).
    pub skipped_existing: u64,
    /// Orders whose list entry is invalid.
    pub unreadable: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PollSummary {
    pub discovered: u64,
    /// The newest page does not explain a change: sweep at once.
    pub needs_sweep: bool,
}

impl OrderSync {
    /// Records new orders of the newest page. Before the baseline, it only asks for a sweep. After an
    /// error, the next poll or sweep sees the same orders.
    pub async fn poll_newest(&self, state: &mut DiscoveryState) -> Result<PollSummary, SyncError> {
        if !self.has_baseline(state).await? {
            return Ok(PollSummary {
                needs_sweep: true,
                ..PollSummary::default()
            });
        }
        if state.is_quick_check_enough(self.clock.now()) {
            let states = &self.settings.trigger_states;
            let quick_page = self.storefront.newest_orders(states, 1).await?;
            if state.is_unchanged(&quick_page) {
                return Ok(PollSummary::default());
            }
        }
        let now = self.clock.now();
        let page = self.read_newest_page(state).await?;
        let needs_sweep = state.has_unexplained_orders(&page);
        let discovered = self
            .ledger
            .insert_discovered_orders(&page.orders, self.settings.send_delay)
            .await?;
        // Only now: after a failed insert, the next poll must see the same change again.
        state.record_page(&page, now);
        if discovered > 0 {
            tracing::info!(orders = discovered, "found new orders for VeraCore");
        }
        Ok(PollSummary {
            discovered,
            needs_sweep,
        })
    }

    /// Reads all orders in a trigger state and records new ones. The first sweep of an installation
    /// sets the baseline.
    pub async fn sweep_orders(
        &self,
        state: &mut DiscoveryState,
    ) -> Result<SweepSummary, SyncError> {
        // Read before the sweep: a change during the sweep shows at the next poll.
        let now = self.clock.now();
        let newest = self.read_newest_page(state).await?;
        let summary = if self.has_baseline(state).await? {
            self.sweep_after_baseline().await?
        } else {
            self.sweep_for_baseline().await?
        };
        state.record_page(&newest, now);
        if summary.taken_in > 0 {
            tracing::info!(
                orders = summary.taken_in,
                seen = summary.seen,
                "found new orders for VeraCore in a full sweep"
            );
        }
        Ok(summary)
    }

    async fn has_baseline(&self, state: &mut DiscoveryState) -> Result<bool, SyncError> {
        if !state.baseline_known {
            state.baseline_known = self.ledger.has_baseline().await?;
        }
        Ok(state.baseline_known)
    }

    async fn read_newest_page(&self, state: &mut DiscoveryState) -> Result<OrderPage, SyncError> {
        let mut take = state.page_size.unwrap_or(self.settings.newest_page_size);
        let states = &self.settings.trigger_states;
        let page = loop {
            match self.storefront.newest_orders(states, take).await {
                Err(error) if halve_if_too_large(&error, &mut take) => {}
                other => break other?,
            }
        };
        state.page_size = Some(take);
        Ok(page)
    }

    async fn sweep_after_baseline(&self) -> Result<SweepSummary, SyncError> {
        let mut summary = SweepSummary::default();
        let mut cursor = SweepCursor::new(self.settings.sweep_page_size);
        while let Some(page) = self.next_sweep_page(&mut cursor).await? {
            summary.unreadable += page.unreadable.len() as u64;
            for order in self.ledger.unrecorded_orders(&page.orders).await? {
                let Some(known_as) = order.known_as else {
                    continue;
                };
                summary.unreadable += 1;
                tracing::error!(
                    order = %order.code,
                    known_as,
                    "VeraCore: order not sent; Vendure reused the id of another order in the ledger (was a backup of the shop restored?)"
                );
            }
            summary.taken_in += self
                .ledger
                .insert_discovered_orders(&page.orders, self.settings.send_delay)
                .await?;
        }
        summary.seen = cursor.seen_ids.len() as u64;
        Ok(summary)
    }

    async fn sweep_for_baseline(&self) -> Result<SweepSummary, SyncError> {
        let started_at = self.ledger.record_first_start().await?;
        let (orders, unreadable) = self.list_triggered_orders().await?;
        let baseline = match self.settings.existing_orders {
            ExistingOrdersPolicy::Skip => Baseline::Skip { started_at },
            ExistingOrdersPolicy::Send => Baseline::Send,
        };
        let (ledger, delay) = (&self.ledger, self.settings.send_delay);
        let (taken_in, skipped_existing) =
            match ledger.insert_baseline(&orders, baseline, delay).await? {
                Some((to_send, skipped)) => {
                    tracing::info!(
                        to_send,
                        skipped,
                        "VeraCore: first start; existing orders recorded (ORDER_SYNC_EXISTING)"
                    );
                    (to_send, skipped)
                }
                // Another replica set the baseline: what it did not know is new.
                None => (ledger.insert_discovered_orders(&orders, delay).await?, 0),
            };
        Ok(SweepSummary {
            seen: orders.len() as u64,
            taken_in,
            skipped_existing,
            unreadable,
        })
    }

    /// Every order in a trigger state, each once, and the number of unreadable ones.
    pub async fn list_triggered_orders(&self) -> Result<(Vec<OrderRef>, u64), SyncError> {
        let mut cursor = SweepCursor::new(self.settings.sweep_page_size);
        let mut orders = Vec::new();
        let mut unreadable = 0;
        while let Some(page) = self.next_sweep_page(&mut cursor).await? {
            unreadable += page.unreadable.len() as u64;
            orders.extend(page.orders);
        }
        Ok((orders, unreadable))
    }

    /// The next page of a sweep, without the orders of earlier pages.
    pub(in crate::sync) async fn next_sweep_page(
        &self,
        cursor: &mut SweepCursor,
    ) -> Result<Option<OrderPage>, SyncError> {
        if cursor.is_done {
            return Ok(None);
        }
        if self.tasks.is_stopping() {
            return Err(SyncError::Stopped);
        }
        let states = &self.settings.trigger_states;
        let mut page = loop {
            match self
                .storefront
                .orders_from(states, cursor.position, cursor.page_size)
                .await
            {
                Err(error) if halve_if_too_large(&error, &mut cursor.page_size) => {}
                other => break other?,
            }
        };
        for bad in &page.unreadable {
            tracing::error!(
                order = bad.key,
                problem = bad.problem,
                "Vendure order unreadable; left out of the sweep"
            );
        }
        page.orders
            .retain(|order| cursor.seen_ids.insert(order.id.to_string()));
        cursor.advance(&page)?;
        Ok(Some(page))
    }
}
