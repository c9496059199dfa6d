//! Cancellations of orders that VeraCore has: progress, and due steps.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::{
    crash,
    domain::{CancelStatus, OrderCode, ShopOrderId, text::one_line},
    ledger::{
        db::{
            error::LedgerError,
            lease_time::MAX_CLOCK_SKEW,
            rows::{RowRef, skip_unreadable, to_count},
        },
        handle::Ledger,
        outbox::events::insert_event,
    },
};

/// The longest delay between two checks of a cancellation.
pub const MAX_CANCEL_CHECK_DELAY: TimeDelta = TimeDelta::days(1);

const SHIPPED_AFTER_STOP_MESSAGE: &str = "VeraCore shipped it although it had stopped it: have the parcel stopped in transit, or sent back";

/// An order that is cancelled in Vendure, and not yet at VeraCore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    pub id: i64,
    pub order_id: ShopOrderId,
    pub code: OrderCode,
    pub veracore_order_id: Option<String>,
    pub status: CancelStatus,
    pub tries: u32,
    pub missing_since: Option<DateTime<Utc>>,
    pub found_at: DateTime<Utc>,
}

/// The next step of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelStep {
    pub status: CancelStatus,
    pub message: String,
    /// At most [`MAX_CANCEL_CHECK_DELAY`] ahead; `None` when settled.
    pub next_check_at: Option<DateTime<Utc>>,
    pub missing_since: Option<DateTime<Utc>>,
    /// Whether it counts as an attempt to cancel.
    pub counted: bool,
}

impl Ledger {
    /// Starts the cancellation of an order. `false` if it was started before, or VeraCore does not
    /// have the order.
    pub async fn request_cancellation(&self, order: i64) -> Result<bool, LedgerError> {
        let statement = sqlx::query!(
            "update veracore_order_sync
             set cancel_status = 'requested', cancel_found_at = $2, cancel_next = $2,
                 updated_at = $2
             where id = $1 and cancel_status is null and sync_status = 'success'",
            order,
            self.now(),
        );
        Ok(self.write("request_cancellation", statement).await? > 0)
    }

    /// Cancellations whose next step is due, longest due first.
    pub async fn due_cancellations(&self, limit: u32) -> Result<Vec<Cancellation>, LedgerError> {
        let now = self.now();
        let rows = sqlx::query!(
            r#"select id, vendure_order_id, vendure_order_code, veracore_order_id,
                 cancel_status as "status!", cancel_tries, cancel_missing_at,
                 cancel_found_at as "found_at!"
             from veracore_order_sync
             where (cancel_next <= $1 or cancel_next > $3)
                 and cancel_status in ('requested', 'by_hand')
             order by cancel_next, id limit $2"#,
            now,
            i64::from(limit),
            now + MAX_CANCEL_CHECK_DELAY + MAX_CLOCK_SKEW,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(skip_unreadable(rows.into_iter().map(|row| {
            let reference = RowRef::order(row.id);
            Ok(Cancellation {
                id: row.id,
                order_id: reference.shop_order_id(&row.vendure_order_id)?,
                code: reference.order_code(&row.vendure_order_code)?,
                veracore_order_id: row.veracore_order_id,
                status: reference.parse("cancel_status", &row.status, CancelStatus::parse)?,
                tries: to_count(row.cancel_tries),
                missing_since: row.cancel_missing_at,
                found_at: row.found_at,
            })
        })))
    }

    /// Returns whether the next step is still due, for a worker that has just leased the cancellation.
    pub async fn is_cancellation_due(&self, order: i64) -> Result<bool, LedgerError> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from veracore_order_sync
                 where id = $1 and (cancel_next <= $2 or cancel_next > $3)) as "due!""#,
            order,
            self.now(),
            self.now() + MAX_CANCEL_CHECK_DELAY + MAX_CLOCK_SKEW,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Records that a cancel request is about to be sent to VeraCore.
    pub async fn record_cancel_intent(&self, order: i64) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            "update veracore_order_sync set cancel_asked_at = $2 where id = $1",
            order,
            self.now(),
        );
        self.write("record_cancel_intent", statement)
            .await
            .map(drop)
    }

    /// Records a step of a cancellation, with an event when the status changes. `false` if the status
    /// has changed since: nothing was recorded.
    pub async fn record_cancel_step(
        &self,
        order: &Cancellation,
        step: &CancelStep,
    ) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "record_cancel_step");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let done = sqlx::query!(
            "update veracore_order_sync
             set cancel_status = $3, cancel_next = $5,
                 -- the reason for manual work stays
                 cancel_message = case when $2 = 'by_hand' and $3 = $2 then cancel_message
                     else $4 end,
                 cancel_tries = cancel_tries + case when $6 then 1 else 0 end,
                 sync_status = case when $3 = 'stopped' then 'cancelled' else sync_status end,
                 cancel_missing_at = $8,
                 aftercare_ended_at = case when $5::timestamptz is null then $7
                     else aftercare_ended_at end,
                 sent_parts = case when $5::timestamptz is null then null else sent_parts end,
                 updated_at = $7
             where id = $1 and cancel_status = $2",
            order.id,
            order.status.as_str(),
            step.status.as_str(),
            step.message,
            step.next_check_at,
            step.counted,
            now,
            step.missing_since,
        )
        .execute(&mut *tx)
        .await?;
        let recorded = done.rows_affected() > 0;
        if recorded && step.status != order.status {
            let data = json!({
                "order": order.code, "vendureOrderId": order.order_id,
                "veracoreOrderId": order.veracore_order_id,
                "outcome": step.status.as_str(), "message": one_line(&step.message, 300),
            });
            insert_event(&mut tx, "order.cancelled", Some(order.id), &data, now).await?;
        }
        tx.commit().await?;
        Ok(recorded)
    }

    /// Records those of the shipped orders that VeraCore had stopped, with events. Returns their codes.
    pub async fn record_shipped_after_stop(
        &self,
        codes: &[OrderCode],
    ) -> Result<Vec<String>, LedgerError> {
        if codes.is_empty() {
            return Ok(Vec::new());
        }
        let _write = crash::points_around("ledger", "record_shipped_after_stop");
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let rows = sqlx::query!(
            "update veracore_order_sync
             set cancel_status = 'too_late', sync_status = 'success', cancel_message = $3,
                 updated_at = $2
             where vendure_order_code = any($1) and cancel_status = 'stopped'
                 and sync_status = 'cancelled'
             returning id, vendure_order_id, vendure_order_code, veracore_order_id",
            &codes,
            now,
            SHIPPED_AFTER_STOP_MESSAGE,
        )
        .fetch_all(&mut *tx)
        .await?;
        let mut recorded = Vec::with_capacity(rows.len());
        for row in rows {
            let data = json!({
                "order": row.vendure_order_code, "vendureOrderId": row.vendure_order_id,
                "veracoreOrderId": row.veracore_order_id,
                "outcome": CancelStatus::TooLate.as_str(), "message": SHIPPED_AFTER_STOP_MESSAGE,
            });
            insert_event(&mut tx, "order.cancelled", Some(row.id), &data, now).await?;
            recorded.push(row.vendure_order_code);
        }
        tx.commit().await?;
        Ok(recorded)
    }
}
