//! Reconciliation as a job: its daily run, runs on request, and their reports.

use async_trait::async_trait;

use super::{
    error::ReconcileError,
    service::{NEVER_SHIPPED_DAYS, Reconciliation},
    summary::{CheckedCounts, ReconcileSummary},
};
use crate::{
    ledger::{LedgerError, RunId, RunReport},
    sync::{
        jobs::{
            Job,
            run_once::{OnProgress, RunAttempt, Trigger, WorkResult, ignore_progress, run_once},
            scheduler::ScheduledJob,
        },
        post_send::record_provider_cancellations,
    },
};

#[async_trait]
impl ScheduledJob for Reconciliation {
    fn job(&self) -> Job {
        Job::Reconcile
    }

    async fn run_scheduled(&self, run: RunId) -> WorkResult {
        let on_progress = ignore_progress();
        // It only reads, so the stop may cut it short anywhere.
        let outcome = tokio::select! {
            () = self.orders.tasks.wait_for_stop() => Err(ReconcileError::Stopped),
            outcome = self.run(NEVER_SHIPPED_DAYS, &on_progress) => outcome,
        };
        match &outcome {
            Ok(summary) => {
                let statuses = &summary.veracore_statuses;
                if let Err(error) =
                    record_provider_cancellations(&self.orders.ledger, statuses).await
                {
                    tracing::warn!(%error, "cancellations by VeraCore were not recorded; the next reconciliation reads them again");
                }
            }
            Err(error) if error.is_transient() && Job::Reconcile.may_restart(run.starts()) => {
                return WorkResult::interrupted(error);
            }
            Err(_) => {}
        }
        Self::run_report(&outcome)
    }
}

impl Reconciliation {
    /// Runs once at an operator's request.
    pub async fn run_manually(
        &self,
        days: u32,
        on_progress: &OnProgress,
    ) -> Result<RunAttempt<Result<ReconcileSummary, ReconcileError>>, LedgerError> {
        run_once(
            &self.orders.ledger,
            Job::Reconcile,
            Trigger::operator(),
            async |_| {
                let outcome = self.run(days, on_progress).await;
                let result = Self::run_report(&outcome);
                (outcome, result)
            },
        )
        .await
    }

    /// Logs a finished run and reports it. Whoever started the run reports its failure.
    fn run_report(outcome: &Result<ReconcileSummary, ReconcileError>) -> WorkResult {
        let summary = match outcome {
            Ok(summary) => summary,
            Err(error @ ReconcileError::Stopped) => return WorkResult::interrupted(error),
            Err(error) => return WorkResult::failed(error),
        };
        for finding in &summary.findings {
            tracing::warn!(
                order = finding.order,
                kind = finding.kind.as_str(),
                detail = finding.detail,
                advice = finding.advice,
                "an order differs between Vendure, the ledger and VeraCore"
            );
        }
        for failure in &summary.failures {
            tracing::warn!(
                order = failure.order,
                problem = failure.problem,
                "cannot compare an order between Vendure and VeraCore"
            );
        }
        let CheckedCounts {
            in_trigger_states,
            in_ledger,
            asked_at_veracore,
            not_asked,
            not_listed,
        } = summary.checked;
        let (findings, failures) = (summary.findings.len(), summary.failures.len());
        tracing::info!(
            findings,
            failures,
            not_listed,
            in_trigger_states,
            in_ledger,
            asked_at_veracore,
            not_asked,
            "compared the orders in Vendure, the ledger and VeraCore"
        );
        let message = format!(
            "{findings} findings, {failures} orders not compared; run `veracore-sync reconcile` for the current findings"
        );
        WorkResult::Finished(RunReport {
            message: (!summary.is_clean()).then_some(message),
            ..RunReport::done(serde_json::to_value(summary).unwrap_or_default())
        })
    }
}
