//! The attempts on an order, with their outcomes.

use chrono::{DateTime, Utc};

use crate::{
    domain::{ErrorCategory, FailureClass},
    ledger::{
        db::{error::LedgerError, pool::Connection},
        handle::Ledger,
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptId(pub(crate) i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum AttemptKind {
    /// The full order was read from Vendure.
    Read,
    /// The order was looked up at VeraCore.
    #[strum(serialize = "look_up")]
    Lookup,
    /// The order was sent to VeraCore.
    Send,
    /// An operator requested a retry.
    Retry,
    /// An operator confirmed that the order VeraCore has is this one.
    Adopt,
    /// An operator skipped the order.
    Skip,
    /// An operator requested an order from before the first start.
    Backfill,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    /// `accepted`, `refused`, `unknown`, `found`, `missing`, `failed`, `done`…
    pub outcome: &'static str,
    pub class: Option<FailureClass>,
    pub category: Option<ErrorCategory>,
    pub message: Option<String>,
}

impl AttemptEnd {
    pub const fn without_error(outcome: &'static str) -> Self {
        Self {
            outcome,
            class: None,
            category: None,
            message: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptRecord {
    /// The end of an attempt whose start was recorded before a write.
    End(AttemptId, AttemptEnd),
    /// A whole attempt, which only read.
    Complete {
        kind: AttemptKind,
        started_at: DateTime<Utc>,
        end: AttemptEnd,
    },
}

/// A recorded attempt, as `orders show` prints it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub kind: String,
    pub started_at: DateTime<Utc>,
    /// Absent while it runs, or when the process died.
    pub ended_at: Option<DateTime<Utc>>,
    pub outcome: Option<String>,
    pub class: Option<String>,
    pub category: Option<String>,
    pub message: Option<String>,
}

pub(crate) async fn write_attempt(
    connection: &mut Connection,
    order: i64,
    attempt: &AttemptRecord,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let statement = match attempt {
        AttemptRecord::End(attempt, end) => sqlx::query!(
            "update veracore_order_attempt
         set ended_at = $2, outcome = $3, class = $4, category = $5, message = $6
         where id = $1 and ended_at is null",
            attempt.0,
            now,
            end.outcome,
            end.class.map(FailureClass::as_str),
            end.category.map(ErrorCategory::as_str),
            end.message,
        ),
        AttemptRecord::Complete {
            kind,
            started_at,
            end,
        } => sqlx::query!(
            "insert into veracore_order_attempt
                     (order_sync_id, kind, started_at, ended_at, outcome, class, category, message)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)",
            order,
            kind.into_str(),
            started_at,
            now,
            end.outcome,
            end.class.map(FailureClass::as_str),
            end.category.map(ErrorCategory::as_str),
            end.message,
        ),
    };
    statement.execute(connection).await?;
    Ok(())
}

impl Ledger {
    /// Lists the attempts on an order, oldest first.
    pub async fn attempts(&self, order: i64) -> Result<Vec<Attempt>, LedgerError> {
        Ok(sqlx::query_as!(
            Attempt,
            "select kind, started_at, ended_at, outcome, class, category, message
             from veracore_order_attempt where order_sync_id = $1 order by id",
            order,
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
