//! Webhooks about stock: a few SKUs are read one by one, many with a full run and its safety checks
//! (I5). Only a full run takes a SKU off sale: otherwise, a feed of zeros that arrives piece by piece
//! would empty the shop.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::json;

use super::worker::{BUSY_RETRY_DELAY, InboxWorker, NoticeDecision};
use crate::{
    domain::{Sku, WebhookNotice, text::one_line},
    ledger::{ClaimedWebhook, LedgerError, RunOrigin, RunOutcome, RunReport, WebhookOutcome},
    sync::{
        inventory::{
            self, InventoryError, InventoryRequest, InventorySummary, InventorySync,
            guard::Suspicion, transient_failure,
        },
        jobs::{
            Job,
            run_once::{RunAttempt, Trigger, WorkResult, ignore_progress, run_once},
        },
    },
};

/// SKUs told of within [`WINDOW`] that are asked for one by one.
const MAX_SINGLE_SKUS: u64 = 10;

/// Within which SKUs are counted, and at most one pass over all is made because of webhooks.
const FULL_RUN_WINDOW: TimeDelta = TimeDelta::minutes(10);

/// What came of asking for one SKU.
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
        let mut left = due.iter().collect::<Vec<_>>();
        if self.ledger().count_reported_skus(since).await? <= MAX_SINGLE_SKUS {
            left = self.sync_each_sku(left).await?;
        }
        if left.is_empty() {
            return Ok(());
        }
        let patient = left.iter().all(|news| news.attempts < 3);
        let outcome = self.sync_all_stock(patient).await?;
        for news in left {
            self.record_decision(news, outcome.clone()).await?;
        }
        Ok(())
    }

    /// Asks for each SKU. Returns the webhooks that are left for a whole pass.
    async fn sync_each_sku<'a>(
        &self,
        due: Vec<&'a ClaimedWebhook>,
    ) -> Result<Vec<&'a ClaimedWebhook>, LedgerError> {
        let skus: BTreeSet<&Sku> = due.iter().flat_map(|news| notice_skus(news)).collect();
        let mut asked = BTreeMap::new();
        for sku in skus {
            let one = if self.tasks.is_stopping() {
                SkuOutcome::Decided(NoticeDecision::stopped())
            } else {
                self.sync_sku(sku).await?
            };
            asked.insert(sku, one);
        }
        let mut left = Vec::new();
        for news in due {
            let of_it = notice_skus(news).filter_map(|sku| asked.get(sku));
            let mut worst = NoticeDecision::done(None);
            let mut is_left = false;
            for one in of_it {
                match one {
                    SkuOutcome::NeedsFullRun => is_left = true,
                    SkuOutcome::Decided(outcome) => worst = worst_of(worst, outcome),
                }
            }
            if is_left {
                left.push(news);
            } else {
                self.record_decision(news, worst).await?;
            }
        }
        Ok(left)
    }

    async fn sync_sku(&self, sku: &Sku) -> Result<SkuOutcome, LedgerError> {
        let rules = &self.inventory.settings().rules.skus;
        let Some(in_shop) = rules.shop_sku(sku) else {
            return Ok(SkuOutcome::Decided(finish_without_variant(sku)));
        };
        let wish = InventoryRequest {
            sku: Some(in_shop),
            requires_drop_check: true,
            accepted_suspicions: Vec::new(),
        };
        let trigger = Trigger::Now {
            origin: RunOrigin::Webhook,
            details: json!({ "sku": sku }),
        };
        let ran = run_once(self.ledger(), Job::Inventory, trigger, async |run| {
            let outcome = self.inventory.run(run, &wish, &ignore_progress()).await;
            let mut result = match &outcome {
                Ok(summary) if has_only_drops(summary) => done_with_message(
                    "it would be taken off sale, which is left to a pass over all stock",
                ),
                Err(error @ (InventoryError::NoVariant(_) | InventoryError::UnknownSku(_))) => {
                    done_with_message(&error.to_string())
                }
                _ => InventorySync::run_report(run, &outcome),
            };
            // Of all stock it says nothing.
            if let WorkResult::Finished(report) = &mut result
                && report.outcome == RunOutcome::Done
            {
                report.event = None;
            }
            (outcome, result)
        });
        Ok(match ran.await? {
            RunAttempt::NotStarted | RunAttempt::LeaseLost => {
                SkuOutcome::Decided(postpone_while_busy())
            }
            RunAttempt::Completed(_, Ok(summary)) if has_only_drops(&summary) => {
                SkuOutcome::NeedsFullRun
            }
            RunAttempt::Completed(_, Ok(summary)) => {
                SkuOutcome::Decided(decide_from_summary(&summary))
            }
            RunAttempt::Completed(_, Err(InventoryError::Ledger(error)))
                if error.is_unavailable() =>
            {
                return Err(error);
            }
            RunAttempt::Completed(_, Err(InventoryError::NoVariant(_))) => {
                SkuOutcome::Decided(finish_without_variant(sku))
            }
            RunAttempt::Completed(_, Err(error)) => SkuOutcome::Decided(decide_from_error(&error)),
        })
    }

    /// One pass over all stock, as a scheduled one. What may pass by itself is told only when it did
    /// not, for a while.
    async fn sync_all_stock(&self, patient: bool) -> Result<NoticeDecision, LedgerError> {
        let now = self.clock().now();
        if let Some(last) = self.ledger().last_webhook_run_at(inventory::JOB).await?
            && last + FULL_RUN_WINDOW > now
        {
            return Ok(NoticeDecision::Postpone {
                after: last + FULL_RUN_WINDOW - now,
                why: "all stock was asked for a moment ago".into(),
            });
        }
        let trigger = Trigger::Now {
            origin: RunOrigin::Webhook,
            details: json!({}),
        };
        let ran = run_once(self.ledger(), Job::Inventory, trigger, async |run| {
            let outcome = self
                .inventory
                .run(run, &InventoryRequest::default(), &ignore_progress())
                .await;
            let result = match transient_failure(&outcome).filter(|_| patient) {
                Some(reason) => WorkResult::Interrupted { reason },
                None => InventorySync::run_report(run, &outcome),
            };
            (outcome, result)
        });
        Ok(match ran.await? {
            RunAttempt::NotStarted | RunAttempt::LeaseLost => postpone_while_busy(),
            RunAttempt::Completed(_, Err(InventoryError::Ledger(error)))
                if error.is_unavailable() =>
            {
                return Err(error);
            }
            RunAttempt::Completed(_, Err(error)) => decide_from_error(&error),
            RunAttempt::Completed(_, Ok(summary)) => match summary.transient_read_error() {
                Some(why) if patient => retry_failing(why.to_owned()),
                _ => decide_from_summary(&summary),
            },
        })
    }
}

fn notice_skus(news: &ClaimedWebhook) -> impl Iterator<Item = &Sku> {
    let skus: &[Sku] = match &news.notice {
        WebhookNotice::Inventory { skus } => skus,
        WebhookNotice::Order { .. } | WebhookNotice::Tracking(_) => &[],
    };
    skus.iter()
}

/// Whether a SKU would be taken off sale, and nothing else is strange about it.
fn has_only_drops(summary: &InventorySummary) -> bool {
    summary.quarantined.as_ref().is_some_and(|held| {
        let drops = |suspicion: &Suspicion| matches!(suspicion, Suspicion::Drop { .. });
        held.suspicions.iter().all(drops)
    })
}

fn done_with_message(message: &str) -> WorkResult {
    WorkResult::Finished(RunReport {
        message: Some(one_line(message, 300)),
        ..RunReport::done(json!({}))
    })
}

fn decide_from_summary(summary: &InventorySummary) -> NoticeDecision {
    if let Some(reasons) = summary.quarantine_reasons() {
        // Told of by the pass itself, and left to a person.
        return NoticeDecision::done(format!("the stock feed was held: {reasons}"));
    }
    let counts = summary.counts;
    match counts.untried + counts.unknown {
        0 => NoticeDecision::done(None),
        levels => retry_failing(format!("{levels} levels could not be written")),
    }
}

fn decide_from_error(error: &InventoryError) -> NoticeDecision {
    match error {
        InventoryError::Stopped => NoticeDecision::stopped(),
        InventoryError::UnknownSku(_) => NoticeDecision::done(error.to_string()),
        error if error.is_transient() => retry_failing(error.to_string()),
        error => {
            tracing::error!(%error, "VeraCore: the stock that a webhook told of could not be brought to the shop");
            NoticeDecision::Finish(WebhookOutcome::Failed, Some(error.to_string()))
        }
    }
}

fn finish_without_variant(sku: &Sku) -> NoticeDecision {
    let sku = one_line(sku.as_str(), 80);
    tracing::warn!(sku, feed = "VeraCore", "No product variant found for SKU");
    NoticeDecision::done(format!("no product variant found for SKU {sku}"))
}

fn retry_failing(why: String) -> NoticeDecision {
    NoticeDecision::Retry {
        why,
        when_exhausted: WebhookOutcome::Failed,
    }
}

fn postpone_while_busy() -> NoticeDecision {
    NoticeDecision::Postpone {
        after: BUSY_RETRY_DELAY,
        why: "a pass over the stock is going on".into(),
    }
}

/// Of a webhook with several SKUs: tried again when one of them must be, else ended as the worst.
fn worst_of(one: NoticeDecision, other: &NoticeDecision) -> NoticeDecision {
    let badness = |outcome: &NoticeDecision| match outcome {
        NoticeDecision::Finish(WebhookOutcome::Done, None) => 0,
        NoticeDecision::Finish(WebhookOutcome::Done, Some(_)) => 1,
        NoticeDecision::Finish(..) => 2,
        NoticeDecision::Postpone { .. } => 3,
        NoticeDecision::Retry { .. } => 4,
    };
    if badness(other) > badness(&one) {
        other.clone()
    } else {
        one
    }
}
