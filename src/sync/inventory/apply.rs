//! Writing levels: in batches, each planned anew from a fresh look at the shop, under holds that
//! keep tracking and other replicas from the same stock, written down before it is done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::{
    InventoryError, InventorySettings, InventorySync,
    acknowledged::Acknowledged,
    earlier::Earlier,
    feed::Feed,
    pass::Counts,
    plan::{Plan, Shop, targets},
    read::{ORDERS, Read},
};
use crate::{
    domain::{Class, LocationId, OrderCode, VariantId, text::one_line},
    ledger::{Held, Hold, RunId, SentOrder, StockChange, StockOutcome},
    sync::{holding, passes::OnProgress},
    vendure::{NewLevel, StockLevel, StorefrontError, Variant, Variants},
};

/// So often a batch is looked at again because the shop's orders changed while it was written.
const ROUNDS: u32 = 3;

/// When a shop that does not answer, or not clearly, is taken for down: what went wrong in a row,
/// weighed.
const LOST: u32 = 12;

/// A call without an answer. One level that the shop cannot make up its mind about weighs 1: it may
/// be the level.
const UNANSWERED: u32 = 4;

/// What all batches of a pass share.
struct Job {
    run: RunId,
    location: LocationId,
    feed: Feed,
    open: BTreeMap<OrderCode, SentOrder>,
    /// How the shop was before VeraCore was asked.
    earlier: Earlier,
    /// What went wrong in a row with the shop, weighed; see [`LOST`].
    lost: AtomicU32,
    done: AtomicU64,
    total: u64,
    on_progress: OnProgress,
}

/// What became of a batch's writes.
#[derive(Default)]
struct Outcome {
    counts: Counts,
    /// The shop promised less than was planned with: something was fulfilled or cancelled.
    moved: bool,
    /// A write may still be worked on.
    open_ended: bool,
    /// What the shop has of what it took.
    now: Vec<(VariantId, StockLevel)>,
}

/// A batch as the shop has it at this moment, and what is to be written of it.
struct Fresh {
    variants: Vec<Variant>,
    known: Acknowledged,
    changes: Vec<StockChange>,
}

impl InventorySync {
    /// Writes the levels of a plan that was cut into batches.
    pub(super) async fn apply(
        &self,
        run: RunId,
        read: Read,
        batches: Vec<Batch>,
        on_progress: &OnProgress,
    ) -> Result<Counts, InventoryError> {
        let codes = read
            .open
            .into_iter()
            .map(|order| (order.code.clone(), order));
        let job = Arc::new(Job {
            run,
            location: read.location,
            feed: read.feed,
            open: codes.collect(),
            earlier: Earlier::of(read.variants, read.known),
            lost: AtomicU32::new(0),
            done: AtomicU64::new(0),
            total: batches.iter().map(|batch| batch.changes).sum(),
            on_progress: Arc::clone(on_progress),
        });
        let mut counts = Counts::default();
        let mut failed = None;
        let mut working = JoinSet::new();
        let mut waiting = batches.into_iter();
        loop {
            while working.len() < self.settings.concurrency.max(1)
                && !self.tasks.stopping()
                && failed.is_none()
            {
                let Some(batch) = waiting.next() else { break };
                let (service, job) = (self.clone(), Arc::clone(&job));
                let work = async move { service.batch(&job, &batch).await };
                working.spawn(work.in_current_span());
            }
            match working.join_next().await {
                None => break,
                Some(Ok(Ok(done))) => counts.add(done),
                // No more is begun, and what is under way comes to its end.
                Some(Ok(Err(error))) => {
                    failed.get_or_insert(error);
                }
                // A defect in one batch; the others were not harmed by it.
                Some(Err(error)) => tracing::error!(%error, "VeraCore: a batch of stock panicked"),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if waiting.next().is_some() {
            return Err(InventoryError::Stopped);
        }
        Ok(counts)
    }

    async fn batch(&self, job: &Job, batch: &Batch) -> Result<Counts, InventoryError> {
        let planned = batch.changes;
        let untried = || Counts {
            untried: planned,
            ..Counts::default()
        };
        let counts = if job.lost.load(Ordering::Relaxed) >= LOST {
            untried()
        } else {
            let names: Vec<Held<'_>> = batch.variants.iter().map(Held::Stock).collect();
            let InventorySettings { hold, patience, .. } = *self.settings;
            match holding::wait_for(&self.ledger, &names, hold, patience).await? {
                None => {
                    tracing::warn!(
                        levels = planned,
                        "VeraCore: somebody else is at this stock; the next pass sees to it"
                    );
                    untried()
                }
                Some(hold) => self.under_hold(job, batch, &hold).await?,
            }
        };
        let done = job.done.fetch_add(planned, Ordering::Relaxed) + planned;
        (job.on_progress)(done.min(job.total), job.total);
        Ok(counts)
    }

    async fn under_hold(
        &self,
        job: &Job,
        batch: &Batch,
        hold: &Hold,
    ) -> Result<Counts, InventoryError> {
        let mut counts = Counts::default();
        let mut open_ended = false;
        let mut earlier: Option<Earlier> = None;
        for _ in 0..ROUNDS {
            let then = earlier.as_ref().unwrap_or(&job.earlier);
            let fresh = match self.look_again(job, batch, hold, then).await {
                Ok(Some(fresh)) => fresh,
                Ok(None) => {
                    tracing::warn!("VeraCore: stock was no longer held; the next pass sees to it");
                    counts.untried += batch.changes;
                    break;
                }
                Err(InventoryError::Shop(error)) => {
                    job.lost.fetch_add(UNANSWERED, Ordering::Relaxed);
                    tracing::error!(%error, "Vendure: stock cannot be read again before it is written for VeraCore");
                    counts.untried += batch.changes;
                    break;
                }
                Err(error) => return Err(error),
            };
            let outcome = self.write(job, hold, &fresh.changes).await?;
            counts.add(outcome.counts);
            open_ended |= outcome.open_ended;
            if !outcome.moved || outcome.open_ended {
                break;
            }
            let Fresh {
                variants,
                known,
                changes,
            } = fresh;
            earlier = Some(then.after(&variants, known, &changes, &outcome.now));
        }
        // What may still be worked on must not meet a fulfillment: its hold runs out by itself.
        if !open_ended {
            self.ledger.let_go(hold).await?;
        }
        Ok(counts)
    }

    /// Plans a batch from what the shop has at this moment; `None` when its hold was lost.
    async fn look_again(
        &self,
        job: &Job,
        batch: &Batch,
        hold: &Hold,
        earlier: &Earlier,
    ) -> Result<Option<Fresh>, InventoryError> {
        let mut variants = Vec::new();
        for ids in batch.variants.chunks(self.settings.page.max(1) as usize) {
            let page = self
                .storefront
                .variants(Variants::Ids(ids), &job.location)
                .await?;
            variants.extend(page.variants);
        }
        let codes: BTreeSet<&OrderCode> = batch
            .variants
            .iter()
            .flat_map(|variant| job.earlier.known().orders(variant))
            .map(|(code, _)| code)
            .collect();
        let orders: Vec<SentOrder> = codes
            .into_iter()
            .filter_map(|code| job.open.get(code).cloned())
            .collect();
        // There may be many pages of them.
        let mut progress = Vec::new();
        for some in orders.chunks(ORDERS) {
            if !self.ledger.hold_on(hold, self.settings.hold).await? {
                return Ok(None);
            }
            progress.extend(self.progress(some).await?.0);
        }
        let known = Acknowledged::of(&orders, &progress);
        let shop = Shop {
            variants: &variants,
            known: &known,
            earlier: Some(earlier),
        };
        let targets = targets(&job.feed, shop, &self.settings.rules);
        let changes = targets.iter().filter(|target| !target.is_met());
        let changes = changes.map(StockChange::from).collect();
        Ok(Some(Fresh {
            variants,
            known,
            changes,
        }))
    }

    /// Writes levels down, then writes them; a refused batch is halved until the bad one is alone.
    async fn write(
        &self,
        job: &Job,
        hold: &Hold,
        changes: &[StockChange],
    ) -> Result<Outcome, InventoryError> {
        if changes.is_empty() {
            return Ok(Outcome::default());
        }
        let all: Vec<&StockChange> = changes.iter().collect();
        let ids = self
            .ledger
            .intend_stock(job.run, &job.location, job.feed.asked_at, &all)
            .await?;
        let mut outcome = Outcome::default();
        let mut parts = Vec::new();
        parts.push(0..changes.len());
        while let Some(part) = parts.pop() {
            let (changes, ids) = (&changes[part.clone()], &ids[part.clone()]);
            let count = changes.len() as u64;
            let down = job.lost.load(Ordering::Relaxed) >= LOST;
            if down || outcome.open_ended || !self.ledger.hold_on(hold, self.settings.hold).await? {
                let why = "not tried: the shop did not answer, or the stock was no longer held";
                self.end(ids, StockOutcome::Refused, Some(why)).await?;
                outcome.counts.untried += count;
                continue;
            }
            let levels: Vec<NewLevel> = changes.iter().map(new_level).collect();
            match self.storefront.set_stock(&job.location, &levels).await {
                Ok(now) => {
                    job.lost.store(0, Ordering::Relaxed);
                    self.end(ids, StockOutcome::Written, None).await?;
                    outcome.counts.written += count;
                    outcome.moved |= moved(changes, &now);
                    outcome.now.extend(now);
                }
                // One of them is bad. Each is absolute and held, so that it does no harm should one
                // have been written after all.
                Err(error) if is_about_the_levels(&error) && changes.len() > 1 => {
                    let middle = part.start + changes.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                Err(error) => {
                    let message = one_line(&error.to_string(), 300);
                    let refused = is_about_the_levels(&error);
                    let weight = match (refused, error.class()) {
                        (true, Class::Permanent) => 0,
                        _ if error.was_answered() => 1,
                        _ => UNANSWERED,
                    };
                    job.lost.fetch_add(weight, Ordering::Relaxed);
                    let end = if error.class() == Class::Ambiguous {
                        StockOutcome::Unknown
                    } else {
                        StockOutcome::Refused
                    };
                    if refused {
                        outcome.counts.refused += count;
                        tracing::error!(
                            sku = one_line(&changes[0].sku, 80),
                            variant = %changes[0].variant,
                            problem = message,
                            "Vendure refuses the level that VeraCore's stock asks for"
                        );
                    } else {
                        tracing::error!(
                            levels = count,
                            problem = message,
                            "Vendure: stock from VeraCore could not be written"
                        );
                        if error.class() == Class::Ambiguous {
                            outcome.open_ended = true;
                            outcome.counts.unknown += count;
                        } else {
                            outcome.counts.untried += count;
                        }
                    }
                    self.end(ids, end, Some(&message)).await?;
                }
            }
        }
        Ok(outcome)
    }

    async fn end(
        &self,
        ids: &[i64],
        outcome: StockOutcome,
        message: Option<&str>,
    ) -> Result<(), InventoryError> {
        Ok(self.ledger.end_stock(ids, outcome, message).await?)
    }
}

/// Whether the shop answered that it does not take the levels, rather than that it takes nothing
/// from us, or not at all.
fn is_about_the_levels(error: &StorefrontError) -> bool {
    error.was_answered() && error.class() != Class::Transient
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.unchanged += other.unchanged;
        self.written += other.written;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.untried += other.untried;
    }
}

fn new_level(change: &StockChange) -> NewLevel {
    NewLevel {
        variant: change.variant.clone(),
        on_hand: change.after,
    }
}

/// Whether the shop has less allocated than a level was planned with. More is fine: then it was
/// promised meanwhile, and cannot be sold any more.
fn moved(changes: &[StockChange], now: &[(VariantId, StockLevel)]) -> bool {
    changes.iter().any(|change| {
        now.iter().any(|(variant, level)| {
            *variant == change.variant && level.allocated < change.allocated
        })
    })
}

/// Variants that are written together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    /// Those that change, and those that share their goods.
    variants: Vec<VariantId>,
    /// How many are to be changed.
    changes: u64,
}

/// Cuts a plan into batches of about `size` variants; what shares its goods stays together.
pub(super) fn batches(plan: &Plan<'_>, size: usize) -> Vec<Batch> {
    let shared: BTreeMap<&str, &Vec<VariantId>> = plan
        .shared
        .iter()
        .map(|shared| (shared.veracore_sku.as_str(), &shared.ids))
        .collect();
    let mut batches: Vec<Batch> = Vec::new();
    let mut last_sku = None;
    for change in &plan.changes {
        let new_group = last_sku != Some(change.veracore_sku);
        last_sku = Some(change.veracore_sku);
        match batches.last_mut() {
            Some(batch) if !new_group || batch.variants.len() < size => {}
            _ => batches.push(Batch::default()),
        }
        let Some(batch) = batches.last_mut() else {
            continue;
        };
        batch.changes += 1;
        match shared.get(change.veracore_sku.as_str()) {
            Some(ids) if new_group => batch.variants.extend(ids.iter().cloned()),
            Some(_) => {}
            None => batch.variants.push(change.variant.id.clone()),
        }
    }
    batches
}
