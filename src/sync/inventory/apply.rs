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
    acknowledged::AcknowledgedUnits,
    baseline::StockBaseline,
    feed::Feed,
    plan::{ShopStock, StockPlan, target_levels},
    read::{ORDERS_PER_CALL, StockSnapshot},
    run::LevelCounts,
};
use crate::{
    domain::{FailureClass, LocationId, OrderCode, VariantId, text::one_line},
    ledger::{Lease, LeaseKey, RunId, SentOrder, StockChange, StockOutcome},
    sync::{jobs::run_once::OnProgress, leases},
    vendure::{NewStockLevel, StockLevel, StorefrontError, Variant, VariantSelection},
};

/// So often a batch is looked at again because the shop's orders changed while it was written.
const MAX_REPLANS: u32 = 3;

/// When a shop that does not answer, or not clearly, is taken for down: what went wrong in a row,
/// weighed.
const SHOP_DOWN_SCORE: u32 = 12;

/// A call without an answer. One level that the shop cannot make up its mind about weighs 1: it may
/// be the level.
const UNANSWERED_SCORE: u32 = 4;

/// What all batches of a pass share.
struct BatchContext {
    run: RunId,
    location: LocationId,
    feed: Feed,
    open_orders: BTreeMap<OrderCode, SentOrder>,
    /// How the shop was before VeraCore was asked.
    baseline: StockBaseline,
    /// What went wrong in a row with the shop, weighed; see [`LOST`].
    failure_score: AtomicU32,
    done: AtomicU64,
    total: u64,
    on_progress: OnProgress,
}

/// What became of a batch's writes.
#[derive(Default)]
struct WriteOutcome {
    counts: LevelCounts,
    /// The shop promised less than was planned with: something was fulfilled or cancelled.
    allocation_dropped: bool,
    /// A write may still be worked on.
    call_in_flight: bool,
    /// What the shop has of what it took.
    levels_after: Vec<(VariantId, StockLevel)>,
}

/// A batch as the shop has it at this moment, and what is to be written of it.
struct FreshPlan {
    variants: Vec<Variant>,
    acknowledged: AcknowledgedUnits,
    changes: Vec<StockChange>,
}

impl InventorySync {
    /// Writes the levels of a plan that was cut into batches.
    pub(super) async fn apply_batches(
        &self,
        run: RunId,
        read: StockSnapshot,
        batches: Vec<Batch>,
        on_progress: &OnProgress,
    ) -> Result<LevelCounts, InventoryError> {
        let codes = read
            .open_orders
            .into_iter()
            .map(|order| (order.code.clone(), order));
        let job = Arc::new(BatchContext {
            run,
            location: read.location,
            feed: read.feed,
            open_orders: codes.collect(),
            baseline: StockBaseline::new(read.variants, read.acknowledged),
            failure_score: AtomicU32::new(0),
            done: AtomicU64::new(0),
            total: batches.iter().map(|batch| batch.change_count).sum(),
            on_progress: Arc::clone(on_progress),
        });
        let mut counts = LevelCounts::default();
        let mut failed = None;
        let mut working = JoinSet::new();
        let mut waiting = batches.into_iter();
        loop {
            while working.len() < self.settings.concurrency.max(1)
                && !self.tasks.is_stopping()
                && failed.is_none()
            {
                let Some(batch) = waiting.next() else { break };
                let (service, job) = (self.clone(), Arc::clone(&job));
                let work = async move { service.apply_batch(&job, &batch).await };
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

    async fn apply_batch(
        &self,
        job: &BatchContext,
        batch: &Batch,
    ) -> Result<LevelCounts, InventoryError> {
        let planned = batch.change_count;
        let untried = || LevelCounts {
            untried: planned,
            ..LevelCounts::default()
        };
        let counts = if job.failure_score.load(Ordering::Relaxed) >= SHOP_DOWN_SCORE {
            untried()
        } else {
            let names: Vec<LeaseKey<'_>> = batch.variants.iter().map(LeaseKey::Stock).collect();
            let InventorySettings {
                lease_ttl: hold,
                lease_wait: patience,
                ..
            } = *self.settings;
            match leases::acquire_within(&self.ledger, &names, hold, patience).await? {
                None => {
                    tracing::warn!(
                        levels = planned,
                        "VeraCore: somebody else is at this stock; the next pass sees to it"
                    );
                    untried()
                }
                Some(hold) => self.apply_under_lease(job, batch, &hold).await?,
            }
        };
        let done = job.done.fetch_add(planned, Ordering::Relaxed) + planned;
        (job.on_progress)(done.min(job.total), job.total);
        Ok(counts)
    }

    async fn apply_under_lease(
        &self,
        job: &BatchContext,
        batch: &Batch,
        hold: &Lease,
    ) -> Result<LevelCounts, InventoryError> {
        let mut counts = LevelCounts::default();
        let mut open_ended = false;
        let mut earlier: Option<StockBaseline> = None;
        for _ in 0..MAX_REPLANS {
            let then = earlier.as_ref().unwrap_or(&job.baseline);
            let fresh = match self.replan_batch(job, batch, hold, then).await {
                Ok(Some(fresh)) => fresh,
                Ok(None) => {
                    tracing::warn!("VeraCore: stock was no longer held; the next pass sees to it");
                    counts.untried += batch.change_count;
                    break;
                }
                Err(InventoryError::Shop(error)) => {
                    job.failure_score
                        .fetch_add(UNANSWERED_SCORE, Ordering::Relaxed);
                    tracing::error!(%error, "Vendure: stock cannot be read again before it is written for VeraCore");
                    counts.untried += batch.change_count;
                    break;
                }
                Err(error) => return Err(error),
            };
            let outcome = self.write_levels(job, hold, &fresh.changes).await?;
            counts.add(outcome.counts);
            open_ended |= outcome.call_in_flight;
            if !outcome.allocation_dropped || outcome.call_in_flight {
                break;
            }
            let FreshPlan {
                variants,
                acknowledged: known,
                changes,
            } = fresh;
            earlier = Some(then.after_write(&variants, known, &changes, &outcome.levels_after));
        }
        // What may still be worked on must not meet a fulfillment: its hold runs out by itself.
        if !open_ended {
            self.ledger.release_lease(hold).await?;
        }
        Ok(counts)
    }

    /// Plans a batch from what the shop has at this moment; `None` when its hold was lost.
    async fn replan_batch(
        &self,
        job: &BatchContext,
        batch: &Batch,
        hold: &Lease,
        earlier: &StockBaseline,
    ) -> Result<Option<FreshPlan>, InventoryError> {
        let mut variants = Vec::new();
        for ids in batch
            .variants
            .chunks(self.settings.page_size.max(1) as usize)
        {
            let page = self
                .storefront
                .variants(VariantSelection::Ids(ids), &job.location)
                .await?;
            variants.extend(page.variants);
        }
        let codes: BTreeSet<&OrderCode> = batch
            .variants
            .iter()
            .flat_map(|variant| job.baseline.acknowledged().orders(variant))
            .map(|(code, _)| code)
            .collect();
        let orders: Vec<SentOrder> = codes
            .into_iter()
            .filter_map(|code| job.open_orders.get(code).cloned())
            .collect();
        // There may be many pages of them.
        let mut progress = Vec::new();
        for some in orders.chunks(ORDERS_PER_CALL) {
            if !self
                .ledger
                .renew_lease(hold, self.settings.lease_ttl)
                .await?
            {
                return Ok(None);
            }
            progress.extend(self.fetch_progress(some).await?.0);
        }
        let known = AcknowledgedUnits::from_orders(&orders, &progress);
        let shop = ShopStock {
            variants: &variants,
            acknowledged: &known,
            baseline: Some(earlier),
        };
        let targets = target_levels(&job.feed, shop, &self.settings.rules);
        let changes = targets.iter().filter(|target| !target.is_met());
        let changes = changes.map(StockChange::from).collect();
        Ok(Some(FreshPlan {
            variants,
            acknowledged: known,
            changes,
        }))
    }

    /// Writes levels down, then writes them; a refused batch is halved until the bad one is alone.
    async fn write_levels(
        &self,
        job: &BatchContext,
        hold: &Lease,
        changes: &[StockChange],
    ) -> Result<WriteOutcome, InventoryError> {
        if changes.is_empty() {
            return Ok(WriteOutcome::default());
        }
        let all: Vec<&StockChange> = changes.iter().collect();
        let ids = self
            .ledger
            .record_stock_intents(job.run, &job.location, job.feed.requested_at, &all)
            .await?;
        let mut outcome = WriteOutcome::default();
        let mut parts = Vec::new();
        parts.push(0..changes.len());
        while let Some(part) = parts.pop() {
            let (changes, ids) = (&changes[part.clone()], &ids[part.clone()]);
            let count = changes.len() as u64;
            let down = job.failure_score.load(Ordering::Relaxed) >= SHOP_DOWN_SCORE;
            if down
                || outcome.call_in_flight
                || !self
                    .ledger
                    .renew_lease(hold, self.settings.lease_ttl)
                    .await?
            {
                let why = "not tried: the shop did not answer, or the stock was no longer held";
                self.record_stock_outcome(ids, StockOutcome::Refused, Some(why))
                    .await?;
                outcome.counts.untried += count;
                continue;
            }
            let levels: Vec<NewStockLevel> = changes.iter().map(new_level).collect();
            match self.storefront.set_stock(&job.location, &levels).await {
                Ok(now) => {
                    job.failure_score.store(0, Ordering::Relaxed);
                    self.record_stock_outcome(ids, StockOutcome::Written, None)
                        .await?;
                    outcome.counts.written += count;
                    outcome.allocation_dropped |= has_allocation_dropped(changes, &now);
                    outcome.levels_after.extend(now);
                }
                // One of them is bad. Each is absolute and held, so that it does no harm should one
                // have been written after all.
                Err(error) if is_level_rejection(&error) && changes.len() > 1 => {
                    let middle = part.start + changes.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                Err(error) => {
                    let message = one_line(&error.to_string(), 300);
                    let refused = is_level_rejection(&error);
                    let weight = match (refused, error.class()) {
                        (true, FailureClass::Permanent) => 0,
                        _ if error.has_response() => 1,
                        _ => UNANSWERED_SCORE,
                    };
                    job.failure_score.fetch_add(weight, Ordering::Relaxed);
                    let end = if error.class() == FailureClass::Ambiguous {
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
                        if error.class() == FailureClass::Ambiguous {
                            outcome.call_in_flight = true;
                            outcome.counts.unknown += count;
                        } else {
                            outcome.counts.untried += count;
                        }
                    }
                    self.record_stock_outcome(ids, end, Some(&message)).await?;
                }
            }
        }
        Ok(outcome)
    }

    async fn record_stock_outcome(
        &self,
        ids: &[i64],
        outcome: StockOutcome,
        message: Option<&str>,
    ) -> Result<(), InventoryError> {
        Ok(self
            .ledger
            .record_stock_outcome(ids, outcome, message)
            .await?)
    }
}

/// Whether the shop answered that it does not take the levels, rather than that it takes nothing
/// from us, or not at all.
fn is_level_rejection(error: &StorefrontError) -> bool {
    error.has_response() && error.class() != FailureClass::Transient
}

impl LevelCounts {
    fn add(&mut self, other: Self) {
        self.unchanged += other.unchanged;
        self.written += other.written;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.untried += other.untried;
    }
}

fn new_level(change: &StockChange) -> NewStockLevel {
    NewStockLevel {
        variant: change.variant.clone(),
        on_hand: change.after,
    }
}

/// Whether the shop has less allocated than a level was planned with. More is fine: then it was
/// promised meanwhile, and cannot be sold any more.
fn has_allocation_dropped(changes: &[StockChange], now: &[(VariantId, StockLevel)]) -> bool {
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
    change_count: u64,
}

/// Cuts a plan into batches of about `size` variants; what shares its goods stays together.
pub(super) fn split_into_batches(plan: &StockPlan<'_>, size: usize) -> Vec<Batch> {
    let shared: BTreeMap<&str, &Vec<VariantId>> = plan
        .shared_skus
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
        batch.change_count += 1;
        match shared.get(change.veracore_sku.as_str()) {
            Some(ids) if new_group => batch.variants.extend(ids.iter().cloned()),
            Some(_) => {}
            None => batch.variants.push(change.variant.id.clone()),
        }
    }
    batches
}
