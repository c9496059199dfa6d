//! Leases on orders: claim, send intent, release.
//!
//! Writes need the lease's token, so that a worker that lost its lease changes nothing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::attempts::{AttemptId, AttemptKind, AttemptRecord, write_attempt};
use crate::{
    crash,
    domain::{OrderCode, Quantity, ShopOrderId, Sku},
    ledger::{
        db::{
            error::LedgerError,
            lease_time::{MAX_CLOCK_SKEW, is_half_spent, to_time_delta},
            notify::Topic,
            rows::{RowRef, to_count},
        },
        handle::Ledger,
        inbox::webhooks::ClaimedWebhook,
        post_send::changes::PartDigests,
        views::summary::SentSummary,
    },
};

/// Limits the retries of an order that webhooks bring forward.
const EXPEDITE_INTERVAL: TimeDelta = TimeDelta::hours(1);

/// An order that this process has leased until `lease_until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedOrder {
    pub id: i64,
    pub order_id: ShopOrderId,
    pub code: OrderCode,
    pub retry_count: u32,
    pub parked_count: u32,
    /// The time it was sent, while the outcome is unknown.
    pub sent_at: Option<DateTime<Utc>>,
    /// The first lookup after the quiet period that did not find it at VeraCore.
    pub missing_at: Option<DateTime<Utc>>,
    pub sent_before: bool,
    /// An operator confirmed that VeraCore's order with this number is this one.
    pub adopt: bool,
    pub lease_until: DateTime<Utc>,
    pub(crate) token: Uuid,
}

/// The order that is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendIntent {
    /// SHA-256 of the payload, in hex.
    pub digest: String,
    pub lines: Vec<SendIntentLine>,
    /// Digests of the other parts of Vendure's order, by name.
    pub part_digests: PartDigests,
    pub summary: SentSummary,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SendIntentLine {
    pub line_id: String,
    pub vendure_sku: String,
    pub veracore_sku: Sku,
    pub quantity: Quantity,
}

impl Ledger {
    /// Leases up to `limit` due orders, longest due first. Includes orders whose lease expired, and
    /// those written by a clock that was ahead by more than [`MAX_CLOCK_SKEW`] before it was set back:
    /// their next attempt may be hours away. If the previous holder is alive, its token is now invalid.
    pub async fn claim_due_orders(
        &self,
        limit: u32,
        lease: Duration,
        only: Option<&OrderCode>,
    ) -> Result<Vec<ClaimedOrder>, LedgerError> {
        let _write = crash::points_around("ledger", "claim_due_orders");
        let now = self.now();
        let until = now + to_time_delta(lease);
        let rows = sqlx::query!(
            r#"
            with due as (
                select id from veracore_order_sync
                where sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')
                    and (next_attempt <= $1 or updated_at > $5)
                    and (lease_until is null or lease_until <= $1 or lease_until > $6)
                    and ($4::text is null or vendure_order_code = $4)
                order by next_attempt, id
                limit $3
                for update skip locked
            )
            update veracore_order_sync o
            set sync_status = 'syncing', lease_token = gen_random_uuid(), lease_until = $2,
                next_attempt = least(next_attempt, $1), last_sync_attempt = $1, updated_at = $1
            from due where o.id = due.id
            returning o.id, o.vendure_order_id, o.vendure_order_code, o.retry_count,
                o.parked_count, o.sent_at, o.missing_at, o.lease_until as "lease_until!",
                o.lease_token as "lease_token!",
                coalesce((o.sync_metadata ->> 'adopt')::boolean, false) as "adopt!",
                exists (select from veracore_order_attempt a
                    where a.order_sync_id = o.id and a.kind = 'send') as "sent_before!"
            "#,
            now,
            until,
            i64::from(limit),
            only.map(OrderCode::as_str),
            now + MAX_CLOCK_SKEW,
            until + MAX_CLOCK_SKEW,
        )
        .fetch_all(&self.pool)
        .await?;
        let log = |error: &LedgerError| tracing::error!(%error, "unreadable order skipped");
        let orders = rows.into_iter().map(|row| {
            let reference = RowRef::order(row.id);
            Ok(ClaimedOrder {
                id: row.id,
                order_id: reference.shop_order_id(&row.vendure_order_id)?,
                code: reference.order_code(&row.vendure_order_code)?,
                retry_count: to_count(row.retry_count),
                parked_count: to_count(row.parked_count),
                sent_at: row.sent_at,
                missing_at: row.missing_at,
                sent_before: row.sent_before,
                adopt: row.adopt,
                lease_until: row.lease_until,
                token: row.lease_token,
            })
        });
        let readable = orders.filter_map(|order| order.inspect_err(log).ok());
        Ok(readable.collect())
    }

    /// Records the order that is about to be sent: it is in doubt until an outcome is recorded.
    /// Extends the lease, so that it outlives the call.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`]: do not send. Also if the database was slow, because the lease may
    /// end before the call does.
    pub async fn record_send_intent(
        &self,
        order: &ClaimedOrder,
        intent: &SendIntent,
        lease: Duration,
    ) -> Result<AttemptId, LedgerError> {
        let _write = crash::points_around("ledger", "record_send_intent");
        let now = self.now();
        // One statement: atomic, and no lock outlives a round trip.
        let attempt = sqlx::query_scalar!(
            "with held as (
                 update veracore_order_sync
                 set sent_at = $3, missing_at = null, payload_digest = $4, lease_until = $5,
                     updated_at = $3, sent_parts = $6, sent_summary = $7, changed_parts = null,
                     aftercare_ended_at = null, closed_at = null, cancel_status = null,
                     cancel_next = null, cancel_tries = 0, cancel_message = null,
                     cancel_missing_at = null, veracore_cancelled_at = null, shop_cancel_next = null
                 where id = $1 and lease_token = $2 and lease_until > $3
                 returning id
             ), gone as (
                 delete from veracore_order_line l using held
                 where l.order_sync_id = held.id and not $8 @> jsonb_build_array(
                     jsonb_build_object('line_id', l.vendure_line_id))
             ), lines as (
                 insert into veracore_order_line
                     (order_sync_id, vendure_line_id, vendure_sku, veracore_sku, quantity)
                 select held.id, l.line_id, l.vendure_sku, l.veracore_sku, l.quantity
                 from held, jsonb_to_recordset($8)
                     l(line_id text, vendure_sku text, veracore_sku text, quantity int)
                 on conflict (order_sync_id, vendure_line_id) do update
                     set vendure_sku = excluded.vendure_sku, veracore_sku = excluded.veracore_sku,
                         quantity = excluded.quantity
             )
             insert into veracore_order_attempt (order_sync_id, kind, started_at, payload_digest)
             select id, $9, $3, $4 from held returning id",
            order.id,
            order.token,
            now,
            intent.digest,
            now + to_time_delta(lease),
            serde_json::json!(intent.part_digests),
            serde_json::json!(intent.summary),
            serde_json::json!(intent.lines),
            AttemptKind::Send.into_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        match attempt {
            Some(attempt) if !is_half_spent(lease, now, self.now()) => Ok(AttemptId(attempt)),
            _ => Err(order.lease_lost()),
        }
    }

    /// Records the lines and parts of an order that is about to be adopted without being sent.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`]
    pub async fn record_order_lines(
        &self,
        order: &ClaimedOrder,
        intent: &SendIntent,
    ) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "record_order_lines");
        let held = sqlx::query_scalar!(
            "with held as (
                 update veracore_order_sync set sent_parts = $3, sent_summary = $4
                 where id = $1 and lease_token = $2
                 returning id
             ), gone as (
                 delete from veracore_order_line l using held
                 where l.order_sync_id = held.id and not $5 @> jsonb_build_array(
                     jsonb_build_object('line_id', l.vendure_line_id))
             ), line as (
                 insert into veracore_order_line
                     (order_sync_id, vendure_line_id, vendure_sku, veracore_sku, quantity)
                 select held.id, l.line_id, l.vendure_sku, l.veracore_sku, l.quantity
                 from held, jsonb_to_recordset($5)
                     l(line_id text, vendure_sku text, veracore_sku text, quantity int)
                 on conflict (order_sync_id, vendure_line_id) do update
                     set vendure_sku = excluded.vendure_sku, veracore_sku = excluded.veracore_sku,
                         quantity = excluded.quantity
             )
             select id from held",
            order.id,
            order.token,
            serde_json::json!(intent.part_digests),
            serde_json::json!(intent.summary),
            serde_json::json!(intent.lines),
        )
        .fetch_optional(&self.pool)
        .await?;
        held.map(drop).ok_or_else(|| order.lease_lost())
    }

    /// Records an attempt while work on the order continues. Needs no lease: it happened.
    pub async fn record_attempt(
        &self,
        order: &ClaimedOrder,
        attempt: &AttemptRecord,
    ) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "record_attempt");
        let mut connection = self.pool.acquire().await?;
        write_attempt(&mut connection, order.id, attempt, self.now()).await
    }

    /// Brings an order's next attempt forward after a webhook about it, at most once an hour, so that
    /// many webhooks do not use up its attempts. An order in doubt still waits for its quiet period.
    /// Returns whether the attempt was moved.
    pub async fn expedite_order(
        &self,
        code: &OrderCode,
        because: &ClaimedWebhook,
        quiet: Duration,
    ) -> Result<bool, LedgerError> {
        let now = self.now();
        let statement = sqlx::query!(
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
        );
        Ok(self.write("expedite_order", statement).await? > 0)
    }

    /// Releases a claimed order unchanged, as at shutdown.
    pub async fn release_order(&self, order: &ClaimedOrder) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "release_order");
        sqlx::query!(
            "update veracore_order_sync
             set sync_status = case when sent_at is not null then 'in_doubt'
                     when retry_count > 0 or parked_count > 0 then 'retrying' else 'pending' end,
                 lease_token = null, lease_until = null, updated_at = $3
             where id = $1 and lease_token = $2",
            order.id,
            order.token,
            self.now(),
        )
        .execute(&self.pool)
        .await?;
        self.publish(Topic::Orders).await;
        Ok(())
    }
}

impl ClaimedOrder {
    #[cfg(test)]
    pub(crate) fn for_tests(id: &str, code: &str, retry_count: u32) -> Self {
        Self {
            id: 1,
            order_id: ShopOrderId::parse(id).unwrap(),
            code: OrderCode::parse(code).unwrap(),
            retry_count,
            parked_count: 0,
            sent_at: None,
            missing_at: None,
            sent_before: false,
            adopt: false,
            lease_until: DateTime::UNIX_EPOCH,
            token: Uuid::nil(),
        }
    }

    pub(super) fn lease_lost(&self) -> LedgerError {
        LedgerError::LeaseLost {
            code: self.code.to_string(),
        }
    }
}
