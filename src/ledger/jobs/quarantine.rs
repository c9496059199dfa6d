//! Quarantined runs: stock feeds that an operator accepts or discards.

use serde_json::Value;

use crate::ledger::{
    db::{error::LedgerError, pool::Connection},
    handle::Ledger,
};

/// A run whose feed was quarantined.
#[derive(Debug, Clone, PartialEq)]
pub struct QuarantinedRun {
    pub id: i64,
    pub result: Value,
    /// The run that applied the feed after an operator accepted it.
    pub accepted_by: Option<i64>,
    /// The operator who discarded the feed.
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
    /// A quarantined run by its number; `None` when no run with this number was quarantined.
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

    /// Records that an operator discarded the feed. `false` when it was decided on before.
    pub async fn discard_quarantined_feed(
        &self,
        job: &str,
        run: i64,
        by: &str,
    ) -> Result<bool, LedgerError> {
        let statement = sqlx::query!(
            "update veracore_sync_run
             set result = result || jsonb_build_object('discardedBy', $3::text)
             where id = $1 and job = $2 and outcome = 'held'
                 and not result ?| '{acceptedBy,discardedBy}'",
            run,
            job,
            by,
        );
        Ok(self.write("discard_quarantined_feed", statement).await? > 0)
    }
}
