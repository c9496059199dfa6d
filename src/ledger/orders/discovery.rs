//! Insertion of discovered orders, and the baseline of the first start.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{attempts::AttemptKind, outcome::SkipReason};
use crate::{
    crash,
    domain::{OrderRef, SyncStatus},
    ledger::{
        db::{error::LedgerError, notify::Topic, pool::Connection, rows::RowRef},
        handle::Ledger,
    },
};

/// The treatment of the orders that the first sweep finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// Record them as skipped, except those placed at or after `started_at`.
    Skip { started_at: DateTime<Utc> },
    /// Send them like any other order.
    Send,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownStatus {
    pub status: SyncStatus,
    pub skip_reason: Option<String>,
    pub in_doubt: bool,
}

impl KnownStatus {
    /// Returns whether a sweep that finds it in a trigger state requeues it.
    pub fn is_revivable(&self) -> bool {
        self.is_skipped_for(SkipReason::LeftTriggerState)
    }

    /// Returns whether `backfill` sends it.
    pub fn is_backfillable(&self) -> bool {
        self.is_skipped_for(SkipReason::Existing)
    }

    fn is_skipped_for(&self, reason: SkipReason) -> bool {
        self.status == SyncStatus::Skipped && self.skip_reason.as_deref() == Some(reason.into_str())
    }
}

impl Ledger {
    /// Inserts unknown orders, due after `send_delay`, and requeues those that had left the trigger
    /// states. Returns the number of both.
    pub async fn insert_discovered_orders(
        &self,
        orders: &[OrderRef],
        send_delay: Duration,
    ) -> Result<u64, LedgerError> {
        if orders.is_empty() {
            return Ok(0);
        }
        let _write = crash::points_around("ledger", "insert_discovered_orders");
        let now = self.now();
        let mut connection = self.pool.acquire().await?;
        insert_orders(&mut connection, orders, "pending", None, now, send_delay).await
    }

    pub async fn has_baseline(&self) -> Result<bool, LedgerError> {
        let at = sqlx::query_scalar!("select baseline_at from veracore_config where id = 1")
            .fetch_one(&self.pool)
            .await?;
        Ok(at.is_some())
    }

    /// Records a start, and returns the time of the first one. Orders placed since then are new, even
    /// if the first sweep succeeds only later.
    pub async fn record_first_start(&self) -> Result<DateTime<Utc>, LedgerError> {
        let _write = crash::points_around("ledger", "record_first_start");
        let at = sqlx::query_scalar!(
            r#"update veracore_config set first_started_at = coalesce(first_started_at, $1)
             where id = 1 returning first_started_at as "at!""#,
            self.now(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(at)
    }

    /// Inserts the orders of the first sweep in one transaction: after a partial sweep, orders paid
    /// meanwhile would look like old ones. Returns the numbers of pending and skipped orders, or `None`
    /// if another replica was first.
    pub async fn insert_baseline(
        &self,
        orders: &[OrderRef],
        baseline: Baseline,
        send_delay: Duration,
    ) -> Result<Option<(u64, u64)>, LedgerError> {
        let _write = crash::points_around("ledger", "insert_baseline");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let config =
            sqlx::query!("select baseline_at from veracore_config where id = 1 for update")
                .fetch_one(&mut *tx)
                .await?;
        if config.baseline_at.is_some() {
            return Ok(None);
        }
        let (new, existing): (Vec<_>, Vec<_>) =
            orders.iter().cloned().partition(|order| match baseline {
                Baseline::Send => true,
                Baseline::Skip { started_at } => order.placed_at.is_some_and(|at| at >= started_at),
            });
        let reason = Some(SkipReason::Existing);
        let skipped = insert_orders(&mut tx, &existing, "skipped", reason, now, send_delay).await?;
        let pending = insert_orders(&mut tx, &new, "pending", None, now, send_delay).await?;
        sqlx::query!(
            "update veracore_config set baseline_at = $1, updated_at = $1 where id = 1",
            now
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some((pending, skipped)))
    }

    /// Returns the status of each known order, by Vendure id.
    pub async fn known_statuses(
        &self,
        orders: &[OrderRef],
    ) -> Result<BTreeMap<String, KnownStatus>, LedgerError> {
        let (ids, _, _) = order_columns(orders);
        let rows = sqlx::query!(
            r#"select id, vendure_order_id, sync_status, skip_reason,
                 sent_at is not null as "in_doubt!"
             from veracore_order_sync where vendure_order_id = any($1)"#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut statuses = BTreeMap::new();
        for row in rows {
            let status =
                RowRef::order(row.id).parse("sync_status", &row.sync_status, SyncStatus::parse)?;
            let known = KnownStatus {
                status,
                skip_reason: row.skip_reason,
                in_doubt: row.in_doubt,
            };
            statuses.insert(row.vendure_order_id, known);
        }
        Ok(statuses)
    }

    /// Makes orders from before the first start due now. Returns how many are due.
    pub async fn backfill_orders(&self, orders: &[OrderRef]) -> Result<u64, LedgerError> {
        let _write = crash::points_around("ledger", "backfill_orders");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let (ids, _, _) = order_columns(orders);
        let revived = sqlx::query!(
            "with revived as (
                 update veracore_order_sync
                 set sync_status = 'pending', next_attempt = $2, skip_reason = null,
                     error_message = null, updated_at = $2
                 where vendure_order_id = any($1)
                     and sync_status = 'skipped' and skip_reason = 'existing'
                 returning id
             )
             insert into veracore_order_attempt (order_sync_id, kind, started_at, ended_at, outcome)
             select id, $3, $2, $2, 'done' from revived",
            &ids,
            now,
            AttemptKind::Backfill.into_str(),
        )
        .execute(&mut *tx)
        .await?;
        let new = insert_orders(&mut tx, orders, "pending", None, now, Duration::ZERO).await?;
        tx.commit().await?;
        let due = revived.rows_affected() + new;
        if due > 0 {
            self.publish(Topic::Orders).await;
        }
        Ok(due)
    }
}

pub(crate) fn order_columns(
    orders: &[OrderRef],
) -> (Vec<String>, Vec<String>, Vec<Option<DateTime<Utc>>>) {
    let ids = orders.iter().map(|order| order.id.to_string()).collect();
    let codes = orders.iter().map(|order| order.code.to_string()).collect();
    let placed = orders.iter().map(|order| order.placed_at).collect();
    (ids, codes, placed)
}

async fn insert_orders(
    connection: &mut Connection,
    orders: &[OrderRef],
    status: &str,
    reason: Option<SkipReason>,
    now: DateTime<Utc>,
    send_delay: Duration,
) -> Result<u64, LedgerError> {
    let (ids, codes, placed) = order_columns(orders);
    let due = now + TimeDelta::from_std(send_delay).unwrap_or(TimeDelta::zero());
    let message = reason.map(|_| "it existed before the first start (ORDER_SYNC_EXISTING=skip)");
    // Known orders are filtered out first, so that a large sweep locks none of them.
    let done = sqlx::query!(
        "with found as (
             select f.id, f.code, f.placed_at
             from unnest($1::text[], $2::text[], $3::timestamptz[]) f(id, code, placed_at)
             left join veracore_order_sync o on o.vendure_order_id = f.id
             where o.id is null
                 or (o.sync_status = 'skipped' and o.skip_reason = 'left_trigger_state')
         )
         insert into veracore_order_sync as o
             (vendure_order_id, vendure_order_code, placed_at, sync_status, skip_reason,
              error_message, next_attempt, created_at, updated_at)
         select distinct on (id) id, code, placed_at, $4, $5, $6,
             case when $4 = 'pending' then $7::timestamptz end, $8, $8
         from found
         on conflict (vendure_order_id) do update
         set sync_status = 'pending', next_attempt = excluded.created_at, skip_reason = null,
             error_message = null, updated_at = excluded.updated_at
         where o.sync_status = 'skipped' and o.skip_reason = 'left_trigger_state'",
        &ids,
        &codes,
        &placed as &[Option<DateTime<Utc>>],
        status,
        reason.map(<&str>::from),
        message,
        due,
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
