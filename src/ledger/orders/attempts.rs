//! The attempts: what was tried on an order, when, and what came of it.

use chrono::{DateTime, Utc};

use crate::{
    domain::{ErrorCategory, FailureClass},
    ledger::{
        db::{error::LedgerError, pool::Connection},
        handle::Ledger,
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptId(pub(in crate::ledger) i64);

/// What was tried, or what a person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum AttemptKind {
    /// The whole order was read from the shop.
    Read,
    /// VeraCore was asked whether it has the order.
    #[strum(serialize = "look_up")]
    Lookup,
    /// The order was sent to VeraCore.
    Send,
    /// A person wanted another try.
    Retry,
    /// A person said that the order VeraCore has is this one.
    Adopt,
    /// A person took the order out.
    Skip,
    /// A person wanted an order from before the first start to be sent.
    Backfill,
}

impl AttemptKind {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    /// `accepted`, `refused`, `unknown`, `found`, `missing`, `failed`, `done`…
    pub outcome: &'static str,
    /// For a failure: what it allows.
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

/// A piece of an order's history that is about to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptRecord {
    /// The end of an attempt whose start was written down before, since it changed something.
    End(AttemptId, AttemptEnd),
    /// A whole attempt that only read.
    Complete {
        kind: AttemptKind,
        started_at: DateTime<Utc>,
        end: AttemptEnd,
    },
}

/// An attempt, as `orders show` tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub kind: String,
    pub started_at: DateTime<Utc>,
    /// Absent while it goes on, or when the process died before the outcome was known.
    pub ended_at: Option<DateTime<Utc>>,
    pub outcome: Option<String>,
    pub class: Option<String>,
    pub category: Option<String>,
    pub message: Option<String>,
}

async fn end_attempt(
    connection: &mut Connection,
    attempt: AttemptId,
    end: &AttemptEnd,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    sqlx::query!(
        "update veracore_order_attempt
         set ended_at = $2, outcome = $3, class = $4, category = $5, message = $6
         where id = $1 and ended_at is null",
        attempt.0,
        now,
        end.outcome,
        end.class.map(FailureClass::as_str),
        end.category.map(ErrorCategory::as_str),
        end.message,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(in crate::ledger) async fn write_attempt(
    connection: &mut Connection,
    order: i64,
    trace: &AttemptRecord,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    match trace {
        AttemptRecord::End(attempt, end) => end_attempt(connection, *attempt, end, now).await,
        AttemptRecord::Complete {
            kind,
            started_at,
            end,
        } => {
            sqlx::query!(
                "insert into veracore_order_attempt
                     (order_sync_id, kind, started_at, ended_at, outcome, class, category, message)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)",
                order,
                kind.as_str(),
                started_at,
                now,
                end.outcome,
                end.class.map(FailureClass::as_str),
                end.category.map(ErrorCategory::as_str),
                end.message,
            )
            .execute(connection)
            .await?;
            Ok(())
        }
    }
}

impl Ledger {
    /// All attempts on an order, oldest first.
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
