//! Orders that VeraCore cancelled of its own accord, though the shop still wants them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    Ledger, LedgerError,
    aftercare::{readable, shop_id_of},
    cancellations::LONGEST_PAUSE,
    events::raise,
    leases::SKEW,
    open::code_of,
};
use crate::{
    crash,
    domain::{OrderCode, ShopOrderId, text::one_line},
};

/// What VeraCore cancelled before is not told to the shop any more: `CANCEL_IN_VENDURE` may be turned
/// on after people have seen to it.
const NEWS: TimeDelta = TimeDelta::days(7);

/// An order that VeraCore cancelled and of which the shop is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelledThere {
    pub id: i64,
    pub order_id: ShopOrderId,
    pub code: OrderCode,
}

impl Ledger {
    /// Notes that VeraCore has cancelled an order that is still wanted, and tells of it, once. Whether
    /// that was news.
    ///
    /// # Errors
    /// When the database does not answer; then nothing is noted.
    pub async fn note_cancelled_there(
        &self,
        code: &OrderCode,
        status: &str,
    ) -> Result<bool, LedgerError> {
        let _write = crash::around("ledger", "note_cancelled_there");
        let now = self.clock.now();
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
            format!("VeraCore has cancelled it (status {status})"),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            // What a person was to cancel there need not wait for its next look.
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
            "outcome": "cancelled_at_veracore", "message": format!("VeraCore says {status}"),
        });
        raise(&mut tx, "order.cancelled", Some(row.id), &data, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that VeraCore has these orders, and has not cancelled them, whatever it did before.
    /// Returns those of which that is news.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_revived_there(
        &self,
        codes: &[OrderCode],
    ) -> Result<Vec<String>, LedgerError> {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        if codes.is_empty() {
            return Ok(Vec::new());
        }
        let _write = crash::around("ledger", "note_revived_there");
        Ok(sqlx::query_scalar!(
            "update veracore_order_sync
             set veracore_cancelled_at = null, shop_cancel_next = null, cancel_message = null,
                 updated_at = $2
             where vendure_order_code = any($1) and veracore_cancelled_at is not null
                 and sync_status = 'success' and cancel_status is null
             returning vendure_order_code",
            &codes,
            self.clock.now(),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// The orders cancelled at VeraCore of which the shop is to be told now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn due_for_the_shop(&self, limit: u32) -> Result<Vec<CancelledThere>, LedgerError> {
        let now = self.clock.now();
        let rows = sqlx::query!(
            "select id, vendure_order_id, vendure_order_code from veracore_order_sync
             where (shop_cancel_next <= $1 or shop_cancel_next > $3)
                 and veracore_cancelled_at > $4
                 and sync_status = 'success' and cancel_status is null
             order by shop_cancel_next, id limit $2",
            now,
            i64::from(limit),
            now + LONGEST_PAUSE + SKEW,
            now - NEWS,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(readable(rows.into_iter().map(|row| {
            Ok(CancelledThere {
                id: row.id,
                order_id: shop_id_of(row.id, &row.vendure_order_id)?,
                code: code_of(row.id, row.vendure_order_code)?,
            })
        })))
    }

    /// Whether the shop is still to be told of this one: for whoever has just got hold of it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_due_for_the_shop(&self, order: i64) -> Result<bool, LedgerError> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from veracore_order_sync
                 where id = $1 and sync_status = 'success' and cancel_status is null
                     and (shop_cancel_next <= $2 or shop_cancel_next > $3)) as "due!""#,
            order,
            self.clock.now(),
            self.clock.now() + LONGEST_PAUSE + SKEW,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Notes what came of telling the shop, and when it is told again, if at all.
    ///
    /// # Errors
    /// When the database does not answer; then it is told again, which does no harm.
    pub async fn note_told_the_shop(
        &self,
        order: i64,
        message: &str,
        next: Option<DateTime<Utc>>,
    ) -> Result<(), LedgerError> {
        let _write = crash::around("ledger", "note_told_the_shop");
        sqlx::query!(
            "update veracore_order_sync
             set shop_cancel_next = $2, cancel_message = $3, updated_at = $4
             where id = $1 and cancel_status is null and veracore_cancelled_at is not null
                 and shop_cancel_next is not null",
            order,
            next,
            one_line(message, 300),
            self.clock.now(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
