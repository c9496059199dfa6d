//! What others may want to know of: the outbox. Rows are only added, and
//! forgotten after their time.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::{Ledger, LedgerError};

impl Ledger {
    /// Writes down that something happened, such as `schedule.missed`. `data` must hold nothing
    /// that may not leave the house: no secret, no address.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn raise_event(&self, event_type: &str, data: &Value) -> Result<(), LedgerError> {
        let mut connection = self.pool.acquire().await?;
        raise(&mut connection, event_type, data, self.clock.now()).await
    }

    /// Forgets what happened before `before`. Returns how many events that were.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_events(&self, before: DateTime<Utc>) -> Result<u64, LedgerError> {
        let done = sqlx::query!("delete from veracore_event where occurred_at < $1", before)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}

/// The same along with something else.
pub(super) async fn raise(
    connection: &mut PgConnection,
    event_type: &str,
    data: &Value,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    sqlx::query!(
        "insert into veracore_event (event_type, occurred_at, data) values ($1, $2, $3)",
        event_type,
        now,
        data,
    )
    .execute(connection)
    .await?;
    Ok(())
}
