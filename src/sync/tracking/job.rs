//! Tracking as a job: its scheduled runs, runs on request, and their reports.

use async_trait::async_trait;

use super::{service::TrackingSync, summary::TrackingSummary};
use crate::{
    domain::OrderCode,
    ledger::{LedgerError, RunId, RunOrigin, RunReport},
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
impl ScheduledJob for TrackingSync {
    fn job(&self) -> Job {
        Job::Tracking
    }

    async fn run_scheduled(&self, _: RunId) -> WorkResult {
        Self::run_report(&self.run(None, &ignore_progress()).await)
    }
}

impl TrackingSync {
    /// Runs once at an operator's request.
    pub async fn run_manually(
        &self,
        only: Option<&OrderCode>,
        on_progress: &OnProgress,
    ) -> Result<RunAttempt<Result<TrackingSummary, SyncError>>, LedgerError> {
        let trigger = Trigger::now(RunOrigin::Operator);
        let work = async |_| self.run(only, on_progress).await;
        let report = |_, outcome: &_| Self::run_report(outcome);
        run_once(&self.ledger, Job::Tracking, trigger, work, report).await
    }

    pub fn run_report(outcome: &Result<TrackingSummary, SyncError>) -> WorkResult {
        WorkResult::of(outcome, report_summary)
    }
}

/// Logs a finished run and reports it.
pub(in crate::sync) fn report_summary(summary: &TrackingSummary) -> RunReport {
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
            "brought VeraCore's tracking to the shop"
        );
    } else {
        tracing::debug!(
            shipments = summary.shipments,
            unknown_orders = summary.unknown_orders,
            "no new parcels from VeraCore"
        );
    }
    RunReport {
        message: (failed > 0)
            .then(|| format!("{failed} parcels could not be fulfilled in the shop")),
        ..RunReport::done(serde_json::to_value(summary).unwrap_or_default())
    }
}
