//! Writes stock levels in batches. Each batch is planned again from a fresh read of the shop, under
//! leases that keep tracking and other replicas off the same stock, and recorded before it is sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use tracing::Instrument as _;

use super::{
    acknowledged::AcknowledgedUnits,
    baseline::StockBaseline,
    feed::Feed,
    plan::{ShopStock, StockPlan, target_levels},
    read::{ORDERS_PER_CALL, StockSnapshot},
    service::InventorySync,
    summary::LevelCounts,
};
use crate::{
    domain::{FailureClass, LocationId, OrderCode, VariantId, text::one_line},
    ledger::{Lease, LeaseKey, LedgerError, RunId, SentOrder, StockChange, StockOutcome},
    sync::{bounded::for_each_bounded, error::SyncError, jobs::run_once::OnProgress, leases},
    vendure::{NewStockLevel, StockLevel, StorefrontError, Variant, VariantSelection},
};

/// The most times a batch is planned again because the shop's orders changed during a write.
const MAX_REPLANS: u32 = 3;

/// The score of consecutive failures at which the shop counts as down.
const SHOP_DOWN_SCORE: u32 = 12;

/// The score of a call without a response. An unclear response scores 1: the level may be the cause.
const UNANSWERED_SCORE: u32 = 4;

/// The writes of a run, shared by its batches.
struct BatchWriter {
    service: InventorySync,
    run: RunId,
    location: LocationId,
    feed: Feed,
    open_orders: BTreeMap<OrderCode, SentOrder>,
    /// The shop before VeraCore was read.
    baseline: StockBaseline,
    /// The score of the shop's consecutive failures.
    failure_score: AtomicU32,
    done: AtomicU64,
    total: u64,
    on_progress: OnProgress,
}

#[derive(Default)]
struct WriteOutcome {
    counts: LevelCounts,
    /// The shop has less allocated than the plan assumed: something was fulfilled or cancelled.
    allocation_dropped: bool,
    /// The shop may still be working on a write.
    call_in_flight: bool,
    /// The levels that the shop returned for the variants written.
    levels_after: Vec<(VariantId, StockLevel)>,
}

/// A batch as the shop has it now, and the changes to write.
struct FreshPlan {
    variants: Vec<Variant>,
    acknowledged: AcknowledgedUnits,
    changes: Vec<StockChange>,
}

impl InventorySync {
    pub(super) async fn apply_batches(
        &self,
        run: RunId,
        read: StockSnapshot,
        batches: Vec<Batch>,
        on_progress: &OnProgress,
    ) -> Result<LevelCounts, SyncError> {
        let orders = read.open_orders.into_iter();
        let writer = Arc::new(BatchWriter {
            service: self.clone(),
            run,
            location: read.location,
            feed: read.feed,
            open_orders: orders.map(|order| (order.code.clone(), order)).collect(),
            baseline: StockBaseline::new(read.variants, read.acknowledged),
            failure_score: AtomicU32::new(0),
            done: AtomicU64::new(0),
            total: batches.iter().map(|batch| batch.change_count).sum(),
            on_progress: Arc::clone(on_progress),
        });
        let mut counts = LevelCounts::default();
        let write = |batch: Batch| {
            let writer = Arc::clone(&writer);
            async move { writer.apply_batch(&batch).await }.in_current_span()
        };
        for_each_bounded(
            self.settings.concurrency,
            &self.tasks,
            batches,
            write,
            |done| {
                match done {
                    Ok(written) => counts.add(written?),
                    // A defect in one batch does not affect the others.
                    Err(error) => {
                        tracing::error!(%error, "writing a batch of VeraCore's stock panicked");
                    }
                }
                Ok(())
            },
        )
        .await?;
        Ok(counts)
    }
}

impl BatchWriter {
    async fn apply_batch(&self, batch: &Batch) -> Result<LevelCounts, SyncError> {
        let planned = batch.change_count;
        let counts = if self.is_shop_down() {
            LevelCounts::untried(planned)
        } else {
            let keys: Vec<LeaseKey<'_>> = batch.variants.iter().map(LeaseKey::Stock).collect();
            let settings = &self.service.settings;
            let (ttl, wait) = (settings.lease_ttl, settings.lease_wait);
            match leases::acquire_within(&self.service.ledger, &keys, ttl, wait).await? {
                None => {
                    tracing::warn!(
                        levels = planned,
                        "stock is leased by another process; the next run writes VeraCore's levels"
                    );
                    LevelCounts::untried(planned)
                }
                Some(lease) => self.apply_under_lease(batch, &lease).await?,
            }
        };
        let done = self.done.fetch_add(planned, Ordering::Relaxed) + planned;
        (self.on_progress)(done.min(self.total), self.total);
        Ok(counts)
    }

    async fn apply_under_lease(
        &self,
        batch: &Batch,
        lease: &Lease,
    ) -> Result<LevelCounts, SyncError> {
        let mut counts = LevelCounts::default();
        let mut call_in_flight = false;
        let mut rewritten: Option<StockBaseline> = None;
        for _ in 0..MAX_REPLANS {
            let baseline = rewritten.as_ref().unwrap_or(&self.baseline);
            let fresh = match self.replan_batch(batch, lease, baseline).await {
                Ok(Some(fresh)) => fresh,
                Ok(None) => {
                    tracing::warn!(
                        "lost the lease on stock; the next run writes VeraCore's levels"
                    );
                    counts.untried += batch.change_count;
                    break;
                }
                Err(SyncError::Storefront(error)) => {
                    self.failure_score
                        .fetch_add(UNANSWERED_SCORE, Ordering::Relaxed);
                    tracing::error!(%error, "cannot read Vendure's stock before writing VeraCore's levels");
                    counts.untried += batch.change_count;
                    break;
                }
                Err(error) => return Err(error),
            };
            let outcome = self.write_levels(lease, &fresh.changes).await?;
            counts.add(outcome.counts);
            call_in_flight |= outcome.call_in_flight;
            if !outcome.allocation_dropped || outcome.call_in_flight {
                break;
            }
            rewritten = Some(baseline.after_write(
                &fresh.variants,
                fresh.acknowledged,
                &fresh.changes,
                &outcome.levels_after,
            ));
        }
        // A write in flight must not meet a fulfillment: let its lease expire.
        if !call_in_flight {
            self.service.ledger.release_lease(lease).await?;
        }
        Ok(counts)
    }

    /// Plans a batch from what the shop has now; `None` if the lease was lost.
    async fn replan_batch(
        &self,
        batch: &Batch,
        lease: &Lease,
        baseline: &StockBaseline,
    ) -> Result<Option<FreshPlan>, SyncError> {
        let service = &self.service;
        let page_size = service.settings.page_size.max(1) as usize;
        let mut variants = Vec::new();
        for ids in batch.variants.chunks(page_size) {
            let page = VariantSelection::Ids(ids);
            let page = service.storefront.variants(page, &self.location).await?;
            variants.extend(page.variants);
        }
        let codes: BTreeSet<&OrderCode> = batch
            .variants
            .iter()
            .flat_map(|variant| self.baseline.acknowledged().orders(variant))
            .map(|(code, _)| code)
            .collect();
        let orders: Vec<SentOrder> = codes
            .into_iter()
            .filter_map(|code| self.open_orders.get(code).cloned())
            .collect();
        // Renewed for each page, since there may be many.
        let mut progress = Vec::new();
        for page in orders.chunks(ORDERS_PER_CALL as usize) {
            if !self.renew(lease).await? {
                return Ok(None);
            }
            progress.extend(service.fetch_progress(page).await?.0);
        }
        let acknowledged = AcknowledgedUnits::from_orders(&orders, &progress);
        let shop = ShopStock {
            variants: &variants,
            acknowledged: &acknowledged,
            baseline: Some(baseline),
        };
        let targets = target_levels(&self.feed, shop, &service.settings.rules);
        let changes = targets.iter().filter(|target| !target.is_met());
        let changes = changes.map(StockChange::from).collect();
        Ok(Some(FreshPlan {
            variants,
            acknowledged,
            changes,
        }))
    }

    /// Records the intents, then writes. Halves a rejected batch until the bad level is alone.
    async fn write_levels(
        &self,
        lease: &Lease,
        changes: &[StockChange],
    ) -> Result<WriteOutcome, SyncError> {
        if changes.is_empty() {
            return Ok(WriteOutcome::default());
        }
        let ledger = &self.service.ledger;
        let all: Vec<&StockChange> = changes.iter().collect();
        let ids = ledger
            .record_stock_intents(self.run, &self.location, self.feed.requested_at, &all)
            .await?;
        let mut outcome = WriteOutcome::default();
        let mut parts = Vec::new();
        parts.push(0..changes.len());
        while let Some(part) = parts.pop() {
            let (changes, ids) = (&changes[part.clone()], &ids[part.clone()]);
            let count = changes.len() as u64;
            if self.is_shop_down() || outcome.call_in_flight || !self.renew(lease).await? {
                let reason =
                    "not tried: the shop did not respond, or the lease on the stock was lost";
                ledger
                    .record_stock_outcome(ids, StockOutcome::Refused, Some(reason))
                    .await?;
                outcome.counts.untried += count;
                continue;
            }
            let levels: Vec<NewStockLevel> = changes.iter().map(new_level).collect();
            let storefront = &self.service.storefront;
            match storefront.set_stock(&self.location, &levels).await {
                Ok(now) => {
                    self.failure_score.store(0, Ordering::Relaxed);
                    ledger
                        .record_stock_outcome(ids, StockOutcome::Written, None)
                        .await?;
                    outcome.counts.written += count;
                    outcome.allocation_dropped |= has_allocation_dropped(changes, &now);
                    outcome.levels_after.extend(now);
                }
                // One of them is bad. Levels are absolute and leased, so writing one twice is harmless.
                Err(error) if is_level_rejection(&error) && changes.len() > 1 => {
                    let middle = part.start + changes.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                Err(error) => {
                    let recorded = self.count_failure(changes, &error, &mut outcome);
                    let message = one_line(&error.to_string(), 300);
                    ledger
                        .record_stock_outcome(ids, recorded, Some(&message))
                        .await?;
                }
            }
        }
        Ok(outcome)
    }

    /// Logs and counts a failed write of `changes`, and returns the outcome to record.
    fn count_failure(
        &self,
        changes: &[StockChange],
        error: &StorefrontError,
        outcome: &mut WriteOutcome,
    ) -> StockOutcome {
        let count = changes.len() as u64;
        let problem = one_line(&error.to_string(), 300);
        let is_rejected = is_level_rejection(error);
        let is_ambiguous = error.class() == FailureClass::Ambiguous;
        let weight = match (is_rejected, error.class()) {
            (true, FailureClass::Permanent) => 0,
            _ if error.has_response() => 1,
            _ => UNANSWERED_SCORE,
        };
        self.failure_score.fetch_add(weight, Ordering::Relaxed);
        if is_rejected {
            outcome.counts.refused += count;
            tracing::error!(
                sku = one_line(&changes[0].sku, 80),
                variant = %changes[0].variant,
                problem,
                "Vendure rejected a stock level from VeraCore"
            );
        } else {
            tracing::error!(
                levels = count,
                problem,
                "cannot write VeraCore's stock levels to Vendure"
            );
            if is_ambiguous {
                outcome.call_in_flight = true;
                outcome.counts.unknown += count;
            } else {
                outcome.counts.untried += count;
            }
        }
        if is_ambiguous {
            StockOutcome::Unknown
        } else {
            StockOutcome::Refused
        }
    }

    fn is_shop_down(&self) -> bool {
        self.failure_score.load(Ordering::Relaxed) >= SHOP_DOWN_SCORE
    }

    async fn renew(&self, lease: &Lease) -> Result<bool, LedgerError> {
        let ttl = self.service.settings.lease_ttl;
        self.service.ledger.renew_lease(lease, ttl).await
    }
}

/// The shop rejected the levels themselves: it is up and our access is not the cause.
fn is_level_rejection(error: &StorefrontError) -> bool {
    error.has_response() && error.class() != FailureClass::Transient
}

fn new_level(change: &StockChange) -> NewStockLevel {
    NewStockLevel {
        variant: change.variant.clone(),
        on_hand: change.after,
    }
}

/// The shop has less allocated than a level was planned with. More is fine: those units are promised
/// to a customer and cannot be sold again.
fn has_allocation_dropped(changes: &[StockChange], now: &[(VariantId, StockLevel)]) -> bool {
    changes.iter().any(|change| {
        now.iter().any(|(variant, level)| {
            *variant == change.variant && level.allocated < change.allocated
        })
    })
}

/// Variants written together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    /// The variants that change, and those that share their goods.
    variants: Vec<VariantId>,
    change_count: u64,
}

/// Splits a plan into batches of about `size` variants. Variants that share goods stay together.
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
