//! What is told of a pass when it is over: in the log, as an event, with its run.

use serde_json::json;

use super::{InventoryError, InventorySync, JOB, OnProgress, Summary, Wish};
use crate::{
    ledger::{LedgerError, RunId, RunOutcome},
    sync::passes::{self, Ran, Report},
};

impl InventorySync {
    /// A pass because a person wishes it, by one at a time across replicas.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pass_on_wish(
        &self,
        wish: &Wish,
        on_progress: &OnProgress,
    ) -> Result<Ran<Result<Summary, InventoryError>>, LedgerError> {
        passes::on_wish(&self.ledger, &self.clock, JOB, async |run| {
            let outcome = self.pass(run, wish, on_progress).await;
            let report = self.report(run, &outcome).await;
            (outcome, report)
        })
        .await
    }

    /// Tells of a pass that is over, and how its run is to be recorded. Why a pass failed is told by
    /// whoever ran it.
    pub async fn report(&self, run: RunId, outcome: &Result<Summary, InventoryError>) -> Report {
        let summary = match outcome {
            Ok(summary) => summary,
            Err(InventoryError::Stopped) => {
                tracing::info!("VeraCore: the stock pass is broken off, to be taken up again");
                return Report::unfinished();
            }
            Err(error) => {
                return Report {
                    outcome: Some(RunOutcome::Failed),
                    result: json!({}),
                    message: Some(error.to_string()),
                };
            }
        };
        let result = serde_json::to_value(summary).unwrap_or_default();
        let counts = summary.counts;
        if let Some(reasons) = summary.reasons() {
            tracing::error!(
                run = run.number(),
                reasons,
                "VeraCore: the stock feed is held, and nothing was written; look at it, then `veracore-sync sync inventory --accept-held {}` or let the next pass try again",
                run.number()
            );
            self.raise(
                "inventory.held",
                &json!({ "run": run.number(), "reasons": reasons }),
            )
            .await;
            return Report {
                outcome: Some(RunOutcome::Held),
                result,
                message: Some(reasons),
            };
        }
        tracing::info!(
            run = run.number(),
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
            "failed": counts.failed(), "unmatched": summary.unmatched_count,
        });
        self.raise("inventory.completed", &data).await;
        let failed = counts.failed();
        Report {
            outcome: Some(RunOutcome::Done),
            result,
            message: (failed > 0).then(|| format!("{failed} levels could not be written")),
        }
    }

    /// An event that cannot be noted does not undo what it tells of.
    async fn raise(&self, event: &str, data: &serde_json::Value) {
        if let Err(error) = self.ledger.raise_event(event, data).await {
            tracing::error!(%error, event, "VeraCore: an event could not be noted");
        }
    }
}
