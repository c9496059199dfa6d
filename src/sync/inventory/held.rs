//! A held feed that a person accepts: a pass with fresh numbers, in which the same suspicions are no
//! reason to stop.

use super::{InventoryError, InventorySync, JOB, Summary, Wish, guard::Suspicion};
use crate::{
    ledger::{Held, LedgerError, RunOutcome},
    sync::passes::{self, HOLD, OnProgress, Ran, Report},
};

/// Why a run cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAcceptable {
    #[error("run {0} is no pass over the stock that was held")]
    NotHeld(i64),
    #[error("run {run} was accepted before; run {by} applied it")]
    Accepted { run: i64, by: i64 },
    #[error("run {run} was discarded by {by}")]
    Discarded { run: i64, by: String },
    #[error("what run {0} held cannot be read")]
    Unreadable(i64),
}

/// What came of a pass that a person wanted.
pub type Passed = Ran<Result<Summary, InventoryError>>;

/// What came of the wish that a held feed be left unapplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discarded {
    Done,
    /// It was decided on before, or nothing of that number is held.
    NotHeld,
    /// A pass is going on, which may be applying it.
    Busy,
}

impl InventorySync {
    /// Applies what a run held, after a fresh read, and notes that it was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pass_on_held(
        &self,
        held: i64,
        on_progress: &OnProgress,
    ) -> Result<Result<Passed, NotAcceptable>, LedgerError> {
        if let Err(why) = self.suspicions_of(held).await? {
            return Ok(Err(why));
        }
        let pass = async |run| {
            // Once more, now that nobody else can decide on it.
            let accepted = match self.suspicions_of(held).await {
                Ok(Ok(accepted)) => accepted,
                Ok(Err(why)) => return (Ok(Err(why)), not_begun()),
                Err(error) => return (Err(error), not_begun()),
            };
            let wish = Wish {
                accepted,
                ..Wish::default()
            };
            let outcome = self.pass(run, &wish, on_progress).await;
            if let Ok(summary) = &outcome
                && summary.held.is_none()
                && let Err(error) = self.ledger.accepted_run(held, run).await
            {
                return (Err(error), Self::report(run, &outcome));
            }
            let report = Self::report(run, &outcome);
            (Ok(Ok(outcome)), report)
        };
        let ran = passes::on_wish(&self.ledger, &self.clock, JOB, pass).await?;
        Ok(match ran {
            Ran::Through(run, outcome) => outcome?.map(|outcome| Ran::Through(run, outcome)),
            Ran::Busy => Ok(Ran::Busy),
            Ran::Dropped => Ok(Ran::Dropped),
        })
    }

    /// Leaves a held feed unapplied for good.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn discard_held(&self, held: i64, by: &str) -> Result<Discarded, LedgerError> {
        let Some(hold) = self.ledger.hold(&[Held::Job(JOB)], HOLD).await? else {
            return Ok(Discarded::Busy);
        };
        let done = self.ledger.discard_run(JOB, held, by).await;
        self.ledger.let_go(&hold).await?;
        Ok(if done? {
            Discarded::Done
        } else {
            Discarded::NotHeld
        })
    }

    /// What a person accepts with a held run.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn suspicions_of(
        &self,
        run: i64,
    ) -> Result<Result<Vec<Suspicion>, NotAcceptable>, LedgerError> {
        let Some(held) = self.ledger.held_run(JOB, run).await? else {
            return Ok(Err(NotAcceptable::NotHeld(run)));
        };
        if let Some(by) = held.accepted_by {
            return Ok(Err(NotAcceptable::Accepted { run, by }));
        }
        if let Some(by) = held.discarded_by {
            return Ok(Err(NotAcceptable::Discarded { run, by }));
        }
        let suspicions = held.result["held"]["suspicions"].clone();
        Ok(serde_json::from_value(suspicions).map_err(|_| NotAcceptable::Unreadable(run)))
    }
}

/// Of a pass that found its feed decided on.
fn not_begun() -> Report {
    Report {
        outcome: Some(RunOutcome::Failed),
        message: Some("what was held had been decided on meanwhile".into()),
        ..Report::unfinished()
    }
}
