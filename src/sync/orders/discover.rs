//! Finding orders: a cheap look at the newest, and the full sweep that misses none.
//!
//! No date says that an order became ready: Vendure moves neither `updatedAt` nor `orderPlacedAt`
//! when it changes an order's state. Only the state itself does. So the newest page is a fast
//! path, whose cost does not grow with the backlog, and the sweep over the states is the truth. Most
//! of the time nothing has changed, which a glance shows: the count and the newest order alone.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Existing, OrderSync};
use crate::{
    domain::{OrderRef, ShopOrderId},
    ledger::{Baseline, LedgerError},
    sync::shrink,
    vendure::{OrderPage, StorefrontError, SweepPosition},
};

/// What can keep orders from being found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    #[error(transparent)]
    Storefront(#[from] StorefrontError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(
        "Vendure orders: the list does not end: {seen} orders were read of {total}, and it goes on with the same ones"
    )]
    Endless { seen: usize, total: u64 },
    #[error("told to stop")]
    Stopped,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
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
const GLANCING: TimeDelta = TimeDelta::minutes(1);

/// What was seen last, by which the next look tells whether anything else changed.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    seen: Option<Seen>,
    /// How many of the newest orders the shop lets us look at, where that is less than we wish.
    take: Option<u32>,
    /// Whether the baseline is known to have been taken in.
    baseline: bool,
}

#[derive(Debug, Clone)]
struct Seen {
    at: DateTime<Utc>,
    /// The first of the page.
    first: Option<ShopOrderId>,
    total: u64,
    newest: Option<DateTime<Utc>>,
    /// Orders placed after `newest` that were there already: dated in the future.
    beyond: usize,
}

impl Seen {
    /// How many of the page's orders are placed after the newest one seen.
    fn count_beyond(newest: Option<DateTime<Utc>>, page: &OrderPage) -> usize {
        let beyond = page.orders.iter().filter(|order| order.placed_at > newest);
        beyond.count()
    }
}

impl Watch {
    /// Whether there are more orders than before beyond those that the page shows as placed since:
    /// older ones came into a trigger state, or more new ones than the page holds.
    fn unexplained(&self, page: &OrderPage) -> bool {
        let Some(seen) = &self.seen else { return true };
        let newer = Seen::count_beyond(seen.newest, page).saturating_sub(seen.beyond);
        page.total > seen.total.saturating_add(newer as u64)
    }

    /// Whether a glance is enough for now. Not when the clock was set back since the last look.
    fn may_glance(&self, now: DateTime<Utc>) -> bool {
        let at = self.seen.as_ref().map(|seen| seen.at);
        at.is_some_and(|at| at <= now && now - at < GLANCING)
    }

    /// Whether a glance shows what the last look did.
    fn is_unchanged(&self, glance: &OrderPage) -> bool {
        let first = glance.orders.first().map(|order| &order.id);
        self.seen
            .as_ref()
            .is_some_and(|seen| seen.total == glance.total && seen.first.as_ref() == first)
    }

    /// Has the next look see the whole page, whatever a glance would show.
    pub fn look_closely(&mut self) {
        if let Some(seen) = &mut self.seen {
            seen.at = DateTime::<Utc>::MIN_UTC;
        }
    }

    fn remember(&mut self, page: &OrderPage, now: DateTime<Utc>) {
        // A date in the future would hide all that is placed until then.
        let past = page
            .orders
            .iter()
            .filter_map(|order| order.placed_at)
            .filter(|at| *at <= now);
        // Orders leave: the newest ever seen stays the mark.
        let newest = past
            .max()
            .max(self.seen.as_ref().and_then(|seen| seen.newest));
        self.seen = Some(Seen {
            at: now,
            first: page.orders.first().map(|order| order.id.clone()),
            total: page.total,
            newest,
            beyond: Seen::count_beyond(newest, page),
        });
    }
}

/// What a look at the newest orders found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    pub taken_in: u64,
    /// Something changed that the newest page does not show: sweep at once.
    pub sweep: bool,
}

impl OrderSync {
    /// Looks at the newest orders and takes in what is not known. Before the baseline nobody can
    /// tell what is new: then this only asks for a sweep.
    ///
    /// # Errors
    /// When the shop or the database does not answer; nothing is lost, since the next look or
    /// sweep sees the same orders.
    pub async fn look_at_newest(&self, watch: &mut Watch) -> Result<Looked, DiscoverError> {
        if !self.has_baseline(watch).await? {
            return Ok(Looked {
                taken_in: 0,
                sweep: true,
            });
        }
        if watch.may_glance(self.clock.now()) {
            let states = &self.settings.trigger_states;
            let glance = self.storefront.newest_orders(states, 1).await?;
            if watch.is_unchanged(&glance) {
                return Ok(Looked {
                    taken_in: 0,
                    sweep: false,
                });
            }
        }
        let now = self.clock.now();
        let page = self.newest(watch).await?;
        let sweep = watch.unexplained(&page);
        let taken_in = self
            .ledger
            .take_in(&page.orders, self.settings.hold)
            .await?;
        // Only now: had taking them in failed, the next look must see the same change again.
        watch.remember(&page, now);
        if taken_in > 0 {
            tracing::info!(orders = taken_in, "found new orders for VeraCore");
        }
        Ok(Looked { taken_in, sweep })
    }

    /// Goes through all orders in a trigger state and takes in what is not known. The very first
    /// sweep of an installation sets the baseline.
    ///
    /// # Errors
    /// As for [`Self::look_at_newest`].
    pub async fn sweep(&self, watch: &mut Watch) -> Result<Swept, DiscoverError> {
        // Before the sweep: what changes while it runs shows as a change afterwards.
        let now = self.clock.now();
        let newest = self.newest(watch).await?;
        let swept = if self.has_baseline(watch).await? {
            self.sweep_known().await?
        } else {
            self.sweep_first().await?
        };
        watch.remember(&newest, now);
        if swept.taken_in > 0 {
            tracing::info!(
                orders = swept.taken_in,
                seen = swept.seen,
                "found new orders for VeraCore in a sweep"
            );
        }
        Ok(swept)
    }

    async fn has_baseline(&self, watch: &mut Watch) -> Result<bool, DiscoverError> {
        if !watch.baseline {
            watch.baseline = self.ledger.has_baseline().await?;
        }
        Ok(watch.baseline)
    }

    async fn newest(&self, watch: &mut Watch) -> Result<OrderPage, DiscoverError> {
        let mut take = watch.take.unwrap_or(self.settings.newest_page);
        let states = &self.settings.trigger_states;
        let page = loop {
            match self.storefront.newest_orders(states, take).await {
                Err(error) if shrink(&error, &mut take) => {}
                other => break other?,
            }
        };
        watch.take = Some(take);
        Ok(page)
    }

    async fn sweep_known(&self) -> Result<Swept, DiscoverError> {
        let mut swept = Swept::default();
        let mut walk = Walk::of(self.settings.sweep_page);
        while let Some(page) = self.next_page(&mut walk).await? {
            swept.unreadable += page.unreadable.len() as u64;
            for (shop, ledger) in self.ledger.mistaken(&page.orders).await? {
                swept.unreadable += 1;
                tracing::error!(
                    order = shop,
                    known_as = ledger,
                    "Vendure gave this order the id of another one, which the ledger knows (was a backup of the shop restored?): it is not sent to VeraCore"
                );
            }
            swept.taken_in += self
                .ledger
                .take_in(&page.orders, self.settings.hold)
                .await?;
        }
        swept.seen = walk.seen.len() as u64;
        Ok(swept)
    }

    async fn sweep_first(&self) -> Result<Swept, DiscoverError> {
        let started_at = self.ledger.note_first_start().await?;
        let (orders, unreadable) = self.all_in_trigger_states().await?;
        let baseline = match self.settings.existing {
            Existing::Skip => Baseline::Skip { started_at },
            Existing::Send => Baseline::Send,
        };
        let seen = orders.len() as u64;
        match self
            .ledger
            .take_baseline(&orders, baseline, self.settings.hold)
            .await?
        {
            Some((taken_in, skipped_existing)) => {
                tracing::info!(
                    to_send = taken_in,
                    skipped = skipped_existing,
                    "VeraCore: first start; orders that were in a trigger state before are recorded (ORDER_SYNC_EXISTING)"
                );
                Ok(Swept {
                    seen,
                    taken_in,
                    skipped_existing,
                    unreadable,
                })
            }
            // Another replica was first, so what it did not know is new.
            None => {
                let taken_in = self.ledger.take_in(&orders, self.settings.hold).await?;
                Ok(Swept {
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
    pub async fn all_in_trigger_states(&self) -> Result<(Vec<OrderRef>, u64), DiscoverError> {
        let mut walk = Walk::of(self.settings.sweep_page);
        let mut orders = Vec::new();
        let mut unreadable = 0;
        while let Some(page) = self.next_page(&mut walk).await? {
            unreadable += page.unreadable.len() as u64;
            orders.extend(page.orders);
        }
        Ok((orders, unreadable))
    }

    /// The next page of a walk over the trigger states, without the orders seen on earlier ones.
    pub(in crate::sync) async fn next_page(
        &self,
        walk: &mut Walk,
    ) -> Result<Option<OrderPage>, DiscoverError> {
        if walk.done {
            return Ok(None);
        }
        if self.tasks.stopping() {
            return Err(DiscoverError::Stopped);
        }
        let states = &self.settings.trigger_states;
        let mut page = loop {
            match self
                .storefront
                .orders_from(states, walk.position, walk.take)
                .await
            {
                Err(error) if shrink(&error, &mut walk.take) => {}
                other => break other?,
            }
        };
        complain(&page);
        page.orders
            .retain(|order| walk.seen.insert(order.id.to_string()));
        walk.advance(&page)?;
        Ok(Some(page))
    }
}

/// Where a walk over all orders stands.
pub(in crate::sync) struct Walk {
    position: SweepPosition,
    take: u32,
    done: bool,
    seen: BTreeSet<String>,
    /// Pages in a row that held nothing new.
    stale: u32,
}

/// Pages overlap, so one may hold nothing new; a list that goes on like that has no end.
const MOST_STALE_PAGES: u32 = 3;

impl Walk {
    pub(in crate::sync) fn of(take: u32) -> Self {
        Self {
            position: SweepPosition::default(),
            take,
            done: false,
            seen: BTreeSet::new(),
            stale: 0,
        }
    }

    /// Moves on past `page`, from which the orders seen before were taken out.
    fn advance(&mut self, page: &OrderPage) -> Result<(), DiscoverError> {
        if page.len < self.take as usize {
            self.done = true;
            return Ok(());
        }
        self.stale = if page.orders.is_empty() {
            self.stale + 1
        } else {
            0
        };
        if self.stale > MOST_STALE_PAGES {
            return Err(DiscoverError::Endless {
                seen: self.seen.len(),
                total: page.total,
            });
        }
        self.position = match page.last_created_at {
            Some(last) if Some(last) > self.position.created_from => SweepPosition {
                created_from: Some(last),
                skip: 0,
            },
            _ => SweepPosition {
                skip: self.position.skip.saturating_add(self.take),
                ..self.position
            },
        };
        Ok(())
    }
}

fn complain(page: &OrderPage) {
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
