//! Stock as a job: its scheduled runs, runs on request, and their reports.

use async_trait::async_trait;
use serde_json::json;

use super::{
    error::InventoryError,
    service::InventorySync,
    summary::{InventoryRequest, InventorySummary, LevelCounts},
};
use crate::{
    ledger::{LedgerError, RunId, RunOrigin, RunOutcome, RunReport},
    sync::jobs::{
        Job,
        run_once::{OnProgress, RunAttempt, Trigger, WorkResult, ignore_progress, run_once},
        scheduler::ScheduledJob,
    },
};

#[async_trait]
impl ScheduledJob for InventorySync {
    fn job(&self) -> Job {
        Job::Inventory
    }

    async fn run_scheduled(&self, run: RunId) -> WorkResult {
        let outcome = self
            .run(run, &InventoryRequest::default(), &ignore_progress())
            .await;
        // The next occurrence may be a day away.
        if Job::Inventory.may_restart(run.starts())
            && let Some(reason) = transient_failure(&outcome)
        {
            return WorkResult::Interrupted { reason };
        }
        Self::run_report(run, &outcome)
    }
}

/// The reason for a failure that a retry in a minute may resolve.
pub(in crate::sync) fn transient_failure(
    outcome: &Result<InventorySummary, InventoryError>,
) -> Option<String> {
    match outcome {
        Ok(summary) => summary
            .transient_read_error()
            .map(str::to_owned)
            .or_else(|| {
                let LevelCounts {
                    untried, unknown, ..
                } = summary.counts;
                (untried + unknown > 0)
                    .then(|| format!("{} levels could not be written", untried + unknown))
            }),
        Err(error) => error.is_transient().then(|| error.to_string()),
    }
}

impl InventorySync {
    /// Runs once at an operator's request.
    pub async fn run_manually(
        &self,
        request: &InventoryRequest,
        on_progress: &OnProgress,
    ) -> Result<RunAttempt<Result<InventorySummary, InventoryError>>, LedgerError> {
        let details = match &request.sku {
            Some(sku) => json!({ "sku": sku }),
            None => json!({}),
        };
        let origin = RunOrigin::Operator;
        let trigger = Trigger::Now { origin, details };
        run_once(&self.ledger, Job::Inventory, trigger, async |run| {
            let outcome = self.run(run, request, on_progress).await;
            let result = Self::run_report(run, &outcome);
            (outcome, result)
        })
        .await
    }

    /// Logs a finished run and reports it. Whoever started the run reports its failure.
    pub fn run_report(
        run: RunId,
        outcome: &Result<InventorySummary, InventoryError>,
    ) -> WorkResult {
        let summary = match outcome {
            Ok(summary) => summary,
            Err(error @ InventoryError::Stopped) => return WorkResult::interrupted(error),
            Err(error) => return WorkResult::failed(error),
        };
        let result = serde_json::to_value(summary).unwrap_or_default();
        let counts = summary.counts;
        if let Some(reasons) = summary.quarantine_reasons() {
            tracing::error!(
                reasons,
                "VeraCore's stock feed is held: it failed safety checks, and nothing was written. Review it, then run `veracore-sync sync inventory --accept-held {}`, or let the next run retry",
                run.number()
            );
            let data = json!({ "run": run.number(), "reasons": reasons });
            return WorkResult::Finished(RunReport {
                outcome: RunOutcome::Quarantined,
                message: Some(reasons),
                event: Some(("inventory.held", data)),
                ..RunReport::done(result)
            });
        }
        tracing::info!(
            rows = summary.rows,
            written = counts.written,
            unchanged = counts.unchanged,
            refused = counts.refused,
            unknown = counts.unknown,
            untried = counts.untried,
            unmatched = summary.unmatched_count,
            "brought VeraCore's stock to the shop"
        );
        let data = json!({
            "run": run.number(), "written": counts.written, "unchanged": counts.unchanged,
            "failed": counts.failed_count(), "unmatched": summary.unmatched_count,
        });
        let failed = counts.failed_count();
        WorkResult::Finished(RunReport {
            message: (failed > 0).then(|| format!("{failed} levels could not be written")),
            event: Some(("inventory.completed", data)),
            ..RunReport::done(result)
        })
    }
}
