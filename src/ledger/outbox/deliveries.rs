//! Delivery of events: due events, leases, outcomes. Events of one subject (an order, an upstream)
//! are delivered in order; subjects do not wait for each other.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    crash,
    ledger::{
        db::{
            error::LedgerError,
            lease_time::{MAX_CLOCK_SKEW, to_time_delta},
            notify::Topic,
            rows::{RowRef, to_count},
        },
        handle::Ledger,
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum EventState {
    Pending,
    /// Not delivered, because no receiver was configured when it happened.
    Kept,
    Delivered,
    /// Not delivered, and not retried.
    Dead,
}

impl EventState {
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedEvent {
    pub id: Uuid,
    #[serde(rename = "type")]
    pub event_type: String,
    pub occurred_at: DateTime<Utc>,
    pub subject: String,
    pub state: EventState,
    pub data: Value,
    pub tries: u32,
    /// Absent unless pending.
    pub next_try: Option<DateTime<Utc>>,
    /// The time at which it was delivered or became dead.
    pub ended_at: Option<DateTime<Utc>>,
    /// The failure of the last attempt.
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedEvent {
    pub id: Uuid,
    pub event_type: String,
    pub occurred_at: DateTime<Utc>,
    pub data: Value,
    /// Failed attempts so far.
    pub tries: u32,
    pub first_tried_at: DateTime<Utc>,
    token: Uuid,
}

impl ClaimedEvent {
    #[cfg(test)]
    pub(crate) fn for_tests(tries: u32, first_tried_at: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::nil(),
            event_type: "order.accepted".into(),
            occurred_at: first_tried_at,
            data: Value::Null,
            tries,
            first_tried_at,
            token: Uuid::nil(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    Delivered,
    /// Retry at `at`; the attempt counts only if `counted`.
    Retry {
        at: DateTime<Utc>,
        problem: String,
        counted: bool,
    },
    /// Failed for good.
    Dead {
        problem: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResendOutcome {
    /// It had ended, and is due now.
    Requeued,
    /// It was waiting for a retry, and is due now.
    Expedited,
    NotFound,
}

/// Rows per statement, to keep each statement short.
const MARK_BATCH: i64 = 2000;

impl Ledger {
    /// Records whether a receiver is configured. Events from before are kept and not delivered, so that
    /// a new receiver is not flooded with old ones. Returns how many were kept.
    pub async fn set_receiver_configured(&self, configured: bool) -> Result<u64, LedgerError> {
        let _write = crash::points_around("ledger", "set_receiver_configured");
        // Events after this one have a receiver, even while older ones are being marked.
        let last =
            sqlx::query_scalar!(r#"select coalesce(max(seq), 0) as "last!" from veracore_event"#)
                .fetch_one(&self.pool)
                .await?;
        let mut kept = 0;
        let mut has_more = configured;
        while has_more {
            let marked = sqlx::query!(
                "update veracore_event set state = 'kept'
                 where id in (select e.id from veracore_event e, veracore_config c
                     where e.state = 'pending' and e.asked_at is null
                         and e.seq > c.events_unheard_after and e.seq <= $2
                     order by e.seq limit $1)",
                MARK_BATCH,
                last,
            )
            .execute(&self.pool)
            .await?;
            kept += marked.rows_affected();
            has_more = marked.rows_affected() > 0;
        }
        sqlx::query!(
            "update veracore_config
             set events_unheard_after =
                 case when not $1 then coalesce(events_unheard_after, $2) end
             where id = 1",
            configured,
            last,
        )
        .execute(&self.pool)
        .await?;
        Ok(kept)
    }

    /// Leases up to `limit` due events without an earlier pending event of the same subject, longest
    /// due first. A time too far ahead was written by a clock that was set back since; it is ignored.
    pub async fn claim_due_events(
        &self,
        limit: u32,
        lease: Duration,
        max_delay: Duration,
    ) -> Result<Vec<ClaimedEvent>, LedgerError> {
        let _write = crash::points_around("ledger", "claim_due_events");
        let now = self.now();
        let until = now + to_time_delta(lease);
        let rows = sqlx::query!(
            r#"with due as (
                 select e.id from veracore_event e
                 where e.state = 'pending' and (e.next_try <= $1 or e.next_try > $4)
                     and (e.lease_until is null or e.lease_until <= $1 or e.lease_until > $5)
                     and not exists (select from veracore_event p
                         where p.subject = e.subject and p.seq < e.seq and p.state = 'pending')
                 order by e.next_try, e.seq
                 limit $3
                 for update of e skip locked
             )
             update veracore_event e
             set lease_token = gen_random_uuid(), lease_until = $2,
                 first_tried_at = least(e.first_tried_at, $1)
             from due where e.id = due.id
             returning e.id, e.event_type, e.occurred_at, e.data, e.tries,
                 e.first_tried_at as "first_tried_at!", e.lease_token as "token!""#,
            now,
            until,
            i64::from(limit),
            now + to_time_delta(max_delay) + MAX_CLOCK_SKEW,
            until + MAX_CLOCK_SKEW,
        )
        .fetch_all(&self.pool)
        .await?;
        let due = rows.into_iter().map(|row| ClaimedEvent {
            id: row.id,
            event_type: row.event_type,
            occurred_at: row.occurred_at,
            data: row.data,
            tries: to_count(row.tries),
            first_tried_at: row.first_tried_at,
            token: row.token,
        });
        Ok(due.collect())
    }

    /// Records the outcome of an attempt. `false` if the lease was lost: nothing was recorded, unless
    /// the event was delivered.
    pub async fn record_delivery_outcome(
        &self,
        event: &ClaimedEvent,
        outcome: &DeliveryOutcome,
    ) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "record_delivery_outcome");
        let now = self.now();
        let (state, counted, at, problem) = match outcome {
            DeliveryOutcome::Delivered => (EventState::Delivered, true, None, None),
            DeliveryOutcome::Dead { problem } => (EventState::Dead, true, None, Some(problem)),
            DeliveryOutcome::Retry {
                at,
                problem,
                counted,
            } => (EventState::Pending, *counted, Some(*at), Some(problem)),
        };
        let done = sqlx::query!(
            "update veracore_event
             set state = $3, tries = tries + case when $4 then 1 else 0 end,
                 next_try = coalesce($5, next_try), problem = $6,
                 ended_at = case when $3 <> 'pending' then $7::timestamptz end,
                 lease_token = null, lease_until = null
             where id = $1 and state = 'pending' and (lease_token = $2 or $3 = 'delivered')",
            event.id,
            event.token,
            state.into_str(),
            counted,
            at,
            problem,
            now,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The time of the next attempt. In the past if the event is leased or waits for an earlier one.
    pub async fn next_event_due_at(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(sqlx::query_scalar!(
            "select next_try from veracore_event where state = 'pending'
             order by next_try, seq limit 1"
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Returns whether a failed event waits for a retry.
    pub async fn has_failing_events(&self) -> Result<bool, LedgerError> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from veracore_event
                 where state = 'pending' and problem is not null) as "failing!""#
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Makes an event due now, whatever its state, and resets its attempts.
    pub async fn resend_event(&self, id: Uuid) -> Result<ResendOutcome, LedgerError> {
        let _write = crash::points_around("ledger", "resend_event");
        let now = self.now();
        let previous = sqlx::query_scalar!(
            "with was as (select id, state from veracore_event where id = $1 for update)
             update veracore_event e
             set state = 'pending', tries = 0, first_tried_at = null, next_try = $2,
                 ended_at = null, problem = null, asked_at = $2
             from was where e.id = was.id
             returning was.state",
            id,
            now,
        )
        .fetch_optional(&self.pool)
        .await?;
        if previous.is_some() {
            self.publish(Topic::Events).await;
        }
        Ok(match previous.as_deref() {
            None => ResendOutcome::NotFound,
            Some("pending") => ResendOutcome::Expedited,
            Some(_) => ResendOutcome::Requeued,
        })
    }

    /// Lists events, newest first. Pending events without a receiver are listed as kept.
    pub async fn events(
        &self,
        state: Option<EventState>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, LedgerError> {
        let rows = sqlx::query!(
            r#"select * from (
                 select e.id, event_type, occurred_at, subject, data, tries, next_try, ended_at,
                     problem, seq,
                     case when e.state = 'pending' and asked_at is null
                             and seq > c.events_unheard_after then 'kept'
                         else e.state end as "state!"
                 from veracore_event e, veracore_config c) shown
             where $1::text is null or "state!" = $1
             order by seq desc limit $2"#,
            state.map(<&str>::from),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let reference = RowRef::new("veracore_event", row.seq);
                let state = reference.parse("state", &row.state, EventState::parse)?;
                Ok(RecordedEvent {
                    id: row.id,
                    event_type: row.event_type,
                    occurred_at: row.occurred_at,
                    subject: row.subject,
                    state,
                    data: row.data,
                    tries: to_count(row.tries),
                    next_try: (state == EventState::Pending).then_some(row.next_try),
                    ended_at: row.ended_at,
                    problem: row.problem,
                })
            })
            .collect()
    }
}
