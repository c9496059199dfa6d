//! Queries for the reconciliation: known orders in pages, and unrecorded orders.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::discovery::order_columns;
use crate::{
    domain::{OrderCode, OrderRef, ShopOrderId, SyncStatus, text::one_line},
    ledger::{
        db::{
            error::LedgerError,
            rows::{RowRef, to_count},
        },
        handle::Ledger,
        open_orders::SentLine,
    },
};

/// An order to compare with Vendure and VeraCore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOrder {
    pub id: i64,
    pub order_id: ShopOrderId,
    pub code: OrderCode,
    /// `Success`, or a status in progress.
    pub status: SyncStatus,
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Whether something may be unfulfilled.
    pub is_open: bool,
    /// The time it was sent, while the outcome is unknown.
    pub in_doubt_since: Option<DateTime<Utc>>,
    /// Whether it is cancelled in Vendure, and not yet at VeraCore.
    pub is_cancel_requested: bool,
    pub lines: Vec<SentLine>,
}

#[derive(Debug, Default)]
pub struct KnownOrderPage {
    pub orders: Vec<KnownOrder>,
    /// Unreadable rows, by order code.
    pub unreadable: Vec<(String, LedgerError)>,
    /// The start of the next page; `None` for an empty page, the last one.
    pub next_after: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownOrderCount {
    pub total: u64,
    /// Orders that VeraCore has and that may not be fulfilled.
    pub open: u64,
}

/// A Vendure order that the ledger does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnrecordedOrder {
    pub id: ShopOrderId,
    pub code: OrderCode,
    /// The code of the order that the ledger has under this id instead: Vendure used an id twice,
    /// as after a restored backup.
    pub known_as: Option<String>,
}

impl Ledger {
    /// Counts the orders of [`Self::known_orders`].
    pub async fn count_known_orders(
        &self,
        since: DateTime<Utc>,
    ) -> Result<KnownOrderCount, LedgerError> {
        let row = sqlx::query!(
            r#"select count(*) as "total!",
                 count(*) filter (where sync_status = 'success' and closed_at is null) as "open!"
             from veracore_order_sync
             where sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')
                 or (sync_status = 'success'
                     and (closed_at is null or last_successful_sync >= $1))"#,
            since,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(KnownOrderCount {
            total: to_count(row.total),
            open: to_count(row.open),
        })
    }

    /// Returns a page of the orders that are in progress, open, or acknowledged since `since`.
    pub async fn known_orders(
        &self,
        since: DateTime<Utc>,
        after: i64,
        limit: u32,
    ) -> Result<KnownOrderPage, LedgerError> {
        let rows = sqlx::query!(
            r#"select id, vendure_order_id, vendure_order_code, sync_status, last_successful_sync,
                 closed_at is null as "open!", sent_at,
                 coalesce(cancel_status = 'requested', false) as "being_stopped!",
                 coalesce((select jsonb_agg(jsonb_build_object('line', l.vendure_line_id,
                         'sku', l.veracore_sku, 'quantity', l.quantity) order by l.vendure_line_id)
                     from veracore_order_line l where l.order_sync_id = o.id), '[]') as "lines!"
             from veracore_order_sync o
             where id > $2 and (sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')
                 or (sync_status = 'success'
                     and (closed_at is null or last_successful_sync >= $1)))
             order by id limit $3"#,
            since,
            after,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        let mut page = KnownOrderPage {
            next_after: rows.last().map(|row| row.id),
            ..KnownOrderPage::default()
        };
        for row in rows {
            let reference = RowRef::order(row.id);
            let parse = |lines| {
                let status = reference.parse("sync_status", &row.sync_status, SyncStatus::parse)?;
                Ok(KnownOrder {
                    id: row.id,
                    order_id: reference.shop_order_id(&row.vendure_order_id)?,
                    code: reference.order_code(&row.vendure_order_code)?,
                    status,
                    acknowledged_at: row.last_successful_sync,
                    is_open: status == SyncStatus::Success && row.open,
                    in_doubt_since: row.sent_at.filter(|_| status != SyncStatus::Success),
                    is_cancel_requested: row.being_stopped,
                    lines: RowRef::new("veracore_order_line", row.id).json("lines", lines)?,
                })
            };
            match parse(row.lines) {
                Ok(order) => page.orders.push(order),
                Err(error) => {
                    let code = one_line(&row.vendure_order_code, 80);
                    page.unreadable.push((code, error));
                }
            }
        }
        Ok(page)
    }

    /// Returns the orders that the ledger does not have, or has with another code.
    pub async fn unrecorded_orders(
        &self,
        orders: &[OrderRef],
    ) -> Result<Vec<UnrecordedOrder>, LedgerError> {
        let (ids, codes, _) = order_columns(orders);
        let rows = sqlx::query!(
            r#"select f.id as "id!", o.vendure_order_code as "known_as?"
             from unnest($1::text[], $2::text[]) f(id, code)
             left join veracore_order_sync o on o.vendure_order_id = f.id
             where o.id is null or o.vendure_order_code <> f.code"#,
            &ids,
            &codes,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut known_as: HashMap<String, Option<String>> =
            rows.into_iter().map(|row| (row.id, row.known_as)).collect();
        let unrecorded = orders.iter().filter_map(|order| {
            Some(UnrecordedOrder {
                known_as: known_as.remove(order.id.as_str())?,
                id: order.id.clone(),
                code: order.code.clone(),
            })
        });
        Ok(unrecorded.collect())
    }
}
