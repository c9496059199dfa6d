//! Runs that were held for a person, and the person's word.

use serde_json::Value;

use crate::{
    crash,
    ledger::{
        db::{error::LedgerError, pool::Connection},
        handle::Ledger,
    },
};

/// A run that was held.
#[derive(Debug, Clone, PartialEq)]
pub struct QuarantinedRun {
    /// The run's number.
    pub id: i64,
    pub result: Value,
    /// The run that applied it, after a person accepted it.
    pub accepted_by: Option<i64>,
    /// Who wanted it not to be applied.
    pub discarded_by: Option<String>,
}

/// Records which run applied a quarantined one.
pub(super) async fn accept_quarantined_run(
    connection: &mut Connection,
    quarantined: i64,
    by: i64,
) -> Result<(), LedgerError> {
    sqlx::query!(
        "update veracore_sync_run
             set result = result || jsonb_build_object('acceptedBy', $2::bigint)
             where id = $1 and outcome = 'held'",
        quarantined,
        by,
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Ledger {
    /// A held run of a job by its number; `None` when there is none, or it was not held.
    pub async fn quarantined_run(
        &self,
        job: &str,
        id: i64,
    ) -> Result<Option<QuarantinedRun>, LedgerError> {
        let row = sqlx::query!(
            "select id, result from veracore_sync_run
             where id = $1 and job = $2 and outcome = 'held'",
            id,
            job,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| QuarantinedRun {
            id: row.id,
            accepted_by: row.result.get("acceptedBy").and_then(Value::as_i64),
            discarded_by: row
                .result
                .get("discardedBy")
                .and_then(Value::as_str)
                .map(str::to_owned),
            result: row.result,
        }))
    }

    /// Notes that a person does not want a held run applied. `false` when it was decided on before.
    pub async fn discard_quarantined_feed(
        &self,
        job: &str,
        held: i64,
        by: &str,
    ) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "discard_quarantined_feed");
        let done = sqlx::query!(
            "update veracore_sync_run
             set result = result || jsonb_build_object('discardedBy', $3::text)
             where id = $1 and job = $2 and outcome = 'held'
                 and not result ?| '{acceptedBy,discardedBy}'",
            held,
            job,
            by,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}
