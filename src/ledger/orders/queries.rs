//! Queries for orders: lists, single orders, counts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    domain::{CancelStatus, ErrorCategory, OrderCode, ShopOrderId, SyncStatus},
    ledger::{
        db::{
            error::LedgerError,
            rows::{RowRef, to_count},
        },
        handle::Ledger,
        post_send::changes::PostSendState,
    },
};

/// An order's record, as `orders list` and the API show it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRecord {
    pub id: i64,
    pub vendure_order_id: String,
    pub vendure_order_code: String,
    pub veracore_order_id: Option<String>,
    pub sync_status: SyncStatus,
    pub skip_reason: Option<String>,
    pub error_category: Option<ErrorCategory>,
    pub error_message: Option<String>,
    pub retry_count: u32,
    pub last_sync_attempt: Option<DateTime<Utc>>,
    pub last_successful_sync: Option<DateTime<Utc>>,
    pub next_attempt: Option<DateTime<Utc>>,
    /// The time it was sent, while the outcome is unknown.
    pub in_doubt_since: Option<DateTime<Utc>>,
    /// Of parcels that are not void, in the order in which VeraCore reported them.
    pub tracking_numbers: Vec<String>,
    #[serde(flatten)]
    pub post_send: PostSendState,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Filter of a list of orders, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub status: Option<SyncStatus>,
    pub group: Option<OrderGroup>,
    pub code: Option<OrderCode>,
    pub shop_id: Option<ShopOrderId>,
    /// A part of the code or of VeraCore's id; case-insensitive.
    pub search: Option<String>,
    /// The last id of the previous page.
    pub before_id: Option<i64>,
    pub limit: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderGroup {
    /// They proceed automatically.
    Waiting,
    /// VeraCore has them, and they need attention; see `PostSendCounts`.
    NeedsAttention,
}

impl OrderGroup {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::NeedsAttention => "care",
        }
    }
}

pub type StatusCounts = BTreeMap<SyncStatus, u64>;

impl Ledger {
    pub async fn orders(&self, filter: &OrderFilter) -> Result<Vec<SyncRecord>, LedgerError> {
        let rows = sqlx::query!(
            r#"select id, vendure_order_id, vendure_order_code, veracore_order_id, sync_status,
                 skip_reason, error_category, error_message, retry_count, last_sync_attempt,
                 last_successful_sync, next_attempt, sent_at, created_at, updated_at,
                 cancel_status, cancel_message, veracore_cancelled_at, changed_parts,
                 array(select tracking_number from veracore_shipment s
                       where s.order_sync_id = o.id and tracking_number is not null
                           and shipment_status <> 'void'
                       order by first_seen_at, s.id) as "tracking_numbers!: Vec<String>"
             from veracore_order_sync o
             where ($1::text is null or sync_status = $1)
                 and ($2::text is null or vendure_order_code = $2)
                 and ($3::bigint is null or id < $3)
                 and ($5::text is null or vendure_order_id = $5)
                 and ($6::text is null or position(lower($6) in lower(vendure_order_code)) > 0
                     or position(lower($6) in lower(veracore_order_id)) > 0)
                 and ($7::text is null
                     or $7 = 'waiting'
                         and sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')
                     or $7 = 'care' and sync_status = 'success'
                         and (cancel_status in ('requested', 'by_hand')
                             or cancel_status = 'too_late'
                                 and cancel_found_at > $8::timestamptz - interval '30 days'
                             or cancel_status is null and veracore_cancelled_at is not null
                                 and closed_at is null
                             or cancel_status is null and changed_parts is not null
                                 and aftercare_ended_at is null))
             order by id desc limit $4"#,
            filter.status.map(SyncStatus::as_str),
            filter.code.as_ref().map(OrderCode::as_str),
            filter.before_id,
            i64::from(filter.limit),
            filter.shop_id.as_ref().map(ShopOrderId::as_str),
            filter.search,
            filter.group.map(OrderGroup::as_str),
            self.now(),
        )
        .fetch_all(&self.pool)
        .await?;
        let records = rows.into_iter().map(|row| {
            let reference = RowRef::order(row.id);
            let (category, cancel) = (row.error_category.as_deref(), row.cancel_status.as_deref());
            let changed = reference.optional_json("changed_parts", row.changed_parts)?;
            Ok(SyncRecord {
                id: row.id,
                sync_status: reference.parse("sync_status", &row.sync_status, SyncStatus::parse)?,
                error_category: reference.parse_optional(
                    "error_category",
                    category,
                    ErrorCategory::parse,
                )?,
                post_send: PostSendState {
                    cancel_status: reference.parse_optional(
                        "cancel_status",
                        cancel,
                        CancelStatus::parse,
                    )?,
                    cancel_message: row.cancel_message,
                    cancelled_at_veracore: row.veracore_cancelled_at,
                    changed_since_sent: changed.unwrap_or_default(),
                },
                vendure_order_id: row.vendure_order_id,
                vendure_order_code: row.vendure_order_code,
                veracore_order_id: row.veracore_order_id,
                skip_reason: row.skip_reason,
                error_message: row.error_message,
                retry_count: to_count(row.retry_count),
                last_sync_attempt: row.last_sync_attempt,
                last_successful_sync: row.last_successful_sync,
                next_attempt: row.next_attempt,
                in_doubt_since: row.sent_at,
                tracking_numbers: row.tracking_numbers,
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
        });
        records.collect()
    }

    /// Counts the orders that match a filter, over all pages.
    pub async fn count_orders(&self, filter: &OrderFilter) -> Result<u64, LedgerError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from veracore_order_sync
             where ($1::text is null or sync_status = $1)
                 and ($2::text is null or position(lower($2) in lower(vendure_order_code)) > 0
                     or position(lower($2) in lower(veracore_order_id)) > 0)
                 and ($3::text is null
                     or $3 = 'waiting'
                         and sync_status in ('pending', 'syncing', 'in_doubt', 'retrying')
                     or $3 = 'care' and sync_status = 'success'
                         and (cancel_status in ('requested', 'by_hand')
                             or cancel_status = 'too_late'
                                 and cancel_found_at > $4::timestamptz - interval '30 days'
                             or cancel_status is null and veracore_cancelled_at is not null
                                 and closed_at is null
                             or cancel_status is null and changed_parts is not null
                                 and aftercare_ended_at is null))"#,
            filter.status.map(SyncStatus::as_str),
            filter.search,
            filter.group.map(OrderGroup::as_str),
            self.now(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(to_count(count))
    }

    pub async fn order_by_shop_id(
        &self,
        id: &ShopOrderId,
    ) -> Result<Option<SyncRecord>, LedgerError> {
        let filter = OrderFilter {
            shop_id: Some(id.clone()),
            limit: 1,
            ..OrderFilter::default()
        };
        Ok(self.orders(&filter).await?.pop())
    }

    pub async fn count_tracked_orders(&self) -> Result<u64, LedgerError> {
        let count = sqlx::query_scalar!(
            r#"select count(distinct order_sync_id) as "count!" from veracore_shipment
             where tracking_number is not null and shipment_status <> 'void'"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(to_count(count))
    }

    /// Returns the latest order with this code.
    pub async fn order(&self, code: &OrderCode) -> Result<Option<SyncRecord>, LedgerError> {
        let filter = OrderFilter {
            code: Some(code.clone()),
            limit: 1,
            ..OrderFilter::default()
        };
        Ok(self.orders(&filter).await?.pop())
    }

    pub async fn count_by_status(&self) -> Result<StatusCounts, LedgerError> {
        let rows = sqlx::query!(
            r#"select sync_status, count(*) as "count!" from veracore_order_sync group by 1"#
        )
        .fetch_all(&self.pool)
        .await?;
        let mut counts: StatusCounts = SyncStatus::ALL.iter().map(|s| (*s, 0)).collect();
        for row in rows {
            if let Some(status) = SyncStatus::parse(&row.sync_status) {
                counts.insert(status, to_count(row.count));
            }
        }
        Ok(counts)
    }
}
