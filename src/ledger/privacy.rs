//! Removal of texts that may contain personal data. Addresses are never stored, but error messages of
//! other systems may contain a name or an e-mail address.

use chrono::{DateTime, Utc};

use super::handle::Ledger;
use crate::{
    crash,
    ledger::db::{error::LedgerError, pool::Connection},
};

impl Ledger {
    /// Clears messages of other systems from everything that ended before `before`. Kinds and times
    /// stay. Returns the number of cleared rows.
    pub async fn clear_personal_data(&self, before: DateTime<Utc>) -> Result<u64, LedgerError> {
        let _write = crash::points_around("ledger", "clear_personal_data");
        let mut connection = self.pool.acquire().await?;
        let orders = clear_orders(&mut connection, before, self.now()).await?;
        let jobs = clear_jobs(&mut connection, before).await?;
        let webhooks = clear_webhooks(&mut connection, before).await?;
        Ok(orders + jobs + webhooks + clear_outbox(&mut connection, before).await?)
    }
}

async fn clear_webhooks(
    connection: &mut Connection,
    before: DateTime<Utc>,
) -> Result<u64, LedgerError> {
    let webhooks = sqlx::query!(
        "update veracore_webhook set message = null
         where message is not null and received_at < $1",
        before,
    )
    .execute(&mut *connection)
    .await?;
    Ok(webhooks.rows_affected())
}

async fn clear_orders(
    connection: &mut Connection,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<u64, LedgerError> {
    let attempts = sqlx::query!(
        "update veracore_order_attempt set message = null
         where message is not null and ended_at < $1",
        before,
    )
    .execute(&mut *connection)
    .await?;
    let orders = sqlx::query!(
        "update veracore_order_sync set error_message = null, updated_at = $2
         where error_message is not null and updated_at < $1 and error_category is not null
             and sync_status in ('success', 'cancelled', 'skipped', 'error')",
        before,
        now,
    )
    .execute(&mut *connection)
    .await?;
    // Digests and initials of addresses, and messages of cancellations.
    let aftercare = sqlx::query!(
        "update veracore_order_sync set sent_parts = null, cancel_message = null,
             sent_summary = sent_summary - 'shipTo'
         where (sent_parts is not null or cancel_message is not null or sent_summary ? 'shipTo')
             and cancel_next is null
             and coalesce(last_successful_sync, last_sync_attempt, created_at) < $1
             and (cancel_message is null or updated_at < $1)",
        before,
    )
    .execute(&mut *connection)
    .await?;
    Ok(attempts.rows_affected() + orders.rows_affected() + aftercare.rows_affected())
}

/// Lists in a run's result contain messages; its numbers stay. A quarantined run stays as it is: an
/// operator may still accept it, and its messages are our own.
async fn clear_jobs(
    connection: &mut Connection,
    before: DateTime<Utc>,
) -> Result<u64, LedgerError> {
    let packages = sqlx::query!(
        "update veracore_shipment set message = null
         where message is not null and updated_at < $1",
        before,
    )
    .execute(&mut *connection)
    .await?;
    let levels = sqlx::query!(
        "update veracore_stock_change set message = null
         where message is not null and intended_at < $1",
        before,
    )
    .execute(&mut *connection)
    .await?;
    let runs = sqlx::query!(
        "update veracore_sync_run r set error_message = null,
             result = case jsonb_typeof(r.result) when 'object' then coalesce(
                 (select jsonb_object_agg(key, value) from jsonb_each(r.result)
                  where jsonb_typeof(value) <> 'array'), '{}') else r.result end
         where ended_at < $1 and outcome <> 'held'
             and (error_message is not null
                 or result @? 'strict $.* ? (@.type() == \"array\")')",
        before,
    )
    .execute(&mut *connection)
    .await?;
    // Of a quarantined run, only the name of the operator.
    let decided = sqlx::query!(
        "update veracore_sync_run set result = jsonb_set(result, '{discardedBy}', '\"a person\"')
         where ended_at < $1 and outcome = 'held' and result ->> 'discardedBy' <> 'a person'",
        before,
    )
    .execute(&mut *connection)
    .await?;
    Ok(packages.rows_affected()
        + levels.rows_affected()
        + runs.rows_affected()
        + decided.rows_affected())
}

/// Events that are still pending are delivered without these messages.
async fn clear_outbox(
    connection: &mut Connection,
    before: DateTime<Utc>,
) -> Result<u64, LedgerError> {
    let events = sqlx::query!(
        "update veracore_event set data = data - '{message,problem}'::text[], problem = null
         where occurred_at < $1
             and (data ?| '{message,problem}' or problem is not null)",
        before,
    )
    .execute(&mut *connection)
    .await?;
    let notes = sqlx::query!(
        "update veracore_order_note set problem = null
         where problem is not null and ended_at < $1",
        before,
    )
    .execute(&mut *connection)
    .await?;
    Ok(events.rows_affected() + notes.rows_affected())
}
