//! What is told of a pass when it is over: in the log, as an event, with its run.

use serde_json::json;

use super::{InventoryError, InventoryRequest, InventorySummary, InventorySync, JOB};
use crate::{
    ledger::{LedgerError, RunId, RunOrigin, RunOutcome},
    sync::jobs::run_once::{self, OnProgress, RunAttempt, RunReport},
};

impl InventorySync {
    /// A pass because a person wishes it, by one at a time across replicas.
    pub async fn run_manually(
        &self,
        wish: &InventoryRequest,
        on_progress: &OnProgress,
    ) -> Result<RunAttempt<Result<InventorySummary, InventoryError>>, LedgerError> {
        let about = request_details(wish);
        run_once::run_now(
            &self.ledger,
            &self.clock,
            JOB,
            RunOrigin::Operator,
            about.clone(),
            async |run| {
                let outcome = self.run(run, wish, on_progress).await;
                let mut report = Self::run_report(run, &outcome);
                if let Some(sku) = about.get("sku") {
                    report.result["sku"] = sku.clone();
                }
                (outcome, report)
            },
        )
        .await
    }

    /// Tells of a pass that is over, and how its run is to be recorded. Why a pass failed is told by
    /// whoever ran it.
    pub fn run_report(run: RunId, outcome: &Result<InventorySummary, InventoryError>) -> RunReport {
        let summary = match outcome {
            Ok(summary) => summary,
            Err(InventoryError::Stopped) => {
                tracing::info!("VeraCore: the stock pass is broken off, to be taken up again");
                return RunReport::unfinished();
            }
            Err(error) => {
                return RunReport {
                    outcome: Some(RunOutcome::Failed),
                    result: json!({}),
                    message: Some(error.to_string()),
                    event: None,
                };
            }
        };
        let result = serde_json::to_value(summary).unwrap_or_default();
        let counts = summary.counts;
        if let Some(reasons) = summary.quarantine_reasons() {
            tracing::error!(
                reasons,
                "VeraCore: the stock feed is held, and nothing was written; look at it, then `veracore-sync sync inventory --accept-held {}` or let the next pass try again",
                run.number()
            );
            let data = json!({ "run": run.number(), "reasons": reasons });
            return RunReport {
                outcome: Some(RunOutcome::Quarantined),
                result,
                message: Some(reasons),
                event: Some(("inventory.held", data)),
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
            "VeraCore: stock was brought to the shop"
        );
        let data = json!({
            "run": run.number(), "written": counts.written, "unchanged": counts.unchanged,
            "failed": counts.failed_count(), "unmatched": summary.unmatched_count,
        });
        let failed = counts.failed_count();
        RunReport {
            outcome: Some(RunOutcome::Done),
            result,
            message: (failed > 0).then(|| format!("{failed} levels could not be written")),
            event: Some(("inventory.completed", data)),
        }
    }
}

/// What is known of a pass from its beginning.
pub fn request_details(wish: &InventoryRequest) -> serde_json::Value {
    match &wish.sku {
        Some(sku) => json!({ "sku": sku }),
        None => json!({}),
    }
}
