//! Orders that VeraCore has and that may still change in Vendure: checks, and changes found.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

use crate::{
    domain::{CancelStatus, LineId, OrderCode, ShopOrderId},
    ledger::{
        db::{
            error::LedgerError,
            rows::{RowRef, skip_unreadable, to_count},
        },
        handle::Ledger,
    },
};

/// Digests of the parts of a sent order, by name.
pub type PartDigests = BTreeMap<String, String>;

/// A line as it was sent, with Vendure's SKU.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PostSendLine {
    #[serde(rename = "line")]
    pub line_id: LineId,
    pub sku: String,
    pub quantity: u32,
}

/// An order that VeraCore has and that may still change in Vendure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostSendOrder {
    pub id: i64,
    pub order_id: ShopOrderId,
    pub code: OrderCode,
    /// Absent for orders of versions that did not record them.
    pub part_digests: Option<PartDigests>,
    pub lines: Vec<PostSendLine>,
    /// Changes that are recorded.
    pub changed_parts: Vec<ChangedPart>,
}

/// A part of an order that changed after it was sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangedPart {
    /// `shippingAddress`, `lines`…
    pub part: String,
    /// Before and after; `None` for addresses, which are personal data.
    pub detail: Option<String>,
}

impl std::fmt::Display for ChangedPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{} ({detail})", self.part),
            None => f.write_str(&self.part),
        }
    }
}

/// The state of an order after VeraCore accepted it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostSendState {
    /// Absent when the order is not cancelled in Vendure.
    pub cancel_status: Option<CancelStatus>,
    /// For a merchant.
    pub cancel_message: Option<String>,
    /// The time at which VeraCore's cancellation was found, if Vendure did not cancel the order.
    pub cancelled_at_veracore: Option<DateTime<Utc>>,
    pub changed_since_sent: Vec<ChangedPart>,
}

/// The number of orders that need attention after VeraCore accepted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostSendCounts {
    /// Cancelled in Vendure, and being stopped at VeraCore.
    pub being_stopped: u64,
    /// Cancelled in Vendure, and to be stopped at VeraCore manually.
    pub to_stop_by_hand: u64,
    /// Shipped although cancelled in Vendure, in the last 30 days.
    pub shipped_after_cancel: u64,
    /// Cancelled at VeraCore, and not in Vendure.
    pub cancelled_at_veracore: u64,
    /// Edited in Vendure after they were sent, and not shipped yet.
    pub changed_since_sent: u64,
}

impl Ledger {
    /// Orders to check, least recently checked first; with `ids`, only those.
    pub async fn post_send_orders(
        &self,
        ids: Option<&[ShopOrderId]>,
        limit: Option<u32>,
    ) -> Result<Vec<PostSendOrder>, LedgerError> {
        let ids: Option<Vec<String>> = ids.map(|ids| ids.iter().map(ToString::to_string).collect());
        let rows = sqlx::query!(
            r#"select o.id, o.vendure_order_id, o.vendure_order_code, o.sent_parts, o.changed_parts,
                 coalesce((select jsonb_agg(jsonb_build_object('line', l.vendure_line_id,
                         'sku', l.vendure_sku, 'quantity', l.quantity) order by l.vendure_line_id)
                     from veracore_order_line l where l.order_sync_id = o.id), '[]') as "lines!"
             from veracore_order_sync o
             where ($1::text[] is null or o.vendure_order_id = any($1))
                 and o.sync_status = 'success' and o.aftercare_ended_at is null
                 and o.cancel_status is null
             order by o.aftercare_at nulls first, o.id limit $2"#,
            ids.as_deref(),
            limit.map(i64::from),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(skip_unreadable(rows.into_iter().map(|row| {
            let reference = RowRef::order(row.id);
            let changed_parts = reference.optional_json("changed_parts", row.changed_parts)?;
            Ok(PostSendOrder {
                id: row.id,
                order_id: reference.shop_order_id(&row.vendure_order_id)?,
                code: reference.order_code(&row.vendure_order_code)?,
                part_digests: reference.optional_json("sent_parts", row.sent_parts)?,
                lines: reference.json("lines", row.lines)?,
                changed_parts: changed_parts.unwrap_or_default(),
            })
        })))
    }

    pub async fn count_post_send(&self) -> Result<PostSendCounts, LedgerError> {
        let row = sqlx::query!(
            r#"select count(*) filter (where cancel_status = 'requested') as "requested!",
                 count(*) filter (where cancel_status = 'by_hand') as "by_hand!",
                 count(*) filter (where cancel_status = 'too_late'
                     and cancel_found_at > $1::timestamptz - interval '30 days') as "too_late!",
                 count(*) filter (where veracore_cancelled_at is not null
                     and cancel_status is null and closed_at is null) as "there!",
                 count(*) filter (where changed_parts is not null
                     and aftercare_ended_at is null and cancel_status is null) as "changed!"
             from veracore_order_sync
             where sync_status = 'success'
                 and (cancel_status is not null or veracore_cancelled_at is not null
                     or changed_parts is not null)"#,
            self.now(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(PostSendCounts {
            being_stopped: to_count(row.requested),
            to_stop_by_hand: to_count(row.by_hand),
            shipped_after_cancel: to_count(row.too_late),
            cancelled_at_veracore: to_count(row.there),
            changed_since_sent: to_count(row.changed),
        })
    }

    /// Records a check of these orders, whatever its outcome.
    pub async fn record_check(&self, orders: &[i64]) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            "update veracore_order_sync set aftercare_at = $2 where id = any($1)",
            orders,
            self.now(),
        );
        self.write("record_check", statement).await.map(drop)
    }

    /// Ends the checks of these orders.
    pub async fn end_post_send(&self, orders: &[i64]) -> Result<(), LedgerError> {
        if orders.is_empty() {
            return Ok(());
        }
        let statement = sqlx::query!(
            "update veracore_order_sync
             set aftercare_ended_at = $2, sent_parts = null
             where id = any($1) and aftercare_ended_at is null",
            orders,
            self.now(),
        );
        self.write("end_post_send", statement).await.map(drop)
    }

    /// Ends the checks of orders that were closed before `before`, whatever their state in Vendure.
    pub async fn end_closed_post_send(&self, before: DateTime<Utc>) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            "update veracore_order_sync
             set aftercare_ended_at = $2, sent_parts = null
             where sync_status = 'success' and aftercare_ended_at is null and closed_at < $1
                 and cancel_status is null",
            before,
            self.now(),
        );
        self.write("end_closed_post_send", statement)
            .await
            .map(drop)
    }

    /// Records the changed parts of an order. Returns whether they differ from the recorded ones.
    pub async fn set_changed_parts(
        &self,
        order: i64,
        changed: &[ChangedPart],
    ) -> Result<bool, LedgerError> {
        let parts = (!changed.is_empty()).then(|| json!(changed));
        let statement = sqlx::query!(
            "update veracore_order_sync set changed_parts = $2, updated_at = $3
             where id = $1 and changed_parts is distinct from $2",
            order,
            parts,
            self.now(),
        );
        Ok(self.write("set_changed_parts", statement).await? > 0)
    }
}
