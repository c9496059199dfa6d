//! What is told of a pass when it is over: in the log and with its run.

use serde_json::json;

use super::{JOB, Summary, TrackingError, TrackingSync};
use crate::{
    domain::OrderCode,
    ledger::{LedgerError, RunOutcome},
    sync::passes::{self, OnProgress, Ran, Report},
};

impl TrackingSync {
    /// A pass because a person wishes it, by one at a time across replicas.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pass_on_wish(
        &self,
        only: Option<&OrderCode>,
        on_progress: &OnProgress,
    ) -> Result<Ran<Result<Summary, TrackingError>>, LedgerError> {
        passes::on_wish(&self.ledger, &self.clock, JOB, async |_| {
            let outcome = self.pass(only, on_progress).await;
            let report = Self::report(&outcome);
            (outcome, report)
        })
        .await
    }

    /// Tells of a pass that is over, and how its run is to be recorded.
    #[must_use]
    pub fn report(outcome: &Result<Summary, TrackingError>) -> Report {
        let summary = match outcome {
            Ok(summary) => summary,
            Err(TrackingError::Stopped) => {
                tracing::info!("VeraCore: the tracking pass is broken off, to be taken up again");
                return Report::unfinished();
            }
            Err(error) => {
                return Report {
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
                recognized = summary.recognized,
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
        Report {
            outcome: Some(RunOutcome::Done),
            result: serde_json::to_value(summary).unwrap_or_default(),
            message: (failed > 0).then(|| format!("{failed} packages are not in the shop yet")),
            event: None,
        }
    }
}
