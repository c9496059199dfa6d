//! Accepts or discards a quarantined feed. Accepting starts a run with fresh numbers, in which the
//! same suspicions do not stop it.

use super::{
    JOB,
    guard::Suspicion,
    service::InventorySync,
    summary::{InventoryRequest, InventorySummary},
};
use crate::{
    ledger::{JOB_LEASE_TTL, LeaseKey, LedgerError, RunOrigin, RunOutcome},
    sync::{
        error::{QuarantineError, SyncError},
        jobs::{
            Job,
            run_once::{OnProgress, RunAttempt, Trigger, WorkResult, run_once},
        },
        leases::with_lease,
    },
};

pub type InventoryRunResult = RunAttempt<Result<InventorySummary, SyncError>>;

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
    ) -> Result<InventoryRunResult, SyncError> {
        self.quarantined_suspicions(quarantined_run).await?;
        let work = async |run| {
            // Again, under the lease: nobody else can decide now.
            let accepted_suspicions = self.quarantined_suspicions(quarantined_run).await?;
            let request = InventoryRequest {
                accepted_suspicions,
                ..InventoryRequest::default()
            };
            self.run(run, &request, on_progress).await
        };
        let report = |run, outcome: &Result<_, SyncError>| {
            let mut result = Self::run_report(run, outcome);
            if let WorkResult::Finished(report) = &mut result
                && report.outcome == RunOutcome::Done
            {
                report.accepts = Some(quarantined_run);
            }
            result
        };
        let trigger = Trigger::now(RunOrigin::Operator);
        Ok(run_once(&self.ledger, Job::Inventory, trigger, work, report).await?)
    }

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
    pub async fn quarantined_suspicions(&self, run: i64) -> Result<Vec<Suspicion>, SyncError> {
        let recorded = self.ledger.run(run).await?;
        let quarantined = recorded
            .filter(|run| run.job == JOB && run.is_quarantined())
            .ok_or(QuarantineError::NotQuarantined(run))?;
        if let Some(by) = quarantined.accepted_by() {
            return Err(QuarantineError::AlreadyAccepted { run, by }.into());
        }
        if let Some(by) = quarantined.discarded_by().map(str::to_owned) {
            return Err(QuarantineError::AlreadyDiscarded { run, by }.into());
        }
        let suspicions = quarantined.result["held"]["suspicions"].clone();
        Ok(serde_json::from_value(suspicions).map_err(|_| QuarantineError::Unreadable(run))?)
    }
}
