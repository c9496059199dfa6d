//! A held feed that a person accepts: a pass with fresh numbers, in which the same suspicions are no
//! reason to stop.

use super::{
    InventoryError, InventoryRequest, InventorySummary, InventorySync, JOB, guard::Suspicion,
};
use crate::{
    ledger::{LeaseKey, LedgerError, RunOutcome},
    sync::jobs::run_once::{self, JOB_LEASE_TTL, OnProgress, RunAttempt, RunReport},
};

/// Why a run cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineError {
    #[error("run {0} is no pass over the stock that was held")]
    NotQuarantined(i64),
    #[error("run {run} was accepted before; run {by} applied it")]
    AlreadyAccepted { run: i64, by: i64 },
    #[error("run {run} was discarded by {by}")]
    AlreadyDiscarded { run: i64, by: String },
    #[error("what run {0} held cannot be read")]
    Unreadable(i64),
}

/// What came of a pass that a person wanted.
pub type InventoryRunResult = RunAttempt<Result<InventorySummary, InventoryError>>;

/// What came of the wish that a held feed be left unapplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscardOutcome {
    Discarded,
    /// It was decided on before, or nothing of that number is held.
    NotQuarantined,
    /// A pass is going on, which may be applying it.
    AlreadyRunning,
}

impl InventorySync {
    /// Applies what a run held, after a fresh read, and notes that it was.
    pub async fn accept_quarantined_feed(
        &self,
        held: i64,
        on_progress: &OnProgress,
    ) -> Result<Result<InventoryRunResult, QuarantineError>, LedgerError> {
        if let Err(why) = self.quarantined_suspicions(held).await? {
            return Ok(Err(why));
        }
        let pass = async |run| {
            // Once more, now that nobody else can decide on it.
            let accepted = match self.quarantined_suspicions(held).await {
                Ok(Ok(accepted)) => accepted,
                Ok(Err(why)) => return (Ok(Err(why)), already_decided_report()),
                Err(error) => return (Err(error), already_decided_report()),
            };
            let wish = InventoryRequest {
                accepted_suspicions: accepted,
                ..InventoryRequest::default()
            };
            let outcome = self.run(run, &wish, on_progress).await;
            if let Ok(summary) = &outcome
                && summary.quarantined.is_none()
                && let Err(error) = self.ledger.accept_quarantined_feed(held, run).await
            {
                return (Err(error), Self::run_report(run, &outcome));
            }
            let report = Self::run_report(run, &outcome);
            (Ok(Ok(outcome)), report)
        };
        let ran = run_once::run_manually(&self.ledger, &self.clock, JOB, pass).await?;
        Ok(match ran {
            RunAttempt::Completed(run, outcome) => {
                outcome?.map(|outcome| RunAttempt::Completed(run, outcome))
            }
            RunAttempt::AlreadyRunning => Ok(RunAttempt::AlreadyRunning),
            RunAttempt::LeaseLost => Ok(RunAttempt::LeaseLost),
        })
    }

    /// Leaves a held feed unapplied for good.
    pub async fn discard_quarantined_feed(
        &self,
        held: i64,
        by: &str,
    ) -> Result<DiscardOutcome, LedgerError> {
        let Some(hold) = self
            .ledger
            .acquire_lease(&[LeaseKey::Job(JOB)], JOB_LEASE_TTL)
            .await?
        else {
            return Ok(DiscardOutcome::AlreadyRunning);
        };
        let done = self.ledger.discard_quarantined_feed(JOB, held, by).await;
        self.ledger.release_lease(&hold).await?;
        Ok(if done? {
            DiscardOutcome::Discarded
        } else {
            DiscardOutcome::NotQuarantined
        })
    }

    /// What a person accepts with a held run.
    pub async fn quarantined_suspicions(
        &self,
        run: i64,
    ) -> Result<Result<Vec<Suspicion>, QuarantineError>, LedgerError> {
        let Some(held) = self.ledger.quarantined_run(JOB, run).await? else {
            return Ok(Err(QuarantineError::NotQuarantined(run)));
        };
        if let Some(by) = held.accepted_by {
            return Ok(Err(QuarantineError::AlreadyAccepted { run, by }));
        }
        if let Some(by) = held.discarded_by {
            return Ok(Err(QuarantineError::AlreadyDiscarded { run, by }));
        }
        let suspicions = held.result["held"]["suspicions"].clone();
        Ok(serde_json::from_value(suspicions).map_err(|_| QuarantineError::Unreadable(run)))
    }
}

/// Of a pass that found its feed decided on.
fn already_decided_report() -> RunReport {
    RunReport {
        outcome: Some(RunOutcome::Failed),
        message: Some("what was held had been decided on meanwhile".into()),
        ..RunReport::unfinished()
    }
}
