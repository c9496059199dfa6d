//! What is asked, and brought forward, because VeraCore told that something changed.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::webhooks::ClaimedWebhook;
use crate::{
    crash,
    domain::OrderCode,
    ledger::{db::error::LedgerError, handle::Ledger, orders::leases::to_time_delta},
};

/// How often the tries of one order are brought forward because of webhooks.
const EXPEDITE_INTERVAL: TimeDelta = TimeDelta::hours(1);

impl Ledger {
    /// How many SKUs VeraCore told of since `since`, or before that and they still wait.
    pub async fn count_reported_skus(&self, since: DateTime<Utc>) -> Result<u64, LedgerError> {
        let count = sqlx::query_scalar!(
            r#"select count(distinct sku) as "count!"
             from veracore_webhook,
                 lateral (select news -> 'inventory' -> 'skus') as inside(skus),
                 -- A row that makes no sense counts for nothing, and stops no other.
                 jsonb_array_elements_text(case jsonb_typeof(skus) when 'array' then skus
                     else '[]' end) as told(sku)
             where kind = 'inventory-update' and (webhook_status = 'waiting' or received_at > $1)"#,
            since
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// When a whole pass of a job was last begun because of webhooks; passes over one SKU name it in
    /// their results.
    pub async fn last_webhook_run_at(
        &self,
        job: &str,
    ) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(sqlx::query_scalar!(
            "select max(started_at) from veracore_sync_run
             where job = $1 and origin = 'webhook' and not result ? 'sku' and started_at <= $2",
            job,
            self.now(),
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Brings an order's next try forward, since VeraCore told of the order: at most once an hour, so
    /// that a chatty sender does not use up its tries. One in doubt still waits out its quiet period.
    /// Returns whether anything was changed.
    pub async fn expedite_order(
        &self,
        code: &OrderCode,
        because: &ClaimedWebhook,
        quiet: Duration,
    ) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "expedite_order");
        let now = self.now();
        let done = sqlx::query!(
            "update veracore_order_sync o
             set next_attempt = allowed.at, updated_at = $2
             from (select id, greatest($2::timestamptz,
                       case when sent_at is not null then coalesce(missing_at, sent_at) + $3::interval end
                   ) as at from veracore_order_sync) allowed
             where allowed.id = o.id and o.vendure_order_code = $1
                 and o.sync_status in ('in_doubt', 'retrying') and o.lease_token is null
                 and o.next_attempt > allowed.at
                 and not exists (select from veracore_webhook earlier
                     where earlier.order_number = $1 and earlier.id < $4
                         and earlier.received_at between $5 and $2)",
            code.as_str(),
            now,
            sqlx::postgres::types::PgInterval::try_from(to_time_delta(quiet)).unwrap_or_default(),
            because.id,
            now - EXPEDITE_INTERVAL,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}
