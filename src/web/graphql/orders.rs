//! Orders in the API.

use async_graphql::{ID, SimpleObject};
use chrono::{DateTime, Utc};

use super::paging;
use crate::ledger::SyncRecord;

/// Where an order stands on its way to VeraCore.
#[derive(SimpleObject)]
#[graphql(name = "VeraCoreOrderSyncStatus")]
pub(super) struct OrderSyncStatus {
    id: ID,
    vendure_order_id: String,
    vendure_order_code: String,
    veracore_order_id: Option<String>,
    /// pending, syncing, in_doubt (sent, answer lost), retrying, success, error (needs a person), skipped or cancelled
    sync_status: String,
    /// network, timeout, rate_limited, upstream, auth, validation, not_found, conflict or internal
    error_category: Option<String>,
    error_message: Option<String>,
    /// Failures that count towards the limit
    retry_count: i32,
    last_sync_attempt: Option<DateTime<Utc>>,
    last_successful_sync: Option<DateTime<Utc>>,
    /// Absent when nothing more is to be done
    next_attempt: Option<DateTime<Utc>>,
    tracking_numbers: Vec<String>,
    /// Where its cancellation stands at VeraCore, when the shop cancelled it after it was sent: requested, by_hand (a person must stop it there), stopped or too_late (shipped)
    cancel_status: Option<String>,
    /// What became of its cancellation, at either end
    cancel_message: Option<String>,
    /// When VeraCore was first seen to have cancelled it though the shop had not
    cancelled_at_veracore: Option<DateTime<Utc>>,
    /// What of it was edited in the shop after it was sent; VeraCore was not told
    changed_since_sent: Vec<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<SyncRecord> for OrderSyncStatus {
    fn from(record: SyncRecord) -> Self {
        let post_send = record.post_send;
        Self {
            id: ID(record.id.to_string()),
            vendure_order_id: record.vendure_order_id,
            vendure_order_code: record.vendure_order_code,
            veracore_order_id: record.veracore_order_id,
            sync_status: record.sync_status.as_str().to_owned(),
            error_category: record.error_category.map(|c| c.as_str().to_owned()),
            error_message: record.error_message,
            retry_count: i32::try_from(record.retry_count).unwrap_or(i32::MAX),
            last_sync_attempt: record.last_sync_attempt,
            last_successful_sync: record.last_successful_sync,
            next_attempt: record.next_attempt,
            tracking_numbers: record.tracking_numbers,
            cancel_status: post_send
                .cancel_status
                .map(|status| status.as_str().to_owned()),
            cancel_message: post_send.cancel_message,
            cancelled_at_veracore: post_send.cancelled_at_veracore,
            changed_since_sent: post_send
                .changed_since_sent
                .iter()
                .map(ToString::to_string)
                .collect(),
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreOrderSyncEdge")]
pub(super) struct OrderSyncEdge {
    cursor: String,
    node: OrderSyncStatus,
}

#[derive(SimpleObject)]
#[graphql(name = "VeraCorePageInfo")]
pub(super) struct PageInfo {
    has_next_page: bool,
    /// Of the last order of this page: `after` for the next one
    end_cursor: Option<String>,
}

/// A page of orders, newest first.
#[derive(SimpleObject)]
#[graphql(name = "VeraCoreOrderSyncConnection")]
pub(super) struct OrderSyncConnection {
    edges: Vec<OrderSyncEdge>,
    page_info: PageInfo,
    /// Of all pages
    total_count: i32,
}

impl OrderSyncConnection {
    /// `records` holds one more than the page if there is a next page.
    pub(super) fn of(mut records: Vec<SyncRecord>, size: usize, total: u64) -> Self {
        let has_next_page = records.len() > size;
        records.truncate(size);
        let edges: Vec<OrderSyncEdge> = records
            .into_iter()
            .map(|record| OrderSyncEdge {
                cursor: paging::encode_cursor(record.id),
                node: record.into(),
            })
            .collect();
        Self {
            page_info: PageInfo {
                has_next_page,
                end_cursor: edges.last().map(|edge| edge.cursor.clone()),
            },
            edges,
            total_count: i32::try_from(total).unwrap_or(i32::MAX),
        }
    }
}
