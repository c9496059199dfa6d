//! Outcomes of work on an order, and the statement that records them.

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

/// The failure, described for a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureReason {
    pub category: ErrorCategory,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SkipReason {
    /// It is older than this installation (`ORDER_SYNC_EXISTING=skip`).
    Existing,
    /// It left the trigger states before it was sent; if it returns, it is requeued.
    LeftTriggerState,
    ShippingMethod,
    SkipSkus,
    #[strum(serialize = "person")]
    Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderDisposition {
    /// VeraCore accepted it.
    Acknowledged {
        provider_order_id: Option<ProviderOrderId>,
    },
    /// VeraCore may have it: look it up at `at`. `counted` for a failed send.
    InDoubt {
        at: DateTime<Utc>,
        missing_at: Option<DateTime<Utc>>,
        counted: bool,
        failure: Option<FailureReason>,
    },
    /// Not sent; retry at `at`.
    Retry {
        at: DateTime<Utc>,
        counted: bool,
        failure: FailureReason,
    },
    /// VeraCore did not respond to the lookup: look it up again at `at`.
    StillInDoubt {
        at: DateTime<Utc>,
        failure: FailureReason,
    },
    /// Deferred to `at`, without a failure.
    Postponed {
        at: DateTime<Utc>,
    },
    /// Needs attention, and VeraCore may have it.
    FailedInDoubt {
        failure: FailureReason,
    },
    /// Needs attention.
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

/// The column values that an outcome sets, besides the status.
#[derive(Default)]
struct StatusUpdate<'a> {
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
    /// A failed attempt. Counts towards the limit, or only increases the delay.
    fn failed(at: DateTime<Utc>, counted: bool, failure: &'a FailureReason) -> Self {
        Self {
            next_attempt: Some(at),
            counted,
            parked: !counted,
            failure: Some(failure),
            ..Self::default()
        }
    }

    fn keep_in_doubt(self, missing_at: Option<DateTime<Utc>>) -> Self {
        Self {
            keep_sent_at: true,
            missing_at,
            ..self
        }
    }

    fn of(order: &ClaimedOrder, disposition: &'a OrderDisposition) -> (SyncStatus, Self) {
        let mut update = Self::default();
        let status = match disposition {
            OrderDisposition::Acknowledged { provider_order_id } => {
                update.provider_order_id = provider_order_id.as_ref().map(ProviderOrderId::as_str);
                SyncStatus::Success
            }
            OrderDisposition::InDoubt {
                at,
                missing_at,
                counted,
                failure,
            } => {
                update.next_attempt = Some(*at);
                update.counted = *counted;
                update.failure = failure.as_ref();
                update = update.keep_in_doubt(*missing_at);
                SyncStatus::InDoubt
            }
            OrderDisposition::StillInDoubt { at, failure } => {
                update = Self::failed(*at, false, failure).keep_in_doubt(order.missing_at);
                SyncStatus::InDoubt
            }
            OrderDisposition::Retry {
                at,
                counted,
                failure,
            } => {
                update = Self::failed(*at, *counted, failure);
                SyncStatus::Retrying
            }
            OrderDisposition::Postponed { at } => {
                update.next_attempt = Some(*at);
                update = update.keep_in_doubt(order.missing_at);
                match order.sent_at {
                    Some(_) => SyncStatus::InDoubt,
                    None => SyncStatus::Pending,
                }
            }
            OrderDisposition::FailedInDoubt { failure } => {
                update.failure = Some(failure);
                update = update.keep_in_doubt(order.missing_at);
                SyncStatus::Error
            }
            OrderDisposition::Failed { failure } => {
                update.failure = Some(failure);
                SyncStatus::Error
            }
            OrderDisposition::Skipped { reason, message } => {
                update.message = Some(message);
                update.skip_reason = Some(*reason);
                SyncStatus::Skipped
            }
            OrderDisposition::Cancelled { message } => {
                update.message = Some(message);
                SyncStatus::Cancelled
            }
        };
        (status, update)
    }
}

/// The event about an outcome. Contains no personal data: messages are redacted where they are made.
fn event_for(
    order: &ClaimedOrder,
    disposition: &OrderDisposition,
    veracore_order_id: Option<&str>,
) -> Option<(&'static str, Value)> {
    let mut data = json!({ "order": order.code, "vendureOrderId": order.order_id });
    let event = match disposition {
        OrderDisposition::Acknowledged { .. } => {
            data["veracoreOrderId"] = veracore_order_id.into();
            "order.accepted"
        }
        OrderDisposition::Failed { failure } | OrderDisposition::FailedInDoubt { failure } => {
            data["category"] = failure.category.as_str().into();
            data["message"] = one_line(&mask_card_numbers(&failure.message), 500).into();
            data["inDoubt"] = matches!(disposition, OrderDisposition::FailedInDoubt { .. }).into();
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

fn update_metrics(disposition: &OrderDisposition, row: &UpdatedOrder, now: DateTime<Utc>) {
    metrics::record_order_outcome(match disposition {
        OrderDisposition::Acknowledged { .. } => {
            if let Some(placed_at) = row.placed_at {
                metrics::record_order_age(placed_at, now);
            }
            OrderOutcome::Acknowledged
        }
        OrderDisposition::InDoubt { .. } => OrderOutcome::InDoubt,
        OrderDisposition::Retry { counted: true, .. } => OrderOutcome::Retrying,
        OrderDisposition::Retry { counted: false, .. } | OrderDisposition::StillInDoubt { .. } => {
            OrderOutcome::Parked
        }
        OrderDisposition::Failed { .. } | OrderDisposition::FailedInDoubt { .. } => {
            OrderOutcome::Failed
        }
        OrderDisposition::Skipped { .. } => OrderOutcome::Skipped,
        OrderDisposition::Cancelled { .. } => OrderOutcome::Cancelled,
        OrderDisposition::Postponed { .. } => return,
    });
}

impl Ledger {
    /// Records the outcome and the end of the last attempt, and releases the lease.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`]: only the attempt was recorded.
    pub async fn finish_order(
        &self,
        order: &ClaimedOrder,
        attempt: Option<&AttemptRecord>,
        disposition: &OrderDisposition,
    ) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "finish_order");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let recorded = record_disposition(&mut tx, order, disposition, now).await?;
        if let Some(attempt) = attempt {
            // Needs no lease: it happened.
            write_attempt(&mut tx, order.id, attempt, now).await?;
        }
        tx.commit().await?;
        let row = recorded.ok_or_else(|| order.lease_lost())?;
        update_metrics(disposition, &row, now);
        Ok(())
    }
}

struct UpdatedOrder {
    veracore_order_id: Option<String>,
    placed_at: Option<DateTime<Utc>>,
}

/// Writes the outcome and its event; `None` if the lease was lost. An acknowledgement needs no lease.
async fn record_disposition(
    connection: &mut Connection,
    order: &ClaimedOrder,
    disposition: &OrderDisposition,
    now: DateTime<Utc>,
) -> Result<Option<UpdatedOrder>, LedgerError> {
    let (status, update) = StatusUpdate::of(order, disposition);
    let message = update
        .failure
        .map(|failure| failure.message.as_str())
        .or(update.message);
    // Record an acknowledgement without the lease, and take the lease from a worker that is about to
    // send. Limit times in the future, after a clock was set back, to now: the lookup would wait for
    // them.
    let acknowledged = status == SyncStatus::Success;
    // The reason for the doubt stays as long as the doubt does.
    let keeps_failure = update.keep_sent_at && message.is_none();
    let updated = sqlx::query_as!(
        UpdatedOrder,
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
        status.as_str(),
        update.next_attempt,
        update.counted,
        update.parked,
        update.failure.map(|failure| failure.category.as_str()),
        message,
        update.skip_reason.map(<&str>::from),
        update.keep_sent_at,
        update.missing_at,
        acknowledged,
        update.provider_order_id,
        now,
        keeps_failure,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = updated else { return Ok(None) };
    if update.next_attempt.is_some() {
        // A waiting worker does not know of the new time.
        connection.notify_on_commit(Topic::Orders);
    }
    if let Some((event, data)) = event_for(order, disposition, row.veracore_order_id.as_deref()) {
        insert_event(connection, event, Some(order.id), &data, now).await?;
    }
    Ok(Some(row))
}
