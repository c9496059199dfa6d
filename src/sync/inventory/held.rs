//! A held feed that a person accepts: a pass with fresh numbers, in which the same suspicions are no
//! reason to stop.

use super::{InventoryError, InventorySync, JOB, Summary, Wish, guard::Suspicion};
use crate::{
    ledger::LedgerError,
    sync::passes::{OnProgress, Ran},
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
        let accepted = match self.suspicions_of(held).await? {
            Ok(accepted) => accepted,
            Err(why) => return Ok(Err(why)),
        };
        let wish = Wish {
            accepted,
            ..Wish::default()
        };
        let ran = self.pass_on_wish(&wish, on_progress).await?;
        if let Ran::Through(run, Ok(summary)) = &ran
            && summary.held.is_none()
        {
            self.ledger.accepted_run(held, *run).await?;
        }
        Ok(Ok(ran))
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
