//! What is told of a pass when it is over: in the log and with its run.

use serde_json::json;

use super::{JOB, TrackingError, TrackingSummary, TrackingSync};
use crate::{
    domain::OrderCode,
    ledger::{LedgerError, RunOutcome},
    sync::jobs::run_once::{self, OnProgress, RunAttempt, RunReport},
};

impl TrackingSync {
    /// A pass because a person wishes it, by one at a time across replicas.
    pub async fn run_manually(
        &self,
        only: Option<&OrderCode>,
        on_progress: &OnProgress,
    ) -> Result<RunAttempt<Result<TrackingSummary, TrackingError>>, LedgerError> {
        run_once::run_manually(&self.ledger, &self.clock, JOB, async |_| {
            let outcome = self.run(only, on_progress).await;
            let report = Self::run_report(&outcome);
            (outcome, report)
        })
        .await
    }

    /// Tells of a pass that is over, and how its run is to be recorded.
    pub fn run_report(outcome: &Result<TrackingSummary, TrackingError>) -> RunReport {
        let summary = match outcome {
            Ok(summary) => summary,
            Err(TrackingError::Stopped) => {
                tracing::info!("VeraCore: the tracking pass is broken off, to be taken up again");
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
        let failed = summary.problems.len() + summary.failures.len();
        if summary.orders_checked > 0 || failed > 0 {
            tracing::info!(
                shipments = summary.shipments,
                orders = summary.orders_checked,
                fulfilled = summary.fulfilled,
                recognized = summary.linked,
                waiting = summary.waiting,
                problems = summary.problems.len(),
                failures = summary.failures.len(),
                unknown_orders = summary.unknown_orders,
                "VeraCore: tracking was brought to the shop"
            );
        } else {
            tracing::debug!(
                shipments = summary.shipments,
                unknown_orders = summary.unknown_orders,
                "VeraCore: no new packages"
            );
        }
        RunReport {
            outcome: Some(RunOutcome::Done),
            result: serde_json::to_value(summary).unwrap_or_default(),
            message: (failed > 0).then(|| format!("{failed} packages are not in the shop yet")),
            event: None,
        }
    }
}
