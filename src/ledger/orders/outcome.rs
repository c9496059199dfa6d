//! What becomes of an order after it was worked on, and the one statement that records it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    attempts::{AttemptRecord, write_attempt},
    leases::ClaimedOrder,
};
use crate::{
    crash,
    domain::{
        ErrorCategory, ProviderOrderId, SyncStatus,
        text::{mask_card_numbers, one_line},
    },
    ledger::{
        db::{error::LedgerError, notify::Topic, pool::Connection},
        handle::Ledger,
        outbox::events::insert_event,
    },
    telemetry::metrics::{self, OrderOutcome},
};

/// What went wrong, in words for a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureReason {
    pub category: ErrorCategory,
    pub message: String,
}

/// Why an order is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SkipReason {
    /// It was there before this installation was (`ORDER_SYNC_EXISTING=skip`).
    Existing,
    /// It left the trigger states before its turn; coming back revives it.
    LeftTriggerState,
    ShippingMethod,
    SkipSkus,
    #[strum(serialize = "person")]
    Operator,
}

impl SkipReason {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// What becomes of an order after it was worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderDisposition {
    /// VeraCore has it.
    Acknowledged {
        provider_order_id: Option<ProviderOrderId>,
    },
    /// It may be there: ask at `at`. `counted` when this was a send that failed.
    InDoubt {
        at: DateTime<Utc>,
        missing_at: Option<DateTime<Utc>>,
        counted: bool,
        failure: Option<FailureReason>,
    },
    /// Certainly not done; again at `at`.
    Retry {
        at: DateTime<Utc>,
        counted: bool,
        failure: FailureReason,
    },
    /// The doubt could not be settled, since VeraCore could not be asked: ask again at `at`.
    StillInDoubt {
        at: DateTime<Utc>,
        failure: FailureReason,
    },
    /// Not yet: at `at`, without a failure.
    Postponed {
        at: DateTime<Utc>,
    },
    /// Needs a person, who must know that it may be there: the doubt stays.
    FailedInDoubt {
        failure: FailureReason,
    },
    /// Needs a person.
    Failed {
        failure: FailureReason,
    },
    Skipped {
        reason: SkipReason,
        message: String,
    },
    Cancelled {
        message: String,
    },
}

/// What an outcome sets.
struct StatusUpdate<'a> {
    status: SyncStatus,
    next_attempt: Option<DateTime<Utc>>,
    counted: bool,
    parked: bool,
    failure: Option<&'a FailureReason>,
    message: Option<&'a str>,
    skip_reason: Option<SkipReason>,
    keep_sent_at: bool,
    missing_at: Option<DateTime<Utc>>,
    provider_order_id: Option<&'a str>,
}

impl<'a> StatusUpdate<'a> {
    const fn with_status(status: SyncStatus) -> Self {
        Self {
            status,
            next_attempt: None,
            counted: false,
            parked: false,
            failure: None,
            message: None,
            skip_reason: None,
            keep_sent_at: false,
            missing_at: None,
            provider_order_id: None,
        }
    }

    /// A failed try: it counts towards the limit, or only lengthens the pause.
    const fn failed(self, at: DateTime<Utc>, counted: bool, note: &'a FailureReason) -> Self {
        let next_attempt = Some(at);
        Self {
            next_attempt,
            counted,
            parked: !counted,
            failure: Some(note),
            ..self
        }
    }

    const fn keep_in_doubt(self, missing_at: Option<DateTime<Utc>>) -> Self {
        Self {
            keep_sent_at: true,
            missing_at,
            ..self
        }
    }

    fn of(order: &ClaimedOrder, next: &'a OrderDisposition) -> Self {
        match next {
            OrderDisposition::Acknowledged { provider_order_id } => Self {
                provider_order_id: provider_order_id.as_ref().map(ProviderOrderId::as_str),
                ..Self::with_status(SyncStatus::Success)
            },
            OrderDisposition::InDoubt {
                at,
                missing_at,
                counted,
                failure: note,
            } => Self {
                next_attempt: Some(*at),
                counted: *counted,
                failure: note.as_ref(),
                ..Self::with_status(SyncStatus::InDoubt).keep_in_doubt(*missing_at)
            },
            OrderDisposition::StillInDoubt { at, failure: note } => {
                Self::with_status(SyncStatus::InDoubt)
                    .failed(*at, false, note)
                    .keep_in_doubt(order.missing_at)
            }
            OrderDisposition::Retry {
                at,
                counted,
                failure: note,
            } => Self::with_status(SyncStatus::Retrying).failed(*at, *counted, note),
            OrderDisposition::Postponed { at } => {
                let in_doubt = order.sent_at.is_some();
                let to = if in_doubt {
                    SyncStatus::InDoubt
                } else {
                    SyncStatus::Pending
                };
                let change = Self::with_status(to).keep_in_doubt(order.missing_at);
                Self {
                    next_attempt: Some(*at),
                    ..change
                }
            }
            OrderDisposition::FailedInDoubt { failure: note } => Self {
                failure: Some(note),
                ..Self::with_status(SyncStatus::Error).keep_in_doubt(order.missing_at)
            },
            OrderDisposition::Failed { failure: note } => Self {
                failure: Some(note),
                ..Self::with_status(SyncStatus::Error)
            },
            OrderDisposition::Skipped { reason, message } => Self {
                message: Some(message),
                skip_reason: Some(*reason),
                ..Self::with_status(SyncStatus::Skipped)
            },
            OrderDisposition::Cancelled { message } => Self {
                message: Some(message),
                ..Self::with_status(SyncStatus::Cancelled)
            },
        }
    }
}

/// What others are told of an outcome. Messages were made safe by those who wrote them; nothing
/// else of the order leaves the house.
fn event_for(
    order: &ClaimedOrder,
    next: &OrderDisposition,
    known: Option<&str>,
) -> Option<(&'static str, Value)> {
    let mut data = json!({ "order": order.code, "vendureOrderId": order.order_id });
    let event = match next {
        OrderDisposition::Acknowledged { .. } => {
            data["veracoreOrderId"] = known.into();
            "order.accepted"
        }
        OrderDisposition::Failed { failure: note }
        | OrderDisposition::FailedInDoubt { failure: note } => {
            data["category"] = note.category.as_str().into();
            data["message"] = one_line(&mask_card_numbers(&note.message), 500).into();
            data["inDoubt"] = matches!(next, OrderDisposition::FailedInDoubt { .. }).into();
            "order.failed"
        }
        OrderDisposition::Cancelled { .. } => "order.cancelled",
        OrderDisposition::InDoubt { .. }
        | OrderDisposition::Retry { .. }
        | OrderDisposition::StillInDoubt { .. }
        | OrderDisposition::Postponed { .. }
        | OrderDisposition::Skipped { .. } => return None,
    };
    Some((event, data))
}

/// An outcome that was recorded.
struct RecordedDisposition {
    /// When the order was placed, once VeraCore has it.
    acknowledged_placed_at: Option<DateTime<Utc>>,
    /// `None`: put off without a failure, which is no outcome.
    metric: Option<OrderOutcome>,
}

impl RecordedDisposition {
    fn of(next: &OrderDisposition, placed_at: Option<DateTime<Utc>>) -> Self {
        let metric = match next {
            OrderDisposition::Acknowledged { .. } => Some(OrderOutcome::Acknowledged),
            OrderDisposition::InDoubt { .. } => Some(OrderOutcome::InDoubt),
            OrderDisposition::Retry { counted: true, .. } => Some(OrderOutcome::Retrying),
            OrderDisposition::Retry { counted: false, .. }
            | OrderDisposition::StillInDoubt { .. } => Some(OrderOutcome::Parked),
            OrderDisposition::Failed { .. } | OrderDisposition::FailedInDoubt { .. } => {
                Some(OrderOutcome::Failed)
            }
            OrderDisposition::Skipped { .. } => Some(OrderOutcome::Skipped),
            OrderDisposition::Cancelled { .. } => Some(OrderOutcome::Cancelled),
            OrderDisposition::Postponed { .. } => None,
        };
        Self {
            acknowledged_placed_at: placed_at
                .filter(|_| metric == Some(OrderOutcome::Acknowledged)),
            metric,
        }
    }

    /// Counts it, once it is certain.
    fn update_metrics(&self, now: DateTime<Utc>) {
        if let Some(outcome) = self.metric {
            metrics::record_order_outcome(outcome);
        }
        if let Some(placed_at) = self.acknowledged_placed_at {
            metrics::record_order_age(placed_at, now);
        }
    }
}

impl Ledger {
    /// Records what came of the order, with the end of its last attempt, and gives the lease back.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`]: then only the attempt was recorded, in the history.
    pub async fn finish_order(
        &self,
        order: &ClaimedOrder,
        trace: Option<&AttemptRecord>,
        next: &OrderDisposition,
    ) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "finish_order");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let recorded = record_disposition(&mut tx, order, next, now).await?;
        if let Some(trace) = trace {
            // True whoever holds the lease, so it stays in the history.
            write_attempt(&mut tx, order.id, trace, now).await?;
        }
        tx.commit().await?;
        let recorded = recorded.ok_or_else(|| order.lease_lost())?;
        recorded.update_metrics(now);
        Ok(())
    }
}

/// Writes the outcome, and the event that tells of it, if the lease is still held, and in any case
/// that VeraCore has the order. `None`: that changed nothing.
async fn record_disposition(
    connection: &mut Connection,
    order: &ClaimedOrder,
    next: &OrderDisposition,
    now: DateTime<Utc>,
) -> Result<Option<RecordedDisposition>, LedgerError> {
    let change = StatusUpdate::of(order, next);
    let message = change
        .failure
        .map(|note| note.message.as_str())
        .or(change.message);
    // That VeraCore has the order is true whoever holds the lease by now, and the sooner it is
    // known the better: a holder who is about to send finds its lease gone. What was set back by
    // the clock is brought back to now, or a doubt would wait for the future.
    let acknowledged = change.status == SyncStatus::Success;
    // Why it is in doubt stays known while it is.
    let keeps_note = change.keep_sent_at && message.is_none();
    let done = sqlx::query!(
        "update veracore_order_sync
         set sync_status = $3, next_attempt = $4,
             retry_count = retry_count + case when $5 then 1 else 0 end,
             parked_count = case when $6 then parked_count + 1 else 0 end,
             error_category = case when $15 then error_category else $7 end,
             error_message = case when $15 then error_message else $8 end, skip_reason = $9,
             sent_at = case when $10 and sent_at is not null then least(sent_at, $14) end,
             missing_at = case when $11::timestamptz is not null then least($11, $14) end,
             last_successful_sync = case when $12 then $14 else last_successful_sync end,
             veracore_order_id = coalesce($13, veracore_order_id),
             lease_token = null, lease_until = null, updated_at = $14
         where id = $1 and (lease_token = $2 or ($12 and sync_status <> 'success'))
         returning veracore_order_id, placed_at",
        order.id,
        order.token,
        change.status.as_str(),
        change.next_attempt,
        change.counted,
        change.parked,
        change.failure.map(|note| note.category.as_str()),
        message,
        change.skip_reason.map(SkipReason::as_str),
        change.keep_sent_at,
        change.missing_at,
        acknowledged,
        change.provider_order_id,
        now,
        keeps_note,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = done else { return Ok(None) };
    if change.next_attempt.is_some() {
        // When it is due again was not known to who sleeps by now.
        connection.notify_on_commit(Topic::Orders);
    }
    if let Some((event, data)) = event_for(order, next, row.veracore_order_id.as_deref()) {
        insert_event(connection, event, Some(order.id), &data, now).await?;
    }
    Ok(Some(RecordedDisposition::of(next, row.placed_at)))
}
