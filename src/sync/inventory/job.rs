//! Stock as a job: its scheduled runs, runs on request, and their reports.

use async_trait::async_trait;
use serde_json::json;

use super::{
    service::InventorySync,
    summary::{InventoryRequest, InventorySummary},
};
use crate::{
    ledger::{LedgerError, RunId, RunOrigin, RunOutcome, RunReport},
    sync::{
        error::SyncError,
        jobs::{
            Job,
            run_once::{OnProgress, RunAttempt, Trigger, WorkResult, ignore_progress, run_once},
            scheduler::ScheduledJob,
        },
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
    outcome: &Result<InventorySummary, SyncError>,
) -> Option<String> {
    match outcome {
        Ok(summary) => {
            let reason = summary.transient_read_error().map(str::to_owned);
            reason.or_else(|| summary.counts.unwritten_reason())
        }
        Err(error) => error.is_transient().then(|| error.to_string()),
    }
}

impl InventorySync {
    /// Runs once at an operator's request.
    pub async fn run_manually(
        &self,
        request: &InventoryRequest,
        on_progress: &OnProgress,
    ) -> Result<RunAttempt<Result<InventorySummary, SyncError>>, LedgerError> {
        let details = match &request.sku {
            Some(sku) => json!({ "sku": sku }),
            None => json!({}),
        };
        let origin = RunOrigin::Operator;
        let trigger = Trigger::Now { origin, details };
        let work = async |run| self.run(run, request, on_progress).await;
        run_once(
            &self.ledger,
            Job::Inventory,
            trigger,
            work,
            Self::run_report,
        )
        .await
    }

    /// Logs a finished run and reports it. The caller logs a failure.
    pub fn run_report(run: RunId, outcome: &Result<InventorySummary, SyncError>) -> WorkResult {
        WorkResult::of(outcome, |summary| report_summary(run, summary))
    }
}

fn report_summary(run: RunId, summary: &InventorySummary) -> RunReport {
    let result = serde_json::to_value(summary).unwrap_or_default();
    let counts = summary.counts;
    if let Some(reasons) = summary.quarantine_reasons() {
        tracing::error!(
            reasons,
            "VeraCore's stock feed is held: it failed safety checks, and nothing was written. Review it, then run `veracore-sync sync inventory --accept-held {}`, or let the next run retry",
            run.number()
        );
        let data = json!({ "run": run.number(), "reasons": reasons });
        return RunReport {
            outcome: RunOutcome::Quarantined,
            message: Some(reasons),
            event: Some(("inventory.held", data)),
            ..RunReport::done(result)
        };
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
    let failed = counts.failed_count();
    let data = json!({
        "run": run.number(), "written": counts.written, "unchanged": counts.unchanged,
        "failed": failed, "unmatched": summary.unmatched_count,
    });
    RunReport {
        message: (failed > 0).then(|| format!("{failed} levels could not be written")),
        event: Some(("inventory.completed", data)),
        ..RunReport::done(result)
    }
}
