//! The ledger's side of a reconciliation: its orders in pages, and the shop's that it does not have.

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

/// An order as the ledger knows it, to be compared with what both ends say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOrder {
    pub id: i64,
    pub order_id: ShopOrderId,
    pub code: OrderCode,
    /// `Success`, or a status in which it is still worked on.
    pub status: SyncStatus,
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Whether something may be left to fulfill.
    pub is_open: bool,
    /// Since when it is not known whether VeraCore has it.
    pub in_doubt_since: Option<DateTime<Utc>>,
    /// Whether it is cancelled in the shop and VeraCore is about to be told.
    pub is_cancel_requested: bool,
    /// As they were sent.
    pub lines: Vec<SentLine>,
}

/// Some of the ledger's orders.
#[derive(Debug, Default)]
pub struct KnownOrderPage {
    pub orders: Vec<KnownOrder>,
    /// Rows that this version does not understand, by their codes: they stop no other.
    pub unreadable: Vec<(String, LedgerError)>,
    /// Where the next page goes on; `None`: this page is empty, and there is none.
    pub next_after: Option<i64>,
}

/// How many orders there are to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownOrderCount {
    pub total: u64,
    /// Those that VeraCore has and of which something may be left to fulfill.
    pub open: u64,
}

/// An order of the shop's that the ledger does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnrecordedOrder {
    pub id: ShopOrderId,
    /// The order that the ledger has under this id instead.
    pub known_as: Option<String>,
}

impl Ledger {
    /// How many orders [`Self::known_orders`] goes through.
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

    /// A page of the orders that are worked on, open, or acknowledged since `since`, from the one
    /// after `after` on.
    pub async fn known_orders(
        &self,
        since: DateTime<Utc>,
        after: i64,
        limit: u32,
    ) -> Result<KnownOrderPage, LedgerError> {
        let rows = sqlx::query_as!(
            KnownRow,
            r#"select id, vendure_order_id, vendure_order_code, sync_status, last_successful_sync,
                 closed_at is null as "open!", sent_at,
                 coalesce(cancel_status = 'requested', false) as "being_stopped!"
             from veracore_order_sync
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
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut lines: HashMap<i64, Vec<LineRow>> = HashMap::new();
        for line in self.lines_of(&ids).await? {
            lines.entry(line.order_sync_id).or_default().push(line);
        }
        let mut page = KnownOrderPage {
            next_after: ids.last().copied(),
            ..KnownOrderPage::default()
        };
        for row in rows {
            let code = one_line(&row.vendure_order_code, 80);
            let lines = lines.remove(&row.id).unwrap_or_default();
            match parse_known_order(row, lines) {
                Ok(order) => page.orders.push(order),
                Err(error) => page.unreadable.push((code, error)),
            }
        }
        Ok(page)
    }

    async fn lines_of(&self, orders: &[i64]) -> Result<Vec<LineRow>, LedgerError> {
        Ok(sqlx::query_as!(
            LineRow,
            "select order_sync_id, vendure_line_id, veracore_sku, quantity
             from veracore_order_line where order_sync_id = any($1)
             order by order_sync_id, vendure_line_id",
            orders,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Which of the shop's orders the ledger does not have, or has under another code.
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
        let strangers = orders.iter().filter_map(|order| {
            Some(UnrecordedOrder {
                known_as: known_as.remove(order.id.as_str())?,
                id: order.id.clone(),
            })
        });
        Ok(strangers.collect())
    }
}

struct KnownRow {
    id: i64,
    vendure_order_id: String,
    vendure_order_code: String,
    sync_status: String,
    last_successful_sync: Option<DateTime<Utc>>,
    open: bool,
    sent_at: Option<DateTime<Utc>>,
    being_stopped: bool,
}

struct LineRow {
    order_sync_id: i64,
    vendure_line_id: String,
    veracore_sku: String,
    quantity: i32,
}

fn parse_known_order(row: KnownRow, lines: Vec<LineRow>) -> Result<KnownOrder, LedgerError> {
    let reference = RowRef::order(row.id);
    let status = reference.parse("sync_status", &row.sync_status, SyncStatus::parse)?;
    let lines = lines.iter().map(|line| {
        let (id, sku) = (&line.vendure_line_id, &line.veracore_sku);
        SentLine::parse(row.id, id, sku, line.quantity)
    });
    Ok(KnownOrder {
        id: row.id,
        order_id: reference.shop_order_id(&row.vendure_order_id)?,
        code: reference.order_code(&row.vendure_order_code)?,
        status,
        acknowledged_at: row.last_successful_sync,
        is_open: status == SyncStatus::Success && row.open,
        in_doubt_since: row.sent_at.filter(|_| status != SyncStatus::Success),
        is_cancel_requested: row.being_stopped,
        lines: lines.collect::<Result<_, _>>()?,
    })
}
