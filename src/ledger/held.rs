//! Runs that were held for a person, and the person's word.

use serde_json::Value;

use super::{Ledger, LedgerError, RunId};
use crate::crash;

/// A run that was held.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldRun {
    /// The run's number.
    pub id: i64,
    pub result: Value,
    /// The run that applied it, after a person accepted it.
    pub accepted_by: Option<i64>,
}

impl Ledger {
    /// A held run of a job by its number; `None` when there is none, or it was not held.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn held_run(&self, job: &str, id: i64) -> Result<Option<HeldRun>, LedgerError> {
        let row = sqlx::query!(
            "select id, result from veracore_sync_run
             where id = $1 and job = $2 and outcome = 'held'",
            id,
            job,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| HeldRun {
            id: row.id,
            accepted_by: row.result.get("acceptedBy").and_then(Value::as_i64),
            result: row.result,
        }))
    }

    /// Notes which run applied a held one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn accepted_run(&self, held: i64, by: RunId) -> Result<(), LedgerError> {
        let _write = crash::around("ledger", "accepted_run");
        sqlx::query!(
            "update veracore_sync_run
             set result = result || jsonb_build_object('acceptedBy', $2::bigint)
             where id = $1 and outcome = 'held'",
            held,
            by.id,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
