//! Removal of texts that may contain personal data. Of an address, only digests and a masked form are
//! stored, but error messages of other systems may contain a name or an e-mail address.

use chrono::{DateTime, Utc};

use super::handle::Ledger;
use crate::{crash, ledger::db::error::LedgerError};

impl Ledger {
    /// Clears messages of other systems from everything that ended before `before`. Kinds and times
    /// stay. Returns the number of cleared rows.
    pub async fn clear_personal_data(&self, before: DateTime<Utc>) -> Result<u64, LedgerError> {
        let _write = crash::points_around("ledger", "clear_personal_data");
        let now = self.now();
        let mut cleared = 0;
        for statement in [
            sqlx::query!(
                "update veracore_order_attempt set message = null
             where message is not null and ended_at < $1",
                before,
            ),
            sqlx::query!(
                "update veracore_order_sync set error_message = null, updated_at = $2
             where error_message is not null and updated_at < $1 and error_category is not null
                 and sync_status in ('success', 'cancelled', 'skipped', 'error')",
                before,
                now,
            ),
            // Digests and initials of addresses, and messages of cancellations.
            sqlx::query!(
                "update veracore_order_sync set sent_parts = null, cancel_message = null,
                 sent_summary = sent_summary - 'shipTo'
             where (sent_parts is not null or cancel_message is not null or sent_summary ? 'shipTo')
                 and cancel_next is null
                 and coalesce(last_successful_sync, last_sync_attempt, created_at) < $1
                 and (cancel_message is null or updated_at < $1)",
                before,
            ),
            sqlx::query!(
                "update veracore_shipment set message = null
             where message is not null and updated_at < $1",
                before,
            ),
            sqlx::query!(
                "update veracore_stock_change set message = null
             where message is not null and intended_at < $1",
                before,
            ),
            // Lists in a run's result contain messages; its numbers stay. A quarantined run stays as it is:
            // an operator may still accept it, and its messages are our own.
            sqlx::query!(
                "update veracore_sync_run r set error_message = null,
                 result = case jsonb_typeof(r.result) when 'object' then coalesce(
                     (select jsonb_object_agg(key, value) from jsonb_each(r.result)
                      where jsonb_typeof(value) <> 'array'), '{}') else r.result end
             where ended_at < $1 and outcome <> 'held'
                 and (error_message is not null
                     or result @? 'strict $.* ? (@.type() == \"array\")')",
                before,
            ),
            // Of a quarantined run, only the name of the operator.
            sqlx::query!(
                "update veracore_sync_run
             set result = jsonb_set(result, '{discardedBy}', '\"a person\"')
             where ended_at < $1 and outcome = 'held' and result ->> 'discardedBy' <> 'a person'",
                before,
            ),
            sqlx::query!(
                "update veracore_webhook set message = null
             where message is not null and received_at < $1",
                before,
            ),
            // Pending events are delivered without these messages.
            sqlx::query!(
            "update veracore_event set data = data - '{message,problem}'::text[], problem = null
             where occurred_at < $1
                 and (data ?| '{message,problem}' or problem is not null)",
            before,
            ),
            sqlx::query!(
                "update veracore_order_note set problem = null
             where problem is not null and ended_at < $1",
                before,
            ),
        ] {
            cleared += statement.execute(&self.pool).await?.rows_affected();
        }
        Ok(cleared)
    }
}
