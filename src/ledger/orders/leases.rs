//! Working on orders: claim, intent, outcome. Writes here are fenced by the lease's token, so that
//! whoever lost the lease changes nothing any more, but for two things that are true whoever says
//! them: what was tried, in the history, and that VeraCore has the order.

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
            pool::Connection,
            rows::{RowRef, to_count},
        },
        handle::Ledger,
        inbox::webhooks::ClaimedWebhook,
        post_send::changes::PartDigests,
        views::summary::SentSummary,
    },
};

/// How often the tries of one order are brought forward because of webhooks.
const EXPEDITE_INTERVAL: TimeDelta = TimeDelta::hours(1);

/// An order that is ours to work on until `lease_until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedOrder {
    pub id: i64,
    pub order_id: ShopOrderId,
    pub code: OrderCode,
    pub retry_count: u32,
    pub parked_count: u32,
    /// When it was sent, while the outcome of that is unknown.
    pub sent_at: Option<DateTime<Utc>>,
    /// When VeraCore was first asked about that, after the quiet period, and did not have it.
    pub missing_at: Option<DateTime<Utc>>,
    /// Whether it was ever sent, with whatever outcome.
    pub sent_before: bool,
    /// A person said that the order which VeraCore has under this number is ours.
    pub adopt: bool,
    pub lease_until: DateTime<Utc>,
    pub(crate) token: Uuid,
}

/// What is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendIntent {
    /// SHA-256 of what is sent, in hex.
    pub digest: String,
    pub lines: Vec<SendIntentLine>,
    /// Digests of the other parts of the order as the shop has it, by name.
    pub part_digests: PartDigests,
    pub summary: SentSummary,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendIntentLine {
    pub line_id: String,
    pub vendure_sku: String,
    pub veracore_sku: Sku,
    pub quantity: Quantity,
}

impl Ledger {
    /// Takes up to `limit` due orders, longest due first, for `lease`. Orders whose lease ran out
    /// are among them: whoever held it is taken for dead. So are those that were written by a clock
    /// that was ahead by more than [`SKEW`], before it was set back: what they wait for by that clock
    /// could be hours away. A holder that lives is kept from sending by its token.
    pub async fn claim_due_orders(
        &self,
        limit: u32,
        lease: Duration,
        only: Option<&OrderCode>,
    ) -> Result<Vec<ClaimedOrder>, LedgerError> {
        let _write = crash::points_around("ledger", "claim_due_orders");
        let now = self.now();
        let until = now + to_time_delta(lease);
        let rows = sqlx::query_as!(
            ClaimedOrderRow,
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
        let readable = rows
            .into_iter()
            .filter_map(|row| match ClaimedOrder::try_from(row) {
                Ok(order) => Some(order),
                Err(error) => {
                    tracing::error!(%error, "an order of the ledger is left alone");
                    None
                }
            });
        Ok(readable.collect())
    }

    /// Writes down what will be sent, before it is sent: from here on the order is in doubt until
    /// an outcome is recorded. The lease is lengthened to `lease` from now, so that it outlives
    /// the call.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`]: then nothing may be sent. So it is when the database was slow to
    /// answer, since the lease may be over before the call is.
    pub async fn record_send_intent(
        &self,
        order: &ClaimedOrder,
        intent: &SendIntent,
        lease: Duration,
    ) -> Result<AttemptId, LedgerError> {
        let _write = crash::points_around("ledger", "record_send_intent");
        let now = self.now();
        let lines = LineColumns::of(&intent.lines);
        // One statement: all of it or nothing, and no lock outlives a round trip.
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
                 where l.order_sync_id = held.id and l.vendure_line_id <> all($8)
             ), lines as (
                 insert into veracore_order_line
                     (order_sync_id, vendure_line_id, vendure_sku, veracore_sku, quantity)
                 select held.id, l.id, l.vendure_sku, l.veracore_sku, l.quantity
                 from held, unnest($8::text[], $9::text[], $10::text[], $11::int[])
                     l(id, vendure_sku, veracore_sku, quantity)
                 on conflict (order_sync_id, vendure_line_id) do update
                     set vendure_sku = excluded.vendure_sku, veracore_sku = excluded.veracore_sku,
                         quantity = excluded.quantity
             )
             insert into veracore_order_attempt (order_sync_id, kind, started_at, payload_digest)
             select id, $12, $3, $4 from held returning id",
            order.id,
            order.token,
            now,
            intent.digest,
            now + to_time_delta(lease),
            serde_json::json!(intent.part_digests),
            serde_json::json!(intent.summary),
            &lines.ids,
            &lines.vendure_skus,
            &lines.veracore_skus,
            &lines.quantities,
            AttemptKind::Send.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        match attempt {
            Some(attempt) if !is_half_spent(lease, now, self.now()) => Ok(AttemptId(attempt)),
            _ => Err(order.lease_lost()),
        }
    }

    /// Writes down the lines and parts of an order that is about to be taken over without being sent.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`], or when the database does not answer.
    pub async fn record_order_lines(
        &self,
        order: &ClaimedOrder,
        intent: &SendIntent,
    ) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "record_order_lines");
        let mut tx = self.pool.begin().await?;
        // First, so that no other holder writes lines at the same time.
        let held = sqlx::query!(
            "update veracore_order_sync set sent_parts = $3, sent_summary = $4
             where id = $1 and lease_token = $2",
            order.id,
            order.token,
            serde_json::json!(intent.part_digests),
            serde_json::json!(intent.summary),
        )
        .execute(&mut *tx)
        .await?;
        if held.rows_affected() != 1 {
            return Err(order.lease_lost());
        }
        replace_order_lines(&mut tx, order.id, &intent.lines).await?;
        Ok(tx.commit().await?)
    }

    /// Adds something that was asked about the order, while the work on it goes on.
    pub async fn record_attempt(
        &self,
        order: &ClaimedOrder,
        trace: &AttemptRecord,
    ) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "record_attempt");
        let mut connection = self.pool.acquire().await?;
        write_attempt(&mut connection, order.id, trace, self.now()).await
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

    /// Gives a claimed order back untouched, as at a shutdown.
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
        // Whoever goes on need not wait for a look.
        self.publish(Topic::Orders).await;
        Ok(())
    }
}

impl ClaimedOrder {
    /// An order that no ledger holds, for rules that need no ledger.
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

/// Lines as arrays, which one statement takes.
struct LineColumns {
    ids: Vec<String>,
    vendure_skus: Vec<String>,
    veracore_skus: Vec<String>,
    quantities: Vec<i32>,
}

impl LineColumns {
    fn of(lines: &[SendIntentLine]) -> Self {
        let text = |of: fn(&SendIntentLine) -> &str| -> Vec<String> {
            lines.iter().map(|line| of(line).to_owned()).collect()
        };
        let quantity =
            |line: &SendIntentLine| i32::try_from(line.quantity.get()).unwrap_or(i32::MAX);
        Self {
            ids: text(|line| &line.line_id),
            vendure_skus: text(|line| &line.vendure_sku),
            veracore_skus: text(|line| line.veracore_sku.as_str()),
            quantities: lines.iter().map(quantity).collect(),
        }
    }
}

async fn replace_order_lines(
    connection: &mut Connection,
    order: i64,
    lines: &[SendIntentLine],
) -> Result<(), LedgerError> {
    sqlx::query!(
        "delete from veracore_order_line where order_sync_id = $1",
        order
    )
    .execute(&mut *connection)
    .await?;
    let lines = LineColumns::of(lines);
    sqlx::query!(
        "insert into veracore_order_line
             (order_sync_id, vendure_line_id, vendure_sku, veracore_sku, quantity)
         select $1, l.id, l.vendure_sku, l.veracore_sku, l.quantity
         from unnest($2::text[], $3::text[], $4::text[], $5::int[])
             l(id, vendure_sku, veracore_sku, quantity)",
        order,
        &lines.ids,
        &lines.vendure_skus,
        &lines.veracore_skus,
        &lines.quantities,
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}

struct ClaimedOrderRow {
    id: i64,
    vendure_order_id: String,
    vendure_order_code: String,
    retry_count: i32,
    parked_count: i32,
    sent_at: Option<DateTime<Utc>>,
    missing_at: Option<DateTime<Utc>>,
    lease_until: DateTime<Utc>,
    lease_token: Uuid,
    adopt: bool,
    sent_before: bool,
}

impl TryFrom<ClaimedOrderRow> for ClaimedOrder {
    type Error = LedgerError;

    fn try_from(row: ClaimedOrderRow) -> Result<Self, LedgerError> {
        let reference = RowRef::order(row.id);
        Ok(Self {
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
    }
}
