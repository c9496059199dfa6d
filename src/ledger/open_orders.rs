//! Orders that VeraCore has and Vendure has not fulfilled, for the stock and tracking jobs.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::handle::Ledger;
use crate::{
    domain::{LineId, OrderCode, ShopOrderId, Sku},
    ledger::db::{error::LedgerError, rows::RowRef},
};

/// An order that VeraCore accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentOrder {
    pub id: i64,
    pub order_id: ShopOrderId,
    pub code: OrderCode,
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// VeraCore cancelled it and released its stock; Vendure did not.
    pub is_cancelled_at_provider: bool,
    pub lines: Vec<SentLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentLine {
    pub line: LineId,
    pub sku: Sku,
    pub quantity: u32,
}

impl Ledger {
    /// Accepted orders that may have something unfulfilled; with `skus` (VeraCore's), only orders with
    /// one of them.
    pub async fn open_orders(&self, skus: Option<&[Sku]>) -> Result<Vec<SentOrder>, LedgerError> {
        let skus: Option<Vec<String>> =
            skus.map(|skus| skus.iter().map(ToString::to_string).collect());
        let rows = sqlx::query_as!(
            SentRow,
            r#"select o.id, o.vendure_order_id, o.vendure_order_code, o.last_successful_sync,
                 o.veracore_cancelled_at is not null as "cancelled_there!",
                 coalesce((select jsonb_agg(jsonb_build_object('line', l.vendure_line_id,
                         'sku', l.veracore_sku, 'quantity', l.quantity) order by l.vendure_line_id)
                     from veracore_order_line l where l.order_sync_id = o.id), '[]') as "lines!"
             from veracore_order_sync o
             where o.sync_status = 'success' and o.closed_at is null
                 and ($1::text[] is null or o.id = any(array(
                     select order_sync_id from veracore_order_line where veracore_sku = any($1))))
             order by o.id"#,
            skus.as_deref(),
        )
        .fetch_all(&self.pool)
        .await?;
        parse_sent_orders(rows)
    }

    /// Accepted orders with these codes, open or closed.
    pub async fn sent_orders(&self, codes: &[OrderCode]) -> Result<Vec<SentOrder>, LedgerError> {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        let rows = sqlx::query_as!(
            SentRow,
            r#"select o.id, o.vendure_order_id, o.vendure_order_code, o.last_successful_sync,
                 o.veracore_cancelled_at is not null as "cancelled_there!",
                 coalesce((select jsonb_agg(jsonb_build_object('line', l.vendure_line_id,
                         'sku', l.veracore_sku, 'quantity', l.quantity) order by l.vendure_line_id)
                     from veracore_order_line l where l.order_sync_id = o.id), '[]') as "lines!"
             from veracore_order_sync o
             where o.sync_status = 'success' and o.vendure_order_code = any($1)
             order by o.id"#,
            &codes,
        )
        .fetch_all(&self.pool)
        .await?;
        parse_sent_orders(rows)
    }

    /// Closes orders that have nothing left to fulfill.
    pub async fn close_orders(&self, orders: &[i64]) -> Result<(), LedgerError> {
        if orders.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let statement = sqlx::query!(
            "update veracore_order_sync set closed_at = $2, updated_at = $2
             where id = any($1) and closed_at is null and sync_status = 'success'",
            orders,
            now,
        );
        self.write("close_orders", statement).await.map(drop)
    }

    /// Reopens an order, for example after a fulfillment was cancelled in Vendure.
    pub async fn reopen_order(&self, order: i64) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            "update veracore_order_sync
             set closed_at = null, aftercare_ended_at = null, updated_at = $2
             where id = $1 and closed_at is not null",
            order,
            self.now(),
        );
        self.write("reopen_order", statement).await.map(drop)
    }

    /// Returns whether any of these orders is in progress, so that VeraCore may have it.
    pub async fn is_any_in_progress(&self, codes: &[OrderCode]) -> Result<bool, LedgerError> {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        Ok(sqlx::query_scalar!(
            r#"select exists (select from veracore_order_sync
                 where vendure_order_code = any($1)
                     and sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')) as "any!""#,
            &codes,
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Open orders, least recently checked first, for VeraCores that give no list of shipments.
    pub async fn tracking_check_candidates(
        &self,
        limit: u32,
    ) -> Result<Vec<OrderCode>, LedgerError> {
        let rows = sqlx::query!(
            "select id, vendure_order_code from veracore_order_sync
             where sync_status = 'success' and closed_at is null
             order by tracking_asked_at nulls first, id limit $1",
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| RowRef::order(row.id).order_code(&row.vendure_order_code))
            .collect()
    }

    /// Records a tracking request for these orders, whatever its outcome.
    pub async fn record_tracking_check(&self, codes: &[OrderCode]) -> Result<(), LedgerError> {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        let statement = sqlx::query!(
            "update veracore_order_sync set tracking_asked_at = $2
             where vendure_order_code = any($1)",
            &codes,
            self.now(),
        );
        self.write("record_tracking_check", statement)
            .await
            .map(drop)
    }
}

struct SentRow {
    id: i64,
    vendure_order_id: String,
    vendure_order_code: String,
    last_successful_sync: Option<DateTime<Utc>>,
    cancelled_there: bool,
    lines: serde_json::Value,
}

fn parse_sent_orders(rows: Vec<SentRow>) -> Result<Vec<SentOrder>, LedgerError> {
    let orders = rows.into_iter().map(|row| {
        let reference = RowRef::order(row.id);
        Ok(SentOrder {
            id: row.id,
            order_id: reference.shop_order_id(&row.vendure_order_id)?,
            code: reference.order_code(&row.vendure_order_code)?,
            acknowledged_at: row.last_successful_sync,
            is_cancelled_at_provider: row.cancelled_there,
            lines: RowRef::new("veracore_order_line", row.id).json("lines", row.lines)?,
        })
    });
    let mut orders = orders.collect::<Result<Vec<_>, LedgerError>>()?;
    // There is nothing to fulfill without lines.
    orders.retain(|order| !order.lines.is_empty());
    Ok(orders)
}
