//! Finding orders: a cheap look at the newest, and the full sweep that misses none.
//!
//! No date says that an order became ready: Vendure moves neither `updatedAt` nor `orderPlacedAt`
//! when it changes an order's state. Only the state itself does. So the newest page is a fast
//! path, whose cost does not grow with the backlog, and the sweep over the states is the truth. Most
//! of the time nothing has changed, which a glance shows: the count and the newest order alone.

use super::{
    ExistingOrdersPolicy, OrderSync, error::DiscoveryError, newest::DiscoveryState,
    sweep_cursor::SweepCursor,
};
use crate::{
    domain::OrderRef, ledger::Baseline, sync::page_tracker::halve_if_too_large, vendure::OrderPage,
};

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepSummary {
    /// Orders that the shop has in a trigger state.
    pub seen: u64,
    /// Orders that were not known, or came back to a trigger state.
    pub taken_in: u64,
    /// Orders of the very first sweep that were there before us.
    pub skipped_existing: u64,
    /// Orders whose entry in the list could not be understood.
    pub unreadable: u64,
}

/// What a look at the newest orders found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollSummary {
    pub discovered: u64,
    /// Something changed that the newest page does not show: sweep at once.
    pub needs_sweep: bool,
}

impl OrderSync {
    /// Looks at the newest orders and takes in what is not known. Before the baseline nobody can
    /// tell what is new: then this only asks for a sweep.
    ///
    /// # Errors
    /// When the shop or the database does not answer; nothing is lost, since the next look or
    /// sweep sees the same orders.
    pub async fn poll_newest(
        &self,
        watch: &mut DiscoveryState,
    ) -> Result<PollSummary, DiscoveryError> {
        if !self.has_baseline(watch).await? {
            return Ok(PollSummary {
                discovered: 0,
                needs_sweep: true,
            });
        }
        if watch.is_quick_check_enough(self.clock.now()) {
            let states = &self.settings.trigger_states;
            let glance = self.storefront.newest_orders(states, 1).await?;
            if watch.is_unchanged(&glance) {
                return Ok(PollSummary {
                    discovered: 0,
                    needs_sweep: false,
                });
            }
        }
        let now = self.clock.now();
        let page = self.read_newest_page(watch).await?;
        let sweep = watch.has_unexplained_orders(&page);
        let taken_in = self
            .ledger
            .insert_discovered_orders(&page.orders, self.settings.send_delay)
            .await?;
        // Only now: had taking them in failed, the next look must see the same change again.
        watch.record_page(&page, now);
        if taken_in > 0 {
            tracing::info!(orders = taken_in, "found new orders for VeraCore");
        }
        Ok(PollSummary {
            discovered: taken_in,
            needs_sweep: sweep,
        })
    }

    /// Goes through all orders in a trigger state and takes in what is not known. The very first
    /// sweep of an installation sets the baseline.
    ///
    /// # Errors
    /// As for [`Self::look_at_newest`].
    pub async fn sweep_orders(
        &self,
        watch: &mut DiscoveryState,
    ) -> Result<SweepSummary, DiscoveryError> {
        // Before the sweep: what changes while it runs shows as a change afterwards.
        let now = self.clock.now();
        let newest = self.read_newest_page(watch).await?;
        let swept = if self.has_baseline(watch).await? {
            self.sweep_after_baseline().await?
        } else {
            self.sweep_for_baseline().await?
        };
        watch.record_page(&newest, now);
        if swept.taken_in > 0 {
            tracing::info!(
                orders = swept.taken_in,
                seen = swept.seen,
                "found new orders for VeraCore in a sweep"
            );
        }
        Ok(swept)
    }

    async fn has_baseline(&self, watch: &mut DiscoveryState) -> Result<bool, DiscoveryError> {
        if !watch.baseline_known {
            watch.baseline_known = self.ledger.has_baseline().await?;
        }
        Ok(watch.baseline_known)
    }

    async fn read_newest_page(
        &self,
        watch: &mut DiscoveryState,
    ) -> Result<OrderPage, DiscoveryError> {
        let mut take = watch.page_size.unwrap_or(self.settings.newest_page_size);
        let states = &self.settings.trigger_states;
        let page = loop {
            match self.storefront.newest_orders(states, take).await {
                Err(error) if halve_if_too_large(&error, &mut take) => {}
                other => break other?,
            }
        };
        watch.page_size = Some(take);
        Ok(page)
    }

    async fn sweep_after_baseline(&self) -> Result<SweepSummary, DiscoveryError> {
        let mut swept = SweepSummary::default();
        let mut walk = SweepCursor::new(self.settings.sweep_page_size);
        while let Some(page) = self.next_sweep_page(&mut walk).await? {
            swept.unreadable += page.unreadable.len() as u64;
            for order in self.ledger.unrecorded_orders(&page.orders).await? {
                let Some(known_as) = order.known_as else {
                    continue;
                };
                swept.unreadable += 1;
                tracing::error!(
                    order = %order.code,
                    known_as,
                    "Vendure gave this order the id of another one, which the ledger knows (was a backup of the shop restored?): it is not sent to VeraCore"
                );
            }
            swept.taken_in += self
                .ledger
                .insert_discovered_orders(&page.orders, self.settings.send_delay)
                .await?;
        }
        swept.seen = walk.seen_ids.len() as u64;
        Ok(swept)
    }

    async fn sweep_for_baseline(&self) -> Result<SweepSummary, DiscoveryError> {
        let started_at = self.ledger.record_first_start().await?;
        let (orders, unreadable) = self.list_triggered_orders().await?;
        let baseline = match self.settings.existing_orders {
            ExistingOrdersPolicy::Skip => Baseline::Skip { started_at },
            ExistingOrdersPolicy::Send => Baseline::Send,
        };
        let seen = orders.len() as u64;
        match self
            .ledger
            .insert_baseline(&orders, baseline, self.settings.send_delay)
            .await?
        {
            Some((taken_in, skipped_existing)) => {
                tracing::info!(
                    to_send = taken_in,
                    skipped = skipped_existing,
                    "VeraCore: first start; orders that were in a trigger state before are recorded (ORDER_SYNC_EXISTING)"
                );
                Ok(SweepSummary {
                    seen,
                    taken_in,
                    skipped_existing,
                    unreadable,
                })
            }
            // Another replica was first, so what it did not know is new.
            None => {
                let taken_in = self
                    .ledger
                    .insert_discovered_orders(&orders, self.settings.send_delay)
                    .await?;
                Ok(SweepSummary {
                    seen,
                    taken_in,
                    skipped_existing: 0,
                    unreadable,
                })
            }
        }
    }

    /// Every order in a trigger state, each once, and how many could not be understood.
    pub async fn list_triggered_orders(&self) -> Result<(Vec<OrderRef>, u64), DiscoveryError> {
        let mut walk = SweepCursor::new(self.settings.sweep_page_size);
        let mut orders = Vec::new();
        let mut unreadable = 0;
        while let Some(page) = self.next_sweep_page(&mut walk).await? {
            unreadable += page.unreadable.len() as u64;
            orders.extend(page.orders);
        }
        Ok((orders, unreadable))
    }

    /// The next page of a walk over the trigger states, without the orders seen on earlier ones.
    pub(in crate::sync) async fn next_sweep_page(
        &self,
        walk: &mut SweepCursor,
    ) -> Result<Option<OrderPage>, DiscoveryError> {
        if walk.is_done {
            return Ok(None);
        }
        if self.tasks.is_stopping() {
            return Err(DiscoveryError::Stopped);
        }
        let states = &self.settings.trigger_states;
        let mut page = loop {
            match self
                .storefront
                .orders_from(states, walk.position, walk.page_size)
                .await
            {
                Err(error) if halve_if_too_large(&error, &mut walk.page_size) => {}
                other => break other?,
            }
        };
        log_unreadable_orders(&page);
        page.orders
            .retain(|order| walk.seen_ids.insert(order.id.to_string()));
        walk.advance(&page)?;
        Ok(Some(page))
    }
}

fn log_unreadable_orders(page: &OrderPage) {
    for bad in &page.unreadable {
        tracing::error!(
            order = bad.key,
            problem = bad.problem,
            "Vendure: an order in the list cannot be understood and is left out; nothing else is"
        );
    }
}
