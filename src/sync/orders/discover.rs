//! Finding orders: a cheap look at the newest, and the full sweep that misses none.
//!
//! No date says that an order became ready: Vendure moves neither `updatedAt` nor `orderPlacedAt`
//! when it changes an order's state. Only the state itself does. So the newest page is a fast
//! path, whose cost does not grow with the backlog, and the sweep over the states is the truth. Most
//! of the time nothing has changed, which a glance shows: the count and the newest order alone.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{ExistingOrdersPolicy, OrderSync};
use crate::{
    domain::{OrderRef, ShopOrderId},
    ledger::{Baseline, LedgerError},
    sync::halve_if_too_large,
    vendure::{OrderPage, StorefrontError, SweepPosition},
};

/// What can keep orders from being found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    #[error(transparent)]
    Storefront(#[from] StorefrontError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(
        "Vendure orders: the list does not end: {seen} orders were read of {total}, and it goes on with the same ones"
    )]
    EndlessList { seen: usize, total: u64 },
    #[error("told to stop")]
    Stopped,
}

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

/// How old a look may be for a glance to stand for the next one: an order that became ready while
/// another one left changes neither the count nor, unless it is the newest, what a glance shows.
const QUICK_CHECK_MAX_AGE: TimeDelta = TimeDelta::minutes(1);

/// What was seen last, by which the next look tells whether anything else changed.
#[derive(Debug, Clone, Default)]
pub struct DiscoveryState {
    newest: Option<NewestSnapshot>,
    /// How many of the newest orders the shop lets us look at, where that is less than we wish.
    page_size: Option<u32>,
    /// Whether the baseline is known to have been taken in.
    baseline_known: bool,
}

#[derive(Debug, Clone)]
struct NewestSnapshot {
    read_at: DateTime<Utc>,
    /// The first of the page.
    first_id: Option<ShopOrderId>,
    total: u64,
    newest_placed_at: Option<DateTime<Utc>>,
    /// Orders placed after `newest` that were there already: dated in the future.
    future_dated: usize,
}

impl NewestSnapshot {
    /// How many of the page's orders are placed after the newest one seen.
    fn count_placed_after(newest: Option<DateTime<Utc>>, page: &OrderPage) -> usize {
        let beyond = page.orders.iter().filter(|order| order.placed_at > newest);
        beyond.count()
    }
}

impl DiscoveryState {
    /// Whether there are more orders than before beyond those that the page shows as placed since:
    /// older ones came into a trigger state, or more new ones than the page holds.
    fn has_unexplained_orders(&self, page: &OrderPage) -> bool {
        let Some(seen) = &self.newest else {
            return true;
        };
        let newer = NewestSnapshot::count_placed_after(seen.newest_placed_at, page)
            .saturating_sub(seen.future_dated);
        page.total > seen.total.saturating_add(newer as u64)
    }

    /// Whether a glance is enough for now. Not when the clock was set back since the last look.
    fn is_quick_check_enough(&self, now: DateTime<Utc>) -> bool {
        let at = self.newest.as_ref().map(|seen| seen.read_at);
        at.is_some_and(|at| at <= now && now - at < QUICK_CHECK_MAX_AGE)
    }

    /// Whether a glance shows what the last look did.
    fn is_unchanged(&self, glance: &OrderPage) -> bool {
        let first = glance.orders.first().map(|order| &order.id);
        self.newest
            .as_ref()
            .is_some_and(|seen| seen.total == glance.total && seen.first_id.as_ref() == first)
    }

    /// Has the next look see the whole page, whatever a glance would show.
    pub fn require_full_page(&mut self) {
        if let Some(seen) = &mut self.newest {
            seen.read_at = DateTime::<Utc>::MIN_UTC;
        }
    }

    fn record_page(&mut self, page: &OrderPage, now: DateTime<Utc>) {
        // A date in the future would hide all that is placed until then.
        let past = page
            .orders
            .iter()
            .filter_map(|order| order.placed_at)
            .filter(|at| *at <= now);
        // Orders leave: the newest ever seen stays the mark.
        let newest = past
            .max()
            .max(self.newest.as_ref().and_then(|seen| seen.newest_placed_at));
        self.newest = Some(NewestSnapshot {
            read_at: now,
            first_id: page.orders.first().map(|order| order.id.clone()),
            total: page.total,
            newest_placed_at: newest,
            future_dated: NewestSnapshot::count_placed_after(newest, page),
        });
    }
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
            for (shop, ledger) in self.ledger.reused_order_ids(&page.orders).await? {
                swept.unreadable += 1;
                tracing::error!(
                    order = shop,
                    known_as = ledger,
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
    ///
    /// # Errors
    /// When the shop does not answer.
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

/// Where a walk over all orders stands.
pub(in crate::sync) struct SweepCursor {
    position: SweepPosition,
    page_size: u32,
    is_done: bool,
    seen_ids: BTreeSet<String>,
    /// Pages in a row that held nothing new.
    stale_pages: u32,
}

/// Pages overlap, so one may hold nothing new; a list that goes on like that has no end.
const MAX_STALE_PAGES: u32 = 3;

impl SweepCursor {
    pub(in crate::sync) fn new(page_size: u32) -> Self {
        Self {
            position: SweepPosition::default(),
            page_size,
            is_done: false,
            seen_ids: BTreeSet::new(),
            stale_pages: 0,
        }
    }

    /// Moves on past `page`, from which the orders seen before were taken out.
    fn advance(&mut self, page: &OrderPage) -> Result<(), DiscoveryError> {
        if page.len < self.page_size as usize {
            self.is_done = true;
            return Ok(());
        }
        self.stale_pages = if page.orders.is_empty() {
            self.stale_pages + 1
        } else {
            0
        };
        if self.stale_pages > MAX_STALE_PAGES {
            return Err(DiscoveryError::EndlessList {
                seen: self.seen_ids.len(),
                total: page.total,
            });
        }
        self.position = match page.last_created_at {
            Some(last) if Some(last) > self.position.created_from => SweepPosition {
                created_from: Some(last),
                skip: 0,
            },
            _ => SweepPosition {
                skip: self.position.skip.saturating_add(self.page_size),
                ..self.position
            },
        };
        Ok(())
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

#[cfg(test)]
#[path = "discover_tests.rs"]
mod tests;
