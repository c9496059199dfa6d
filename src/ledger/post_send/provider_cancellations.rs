//! Orders that VeraCore cancelled and Vendure did not.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::cancellations::MAX_CANCEL_CHECK_DELAY;
use crate::{
    crash,
    domain::{OrderCode, ShopOrderId, text::one_line},
    ledger::{
        db::{
            error::LedgerError,
            lease_time::MAX_CLOCK_SKEW,
            rows::{RowRef, skip_unreadable},
        },
        handle::Ledger,
        outbox::events::insert_event,
    },
};

/// Older cancellations are not carried over to Vendure: `CANCEL_IN_VENDURE` may be turned on after
/// they were handled manually.
const REPORT_WINDOW: TimeDelta = TimeDelta::days(7);

/// An order to cancel in Vendure, because VeraCore cancelled it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderCancellation {
    pub id: i64,
    pub order_id: ShopOrderId,
    pub code: OrderCode,
}

impl Ledger {
    /// Records that VeraCore cancelled an open order, with an event. `false` if it is known.
    pub async fn record_provider_cancellation(
        &self,
        code: &OrderCode,
        status: &str,
    ) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "record_provider_cancellation");
        let now = self.now();
        let status = one_line(status, 80);
        let mut tx = self.pool.begin().await?;
        let row = sqlx::query!(
            "update veracore_order_sync
             set veracore_cancelled_at = $2, shop_cancel_next = $2, updated_at = $2,
                 cancel_message = $3
             where vendure_order_code = $1 and sync_status = 'success' and closed_at is null
                 and cancel_status is null and veracore_cancelled_at is null
             returning id, vendure_order_id, veracore_order_id",
            code.as_str(),
            now,
            format!("VeraCore cancelled it (status {status})"),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            // It may be one to cancel manually: check it now.
            sqlx::query!(
                "update veracore_order_sync set cancel_next = $2
                 where vendure_order_code = $1 and cancel_status = 'by_hand' and cancel_next > $2",
                code.as_str(),
                now,
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            return Ok(false);
        };
        let data = json!({
            "order": code, "vendureOrderId": row.vendure_order_id,
            "veracoreOrderId": row.veracore_order_id,
            "outcome": "cancelled_at_veracore", "message": format!("VeraCore reports the status {status}"),
        });
        insert_event(&mut tx, "order.cancelled", Some(row.id), &data, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Records that VeraCore has these orders again. Returns the codes of those that were cancelled.
    pub async fn clear_provider_cancellations(
        &self,
        codes: &[OrderCode],
    ) -> Result<Vec<String>, LedgerError> {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        if codes.is_empty() {
            return Ok(Vec::new());
        }
        let _write = crash::points_around("ledger", "clear_provider_cancellations");
        Ok(sqlx::query_scalar!(
            "update veracore_order_sync
             set veracore_cancelled_at = null, shop_cancel_next = null, cancel_message = null,
                 updated_at = $2
             where vendure_order_code = any($1) and veracore_cancelled_at is not null
                 and sync_status = 'success' and cancel_status is null
             returning vendure_order_code",
            &codes,
            self.now(),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Orders to cancel in Vendure now.
    pub async fn due_provider_cancellations(
        &self,
        limit: u32,
    ) -> Result<Vec<ProviderCancellation>, LedgerError> {
        let now = self.now();
        let rows = sqlx::query!(
            "select id, vendure_order_id, vendure_order_code from veracore_order_sync
             where (shop_cancel_next <= $1 or shop_cancel_next > $3)
                 and veracore_cancelled_at > $4
                 and sync_status = 'success' and cancel_status is null
             order by shop_cancel_next, id limit $2",
            now,
            i64::from(limit),
            now + MAX_CANCEL_CHECK_DELAY + MAX_CLOCK_SKEW,
            now - REPORT_WINDOW,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(skip_unreadable(rows.into_iter().map(|row| {
            Ok(ProviderCancellation {
                id: row.id,
                order_id: RowRef::order(row.id).shop_order_id(&row.vendure_order_id)?,
                code: RowRef::order(row.id).order_code(&row.vendure_order_code)?,
            })
        })))
    }

    /// Returns whether it is still due, for a worker that has just leased the order.
    pub async fn is_provider_cancellation_due(&self, order: i64) -> Result<bool, LedgerError> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from veracore_order_sync
                 where id = $1 and sync_status = 'success' and cancel_status is null
                     and (shop_cancel_next <= $2 or shop_cancel_next > $3)) as "due!""#,
            order,
            self.now(),
            self.now() + MAX_CANCEL_CHECK_DELAY + MAX_CLOCK_SKEW,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Records the outcome of an attempt to cancel in Vendure, and the time of the next one.
    pub async fn record_shop_cancel_attempt(
        &self,
        order: i64,
        message: &str,
        next: Option<DateTime<Utc>>,
    ) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            "update veracore_order_sync
             set shop_cancel_next = $2, cancel_message = $3, updated_at = $4
             where id = $1 and cancel_status is null and veracore_cancelled_at is not null
                 and shop_cancel_next is not null",
            order,
            next,
            one_line(message, 300),
            self.now(),
        );
        self.write("record_shop_cancel_attempt", statement)
            .await
            .map(drop)
    }
}
