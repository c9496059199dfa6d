//! Accepts or discards a quarantined feed. Accepting starts a run with fresh numbers, in which the
//! same suspicions do not stop it.

use super::{
    JOB,
    error::InventoryError,
    guard::Suspicion,
    service::InventorySync,
    summary::{InventoryRequest, InventorySummary},
};
use crate::{
    ledger::{JOB_LEASE_TTL, LeaseKey, LedgerError, RunOutcome},
    sync::{
        jobs::{
            Job,
            run_once::{OnProgress, RunAttempt, Trigger, WorkResult, run_once},
        },
        leases::with_lease,
    },
};

/// The reason why a run cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineError {
    #[error("run {0} has no quarantined stock feed")]
    NotQuarantined(i64),
    #[error("run {run} was already accepted; run {by} applied it")]
    AlreadyAccepted { run: i64, by: i64 },
    #[error("run {run} was already discarded by {by}")]
    AlreadyDiscarded { run: i64, by: String },
    #[error("the quarantined feed of run {0} cannot be read")]
    Unreadable(i64),
}

/// The result of a requested run.
pub type InventoryRunResult = RunAttempt<Result<InventorySummary, InventoryError>>;

/// The result of discarding a quarantined feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscardOutcome {
    Discarded,
    /// It was decided before, or no such run is quarantined.
    NotQuarantined,
    /// A run is in progress and may be applying the feed.
    AlreadyRunning,
}

impl InventorySync {
    /// Applies a quarantined feed after a fresh read.
    pub async fn accept_quarantined_feed(
        &self,
        quarantined_run: i64,
        on_progress: &OnProgress,
    ) -> Result<Result<InventoryRunResult, QuarantineError>, LedgerError> {
        if let Err(error) = self.quarantined_suspicions(quarantined_run).await? {
            return Ok(Err(error));
        }
        let work = async |run| {
            // Again, under the lease: nobody else can decide now.
            let accepted = match self.quarantined_suspicions(quarantined_run).await {
                Ok(Ok(accepted)) => accepted,
                Ok(Err(error)) => {
                    let result = WorkResult::failed(&error);
                    return (Ok(Err(error)), result);
                }
                Err(error) => {
                    let result = WorkResult::failed(&error);
                    return (Err(error), result);
                }
            };
            let request = InventoryRequest {
                accepted_suspicions: accepted,
                ..InventoryRequest::default()
            };
            let outcome = self.run(run, &request, on_progress).await;
            let mut result = Self::run_report(run, &outcome);
            if let WorkResult::Finished(report) = &mut result
                && report.outcome == RunOutcome::Done
            {
                report.accepts = Some(quarantined_run);
            }
            (Ok(Ok(outcome)), result)
        };
        let trigger = Trigger::operator();
        let ran = run_once(&self.ledger, Job::Inventory, trigger, work).await?;
        Ok(match ran {
            RunAttempt::Completed(run, outcome) => {
                outcome?.map(|outcome| RunAttempt::Completed(run, outcome))
            }
            RunAttempt::NotStarted => Ok(RunAttempt::NotStarted),
            RunAttempt::LeaseLost => Ok(RunAttempt::LeaseLost),
        })
    }

    /// Discards a quarantined feed.
    pub async fn discard_quarantined_feed(
        &self,
        quarantined_run: i64,
        by: &str,
    ) -> Result<DiscardOutcome, LedgerError> {
        let key = [LeaseKey::Job(JOB)];
        let ledger = &self.ledger;
        let discard = async |_| {
            ledger
                .discard_quarantined_feed(JOB, quarantined_run, by)
                .await
        };
        let discarded = with_lease(ledger, &key, JOB_LEASE_TTL, discard).await?;
        Ok(match discarded.transpose()? {
            Some(true) => DiscardOutcome::Discarded,
            Some(false) => DiscardOutcome::NotQuarantined,
            None => DiscardOutcome::AlreadyRunning,
        })
    }

    /// The suspicions that an operator accepts with this run.
    pub async fn quarantined_suspicions(
        &self,
        run: i64,
    ) -> Result<Result<Vec<Suspicion>, QuarantineError>, LedgerError> {
        let recorded = self.ledger.run(run).await?;
        let Some(quarantined) = recorded.filter(|run| run.job == JOB && run.is_quarantined())
        else {
            return Ok(Err(QuarantineError::NotQuarantined(run)));
        };
        if let Some(by) = quarantined.accepted_by() {
            return Ok(Err(QuarantineError::AlreadyAccepted { run, by }));
        }
        if let Some(by) = quarantined.discarded_by().map(str::to_owned) {
            return Ok(Err(QuarantineError::AlreadyDiscarded { run, by }));
        }
        let suspicions = quarantined.result["held"]["suspicions"].clone();
        Ok(serde_json::from_value(suspicions).map_err(|_| QuarantineError::Unreadable(run)))
    }
}
