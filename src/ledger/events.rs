//! What others may want to know of: the outbox. Rows are only added, and
//! forgotten after their time.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Ledger, LedgerError, leases::SKEW, link::Link};
use crate::crash;

/// What became of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamEvent {
    Down,
    Up,
}

impl UpstreamEvent {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "upstream.down",
            Self::Up => "upstream.up",
        }
    }
}

impl Ledger {
    /// Writes down that something happened, such as `schedule.missed`. `data` must hold nothing
    /// that may not leave the house: no secret, no address.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn raise_event(&self, event_type: &str, data: &Value) -> Result<(), LedgerError> {
        let _write = crash::around("ledger", "raise_event");
        let mut connection = self.pool.acquire().await?;
        raise(&mut connection, event_type, data, self.clock.now()).await
    }

    /// Writes down that an upstream went down or came back, unless that is what was last written of
    /// it, by whichever process.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn raise_upstream_event(
        &self,
        event: UpstreamEvent,
        upstream: &str,
        data: &Value,
    ) -> Result<(), LedgerError> {
        let _write = crash::around("ledger", "raise_upstream_event");
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtext('veracore_event'), hashtext($1))",
            upstream
        )
        .execute(&mut *tx)
        .await?;
        let last = sqlx::query_scalar!(
            "select event_type from veracore_event
             where event_type in ('upstream.down', 'upstream.up') and data ->> 'upstream' = $1
                 and occurred_at <= $2
             order by occurred_at desc, event_type limit 1",
            upstream,
            now + SKEW,
        )
        .fetch_optional(&mut *tx)
        .await?;
        // One that was never down is up.
        if last.as_deref().unwrap_or(UpstreamEvent::Up.as_str()) != event.as_str() {
            raise(&mut tx, event.as_str(), data, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Forgets what happened before `before`. Returns how many events that were.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_events(&self, before: DateTime<Utc>) -> Result<u64, LedgerError> {
        let _write = crash::around("ledger", "forget_events");
        let done = sqlx::query!("delete from veracore_event where occurred_at < $1", before)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}

/// The same along with something else.
pub(super) async fn raise(
    connection: &mut Link,
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
