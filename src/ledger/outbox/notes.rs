//! Private notes on Vendure's orders. An intent is recorded before Vendure is called, so that no note
//! is written twice.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    crash,
    domain::{OrderCode, ShopOrderId},
    ledger::{
        db::{
            error::LedgerError,
            lease_time::{MAX_CLOCK_SKEW, is_half_spent, to_time_delta},
            rows::{RowRef, to_count},
        },
        handle::Ledger,
    },
};

#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedNote {
    pub event_id: Uuid,
    pub event_type: String,
    pub data: Value,
    pub order_id: ShopOrderId,
    pub code: OrderCode,
    /// The time of the last call, if its outcome is unknown.
    pub intended_at: Option<DateTime<Utc>>,
    /// Failed attempts so far.
    pub tries: u32,
    pub first_tried_at: DateTime<Utc>,
    token: Uuid,
}

impl ClaimedNote {
    #[cfg(test)]
    pub(crate) fn for_tests(tries: u32, first_tried_at: DateTime<Utc>) -> Self {
        Self {
            event_id: Uuid::nil(),
            event_type: "order.accepted".into(),
            data: Value::Null,
            order_id: ShopOrderId::parse("1").unwrap(),
            code: OrderCode::parse("T_1").unwrap(),
            intended_at: None,
            tries,
            first_tried_at,
            token: Uuid::nil(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteOutcome {
    Written,
    /// Not written; retry at `at`. The attempt counts only if `counted`.
    Retry {
        at: DateTime<Utc>,
        problem: String,
        counted: bool,
    },
    /// It may be written: look for it at `at`.
    InDoubt {
        at: DateTime<Utc>,
        problem: String,
    },
    /// Not written, and not retried.
    Dropped {
        problem: String,
    },
}

impl Ledger {
    /// Turns notes on, for events from now on, or off. Off also drops the due notes, or they would be
    /// written when notes are turned on again.
    pub async fn set_notes_enabled(&self, enabled: bool) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "set_notes_enabled");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        sqlx::query!(
            "update veracore_config set notes_from = case when $1 then coalesce(notes_from, $2) end
             where id = 1",
            enabled,
            now,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "update veracore_order_note
             set note_status = 'dropped', ended_at = $2, problem = 'notes were turned off',
                 lease_token = null, lease_until = null
             where not $1 and note_status in ('due', 'intended')",
            enabled,
            now,
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Leases the longest due note. Notes of one order are written in order.
    pub async fn claim_due_note(
        &self,
        lease: Duration,
        max_delay: Duration,
    ) -> Result<Option<ClaimedNote>, LedgerError> {
        let _write = crash::points_around("ledger", "claim_due_note");
        let now = self.now();
        let until = now + to_time_delta(lease);
        let row = sqlx::query!(
            r#"with due as (
                 select n.event_id
                 from veracore_order_note n join veracore_event e on e.id = n.event_id
                 where n.note_status in ('due', 'intended')
                     and (n.next_try <= $1 or n.next_try > $3)
                     and (n.lease_until is null or n.lease_until <= $1 or n.lease_until > $4)
                     and not exists (
                         select from veracore_order_note q join veracore_event p on p.id = q.event_id
                         where q.note_status in ('due', 'intended')
                             and p.order_sync_id = e.order_sync_id and p.seq < e.seq)
                 order by n.next_try, e.seq
                 limit 1
                 for update of n skip locked
             )
             update veracore_order_note n
             set lease_token = gen_random_uuid(), lease_until = $2,
                 first_tried_at = least(n.first_tried_at, $1)
             from due, veracore_event e, veracore_order_sync o
             where n.event_id = due.event_id and e.id = n.event_id and o.id = e.order_sync_id
             returning n.event_id, e.event_type, e.data, o.id as order_sync_id, o.vendure_order_id,
                 o.vendure_order_code,
                 case when n.note_status = 'intended' then n.intended_at end as intended_at, n.tries,
                 n.first_tried_at as "first_tried_at!", n.lease_token as "token!""#,
            now,
            until,
            now + to_time_delta(max_delay) + MAX_CLOCK_SKEW,
            until + MAX_CLOCK_SKEW,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(ClaimedNote {
            event_id: row.event_id,
            event_type: row.event_type,
            data: row.data,
            code: RowRef::order(row.order_sync_id).order_code(&row.vendure_order_code)?,
            order_id: RowRef::order(row.order_sync_id).shop_order_id(&row.vendure_order_id)?,
            intended_at: row.intended_at,
            tries: to_count(row.tries),
            first_tried_at: row.first_tried_at,
            token: row.token,
        }))
    }

    /// The time of the next attempt. In the past if the note is leased or waits for an earlier one.
    pub async fn next_note_due_at(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(sqlx::query_scalar!(
            "select next_try from veracore_order_note where note_status in ('due', 'intended')
             order by next_try limit 1"
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Records that Vendure is about to be called. `false` if the lease was lost or ends soon: do not
    /// call Vendure.
    pub async fn record_note_intent(
        &self,
        note: &ClaimedNote,
        lease: Duration,
    ) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "record_note_intent");
        let now = self.now();
        let done = sqlx::query!(
            "update veracore_order_note
             set note_status = 'intended', intended_at = $3, lease_until = $4
             where event_id = $1 and lease_token = $2 and lease_until > $3",
            note.event_id,
            note.token,
            now,
            now + to_time_delta(lease),
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1 && !is_half_spent(lease, now, self.now()))
    }

    /// Records the outcome of an attempt. `Written` needs no lease.
    pub async fn record_note_outcome(
        &self,
        note: &ClaimedNote,
        outcome: &NoteOutcome,
    ) -> Result<(), LedgerError> {
        let now = self.now();
        let (status, counted, at, problem) = match outcome {
            NoteOutcome::Written => ("written", false, None, None),
            NoteOutcome::Dropped { problem } => ("dropped", true, None, Some(problem)),
            NoteOutcome::InDoubt { at, problem } => ("intended", true, Some(*at), Some(problem)),
            NoteOutcome::Retry {
                at,
                problem,
                counted,
            } => ("due", *counted, Some(*at), Some(problem)),
        };
        let statement = sqlx::query!(
            "update veracore_order_note
             set note_status = $3, tries = tries + case when $4 then 1 else 0 end,
                 next_try = coalesce($5, next_try), problem = $6,
                 intended_at = case when $3 = 'intended' then coalesce(intended_at, $7)
                     else intended_at end,
                 ended_at = case when $3 in ('written', 'dropped') then $7 end,
                 lease_token = null, lease_until = null
             where event_id = $1 and note_status in ('due', 'intended')
                 and (lease_token = $2 or $3 = 'written')",
            note.event_id,
            note.token,
            status,
            counted,
            at,
            problem,
            now,
        );
        self.write("record_note_outcome", statement).await.map(drop)
    }
}
