//! Operator actions on an order: retry, adopt, skip.

use super::{attempts::AttemptKind, outcome::SkipReason};
use crate::{
    crash,
    domain::{CancelStatus, OrderCode, SyncStatus},
    ledger::{
        db::{error::LedgerError, pool::Connection},
        handle::Ledger,
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryMode {
    Again,
    /// VeraCore's order with this number is this one, says an operator who checked.
    Adopt,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorOutcome {
    Done,
    /// Done, but VeraCore may have the order: it was sent, and the response was lost.
    DoneInDoubt,
    NotFound,
    /// VeraCore has it: a retry would create a second order.
    AlreadySent {
        veracore_order_id: Option<String>,
    },
    /// It was cancelled in Vendure and stopped at VeraCore.
    Stopped,
    /// A worker has it leased.
    Busy,
}

impl OperatorOutcome {
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::DoneInDoubt)
    }
}

impl Ledger {
    /// Makes an order due now and resets its retry count. An order in doubt stays in doubt, and is
    /// looked up before it is sent.
    pub async fn retry_order(
        &self,
        code: &OrderCode,
        mode: RetryMode,
    ) -> Result<OperatorOutcome, LedgerError> {
        let _write = crash::points_around("ledger", "retry_order");
        let kind = match mode {
            RetryMode::Again => AttemptKind::Retry,
            RetryMode::Adopt => AttemptKind::Adopt,
        };
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let changed = sqlx::query_scalar!(
            "update veracore_order_sync
             set sync_status = case when sent_at is null then 'pending' else 'in_doubt' end,
                 next_attempt = $2, retry_count = 0, parked_count = 0, error_category = null,
                 error_message = null, skip_reason = null, lease_token = null, lease_until = null,
                 sync_metadata = sync_metadata || jsonb_build_object('adopt', $3::boolean),
                 updated_at = $2
             where vendure_order_code = $1 and sync_status <> 'success'
                 and cancel_status is distinct from 'stopped'
                 and (lease_until is null or lease_until <= $2)
             returning id",
            code.as_str(),
            now,
            mode == RetryMode::Adopt,
        )
        .fetch_all(&mut *tx)
        .await?;
        // Cancelled in Vendure, but VeraCore still has it: request the cancellation again.
        let cancelled = sqlx::query_scalar!(
            "update veracore_order_sync
             set cancel_status = 'requested', cancel_tries = 0, cancel_found_at = $2,
                 cancel_next = $2, updated_at = $2
             where vendure_order_code = $1 and sync_status = 'success'
                 and cancel_status = 'by_hand'
             returning id",
            code.as_str(),
            now,
        )
        .fetch_all(&mut *tx)
        .await?;
        let changed = [changed, cancelled].concat();
        self.insert_operator_attempts(&mut tx, &changed, kind)
            .await?;
        tx.commit().await?;
        self.operator_outcome(code, !changed.is_empty()).await
    }

    /// Skips an order: it is not sent, or not sent again.
    pub async fn skip_order(&self, code: &OrderCode) -> Result<OperatorOutcome, LedgerError> {
        let _write = crash::points_around("ledger", "skip_order");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let rows = sqlx::query!(
            r#"update veracore_order_sync
             set sync_status = 'skipped', skip_reason = $3, next_attempt = null,
                 error_category = null, error_message = 'skipped manually',
                 lease_token = null, lease_until = null, updated_at = $2
             where vendure_order_code = $1 and sync_status <> 'success'
                 and cancel_status is distinct from 'stopped'
                 and (lease_until is null or lease_until <= $2)
             returning id, sent_at is not null as "in_doubt!""#,
            code.as_str(),
            now,
            SkipReason::Operator.into_str(),
        )
        .fetch_all(&mut *tx)
        .await?;
        let changed: Vec<i64> = rows.iter().map(|row| row.id).collect();
        self.insert_operator_attempts(&mut tx, &changed, AttemptKind::Skip)
            .await?;
        tx.commit().await?;
        if rows.iter().any(|row| row.in_doubt) {
            return Ok(OperatorOutcome::DoneInDoubt);
        }
        self.operator_outcome(code, !changed.is_empty()).await
    }

    async fn insert_operator_attempts(
        &self,
        connection: &mut Connection,
        orders: &[i64],
        kind: AttemptKind,
    ) -> Result<(), LedgerError> {
        sqlx::query!(
            "insert into veracore_order_attempt (order_sync_id, kind, started_at, ended_at, outcome)
             select id, $2, $3, $3, 'done' from unnest($1::bigint[]) o(id)",
            orders,
            kind.into_str(),
            self.now(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn operator_outcome(
        &self,
        code: &OrderCode,
        changed: bool,
    ) -> Result<OperatorOutcome, LedgerError> {
        if changed {
            return Ok(OperatorOutcome::Done);
        }
        let order = self.order(code).await?;
        Ok(match order {
            None => OperatorOutcome::NotFound,
            Some(order) if order.sync_status == SyncStatus::Success => {
                OperatorOutcome::AlreadySent {
                    veracore_order_id: order.veracore_order_id,
                }
            }
            Some(order) if order.post_send.cancel_status == Some(CancelStatus::Stopped) => {
                OperatorOutcome::Stopped
            }
            Some(_) => OperatorOutcome::Busy,
        })
    }
}
