//! Reconciliation as a job: its daily run, runs on request, and their reports.

use async_trait::async_trait;

use super::{
    service::{NEVER_SHIPPED_DAYS, Reconciliation},
    summary::ReconcileSummary,
};
use crate::{
    ledger::{LedgerError, RunId, RunOrigin, RunReport},
    sync::{
        error::SyncError,
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
            () = self.orders.tasks.wait_for_stop() => Err(SyncError::Stopped),
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
        WorkResult::of(&outcome, report_summary)
    }
}

impl Reconciliation {
    /// Runs once at an operator's request.
    pub async fn run_manually(
        &self,
        days: u32,
        on_progress: &OnProgress,
    ) -> Result<RunAttempt<Result<ReconcileSummary, SyncError>>, LedgerError> {
        let trigger = Trigger::now(RunOrigin::Operator);
        let work = async |_| self.run(days, on_progress).await;
        let report = |_, outcome: &Result<_, SyncError>| WorkResult::of(outcome, report_summary);
        run_once(&self.orders.ledger, Job::Reconcile, trigger, work, report).await
    }
}

/// Logs a finished run and reports it.
fn report_summary(summary: &ReconcileSummary) -> RunReport {
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
    let checked = &summary.checked;
    let (findings, failures) = (summary.findings.len(), summary.failures.len());
    tracing::info!(
        findings,
        failures,
        not_listed = checked.not_listed,
        in_trigger_states = checked.in_trigger_states,
        in_ledger = checked.in_ledger,
        asked_at_veracore = checked.asked_at_veracore,
        not_asked = checked.not_asked,
        "compared the orders in Vendure, the ledger and VeraCore"
    );
    let message = format!(
        "{findings} findings, {failures} orders not compared; run `veracore-sync reconcile` for the current findings"
    );
    RunReport {
        message: (!summary.is_clean()).then_some(message),
        ..RunReport::done(serde_json::to_value(summary).unwrap_or_default())
    }
}
