//! Events: recorded in the transaction of the change, deleted after the retention period.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{
    crash,
    ledger::{
        db::{error::LedgerError, lease_time::MAX_CLOCK_SKEW, notify::Topic, pool::Connection},
        handle::Ledger,
    },
};

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
    /// Records that an upstream went down or recovered, unless its last event says the same.
    pub async fn record_upstream_event(
        &self,
        event: UpstreamEvent,
        upstream: &str,
        data: &Value,
    ) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "record_upstream_event");
        let now = self.now();
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
            now + MAX_CLOCK_SKEW,
        )
        .fetch_optional(&mut *tx)
        .await?;
        // An upstream without events is up.
        if last.as_deref().unwrap_or(UpstreamEvent::Up.as_str()) != event.as_str() {
            insert_event(&mut tx, event.as_str(), None, data, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Deletes events from before `before` that ended before it or have no receiver, and marks pending
    /// ones as dead, so that an operator sees them. Returns the numbers of both.
    pub async fn delete_old_events(
        &self,
        before: DateTime<Utc>,
    ) -> Result<(u64, u64), LedgerError> {
        let _write = crash::points_around("ledger", "delete_old_events");
        let mut tx = self.pool.begin().await?;
        let done = sqlx::query!(
            "delete from veracore_event e using veracore_config c
             where e.occurred_at < $1
                 and (e.state in ('delivered', 'dead') and e.ended_at < $1
                     or e.state = 'kept'
                     or e.state = 'pending' and e.asked_at is null
                         and e.seq > c.events_unheard_after)",
            before
        )
        .execute(&mut *tx)
        .await?;
        let dead = sqlx::query!(
            "update veracore_event
             set state = 'dead', ended_at = $2, lease_token = null, lease_until = null,
                 problem = coalesce(problem, 'not delivered within the retention period')
             where state = 'pending' and occurred_at < $1 and (asked_at is null or asked_at < $1)",
            before,
            self.now(),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok((done.rows_affected(), dead.rows_affected()))
    }
}

/// Inserts an event in a transaction; with `order`, also a note on the Vendure order if notes are on.
pub(crate) async fn insert_event(
    connection: &mut Connection,
    event_type: &str,
    order: Option<i64>,
    data: &Value,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    sqlx::query!(
        "with event as (
             insert into veracore_event (event_type, order_sync_id, occurred_at, next_try, data)
             values ($1, $2, $3, $3, $4)
             returning id
         )
         insert into veracore_order_note (event_id, note_status, next_try)
         select event.id, 'due', $3 from event, veracore_config c
         where c.notes_from is not null and $2::bigint is not null",
        event_type,
        order,
        now,
        data,
    )
    .execute(&mut *connection)
    .await?;
    connection.notify_on_commit(Topic::Events);
    connection.notify_on_commit(Topic::Notes);
    Ok(())
}
