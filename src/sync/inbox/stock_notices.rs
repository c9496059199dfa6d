//! Webhooks about stock: a few SKUs are read one by one, many in a full run with its safety checks.
//! Only a full run may make a SKU unavailable. Otherwise, many wrong webhooks could set every SKU to
//! zero.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::json;

use super::worker::{InboxWorker, NoticeDecision};
use crate::{
    domain::{Sku, WebhookNotice, text::one_line},
    ledger::{
        ClaimedWebhook, LedgerError, RunId, RunOrigin, RunOutcome, RunReport, WebhookOutcome,
    },
    sync::{
        error::SyncError,
        inventory::{
            self, InventoryRequest, InventorySummary, InventorySync, guard::Suspicion,
            transient_failure,
        },
        jobs::{
            Job,
            run_once::{RunAttempt, Trigger, WorkResult, ignore_progress, run_once},
        },
    },
};

/// The most SKUs reported within [`FULL_RUN_WINDOW`] that are read one by one.
const MAX_SINGLE_SKUS: u64 = 10;

/// The period in which SKUs are counted, and in which webhooks start at most one full run.
const FULL_RUN_WINDOW: TimeDelta = TimeDelta::minutes(10);

/// Attempts at a webhook whose transient failures are not reported yet.
const QUIET_ATTEMPTS: u32 = 3;

/// The outcome of a run for one SKU.
enum SkuOutcome {
    Decided(NoticeDecision),
    /// It would be taken off sale.
    NeedsFullRun,
}

impl InboxWorker {
    pub(super) async fn process_stock_notices(
        &self,
        due: &[ClaimedWebhook],
    ) -> Result<(), LedgerError> {
        let since = self.clock().now() - FULL_RUN_WINDOW;
        let mut undecided: Vec<&ClaimedWebhook> = due.iter().collect();
        if self.ledger().count_reported_skus(since).await? <= MAX_SINGLE_SKUS {
            undecided = self.sync_each_sku(undecided).await?;
        }
        if undecided.is_empty() {
            return Ok(());
        }
        let mut webhooks = undecided.iter();
        let is_quiet = webhooks.all(|webhook| webhook.attempts < QUIET_ATTEMPTS);
        let decision = self.sync_all_stock(is_quiet).await?;
        for webhook in undecided {
            self.record_decision(webhook, decision.clone()).await?;
        }
        Ok(())
    }

    /// Syncs each SKU. Returns the webhooks that need a full run.
    async fn sync_each_sku<'a>(
        &self,
        due: Vec<&'a ClaimedWebhook>,
    ) -> Result<Vec<&'a ClaimedWebhook>, LedgerError> {
        let skus: BTreeSet<&Sku> = due
            .iter()
            .flat_map(|webhook| notice_skus(webhook))
            .collect();
        let mut outcomes = BTreeMap::new();
        for sku in skus {
            let outcome = if self.orders.tasks.is_stopping() {
                SkuOutcome::Decided(NoticeDecision::stopped())
            } else {
                self.sync_sku(sku).await?
            };
            outcomes.insert(sku, outcome);
        }
        let mut undecided = Vec::new();
        for webhook in due {
            let mut worst = Some(NoticeDecision::done(None));
            for outcome in notice_skus(webhook).filter_map(|sku| outcomes.get(sku)) {
                worst = match outcome {
                    SkuOutcome::NeedsFullRun => None,
                    SkuOutcome::Decided(decision) => worst.map(|worst| worse_of(worst, decision)),
                };
            }
            match worst {
                Some(decision) => self.record_decision(webhook, decision).await?,
                None => undecided.push(webhook),
            }
        }
        Ok(undecided)
    }

    async fn sync_sku(&self, sku: &Sku) -> Result<SkuOutcome, LedgerError> {
        let rules = &self.inventory.settings.rules.skus;
        let Some(shop_sku) = rules.shop_sku(sku) else {
            return Ok(SkuOutcome::Decided(finish_without_variant(sku)));
        };
        let request = InventoryRequest {
            sku: Some(shop_sku),
            requires_drop_check: true,
            accepted_suspicions: Vec::new(),
        };
        let trigger = Trigger::Now {
            origin: RunOrigin::Webhook,
            details: json!({ "sku": sku }),
        };
        let work = async |run| self.inventory.run(run, &request, &ignore_progress()).await;
        let ran = run_once(self.ledger(), Job::Inventory, trigger, work, report_sku_run);
        Ok(match ran.await? {
            RunAttempt::Completed(_, Ok(summary)) if has_only_drops(&summary) => {
                SkuOutcome::NeedsFullRun
            }
            RunAttempt::Completed(_, Err(SyncError::NoVariant(_))) => {
                SkuOutcome::Decided(finish_without_variant(sku))
            }
            ran => SkuOutcome::Decided(decide_from_run(ran)?),
        })
    }

    /// Runs a full inventory run. `is_quiet`: a transient failure is retried without a report.
    async fn sync_all_stock(&self, is_quiet: bool) -> Result<NoticeDecision, LedgerError> {
        let now = self.clock().now();
        if let Some(last) = self.ledger().last_webhook_run_at(inventory::JOB).await?
            && last + FULL_RUN_WINDOW > now
        {
            return Ok(NoticeDecision::Postpone {
                after: last + FULL_RUN_WINDOW - now,
                why: "webhooks started a full inventory run a moment ago".into(),
            });
        }
        let request = InventoryRequest::default();
        let trigger = Trigger::now(RunOrigin::Webhook);
        let work = async |run| self.inventory.run(run, &request, &ignore_progress()).await;
        let report = |run, outcome: &Result<_, SyncError>| match transient_failure(outcome)
            .filter(|_| is_quiet)
        {
            Some(reason) => WorkResult::Interrupted { reason },
            None => InventorySync::run_report(run, outcome),
        };
        let ran = run_once(self.ledger(), Job::Inventory, trigger, work, report);
        let ran = ran.await?;
        if is_quiet
            && let RunAttempt::Completed(_, Ok(summary)) = &ran
            && let Some(why) = summary.transient_read_error()
        {
            return Ok(NoticeDecision::retry(why.to_owned()));
        }
        decide_from_run(ran)
    }
}

fn notice_skus(webhook: &ClaimedWebhook) -> impl Iterator<Item = &Sku> {
    let skus: &[Sku] = match &webhook.notice {
        WebhookNotice::Inventory { skus } => skus,
        WebhookNotice::Order { .. } | WebhookNotice::Tracking(_) => &[],
    };
    skus.iter()
}

/// The SKU would be taken off sale, and the feed is not suspicious otherwise.
fn has_only_drops(summary: &InventorySummary) -> bool {
    summary.quarantined.as_ref().is_some_and(|quarantined| {
        let is_drop = |suspicion: &Suspicion| matches!(suspicion, Suspicion::Drop { .. });
        quarantined.suspicions.iter().all(is_drop)
    })
}

/// The report of a run for one SKU, without an event: it says nothing about the rest of the stock.
fn report_sku_run(run: RunId, outcome: &Result<InventorySummary, SyncError>) -> WorkResult {
    let message = match outcome {
        Ok(summary) if has_only_drops(summary) => {
            "it would be taken off sale, which only a full run does".to_owned()
        }
        Err(error @ (SyncError::NoVariant(_) | SyncError::UnknownSku(_))) => error.to_string(),
        _ => {
            let mut result = InventorySync::run_report(run, outcome);
            if let WorkResult::Finished(report) = &mut result
                && report.outcome == RunOutcome::Done
            {
                report.event = None;
            }
            return result;
        }
    };
    WorkResult::Finished(RunReport {
        message: Some(one_line(&message, 300)),
        ..RunReport::done(json!({}))
    })
}

fn decide_from_run(
    ran: RunAttempt<Result<InventorySummary, SyncError>>,
) -> Result<NoticeDecision, LedgerError> {
    let summary = match ran {
        RunAttempt::NotStarted | RunAttempt::LeaseLost => {
            return Ok(NoticeDecision::busy("an inventory run is in progress"));
        }
        RunAttempt::Completed(_, Err(SyncError::Ledger(error))) if error.is_unavailable() => {
            return Err(error);
        }
        RunAttempt::Completed(_, Err(error)) => return Ok(decide_from_error(&error)),
        RunAttempt::Completed(_, Ok(summary)) => summary,
    };
    Ok(match summary.quarantine_reasons() {
        // The run reported it, and it needs attention.
        Some(reasons) => NoticeDecision::done(format!("the stock feed was held: {reasons}")),
        None => match summary.counts.unwritten_reason() {
            Some(why) => NoticeDecision::retry(why),
            None => NoticeDecision::done(None),
        },
    })
}

fn decide_from_error(error: &SyncError) -> NoticeDecision {
    match error {
        SyncError::Stopped => NoticeDecision::stopped(),
        SyncError::UnknownSku(_) => NoticeDecision::done(error.to_string()),
        error if error.is_transient() => NoticeDecision::retry(error.to_string()),
        error => {
            tracing::error!(%error, "cannot bring the stock that a VeraCore webhook reported to the shop");
            NoticeDecision::Finish(WebhookOutcome::Failed, Some(error.to_string()))
        }
    }
}

fn finish_without_variant(sku: &Sku) -> NoticeDecision {
    let sku = one_line(sku.as_str(), 80);
    tracing::warn!(sku, feed = "VeraCore", "No product variant found for SKU");
    NoticeDecision::done(format!("no product variant found for SKU {sku}"))
}

/// For a webhook with several SKUs: retries it if one of them must be, else finishes it as the worst.
fn worse_of(one: NoticeDecision, other: &NoticeDecision) -> NoticeDecision {
    let severity = |decision: &NoticeDecision| match decision {
        NoticeDecision::Finish(WebhookOutcome::Done, None) => 0,
        NoticeDecision::Finish(WebhookOutcome::Done, Some(_)) => 1,
        NoticeDecision::Finish(..) => 2,
        NoticeDecision::Postpone { .. } => 3,
        NoticeDecision::Retry { .. } => 4,
    };
    if severity(other) > severity(&one) {
        other.clone()
    } else {
        one
    }
}
