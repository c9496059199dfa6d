//! Plans the next step of a cancellation from VeraCore's response. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    clock::time_delta,
    domain::{CancelStatus, FailureClass},
    fulfillment::{CancelResponse, FoundOrder, ProviderError, ShippedExtent},
    ledger::{CancelStep, Cancellation, MAX_CANCEL_CHECK_DELAY},
};

/// The first delay between lookups of an order that must be cancelled by hand.
const MANUAL_RECHECK_DELAY: TimeDelta = TimeDelta::minutes(30);

/// From a cancel request to the lookup that confirms it.
pub(super) const CONFIRM_DELAY: TimeDelta = TimeDelta::seconds(30);

/// Between the two lookups that must both miss the order before it counts as gone. Measured from the
/// first miss, so that one jump of the clock does not skip it.
const ABSENCE_CONFIRM_DELAY: TimeDelta = TimeDelta::minutes(10);

/// The first delay after a failed lookup.
const FAILED_LOOKUP_DELAY: TimeDelta = TimeDelta::minutes(1);

/// After this long without an answer, the order needs attention.
const ESCALATE_AFTER: TimeDelta = TimeDelta::minutes(30);

/// Cancel requests before the order needs attention.
const MAX_CANCEL_REQUESTS: u32 = 5;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum CancelAction {
    /// Record the state, without a request.
    Record(CancelStep),
    Request,
}

/// `can_cancel`: the API has a call that cancels.
pub(super) fn after_lookup(
    order: &Cancellation,
    found: Option<&FoundOrder>,
    can_cancel: bool,
    now: DateTime<Utc>,
) -> CancelAction {
    let Some(found) = found else {
        // VeraCore accepted the order, so a missing lookup must not prevent the request.
        if can_cancel && order.tries == 0 {
            return CancelAction::Request;
        }
        return after_missing(order, now);
    };
    if found.is_definitely_cancelled() {
        return final_step(CancelStatus::Stopped, "VeraCore has cancelled the order");
    }
    if found.is_cancelled() {
        let next = now + recheck_delay(order, CONFIRM_DELAY, now);
        let message = format!("VeraCore says {}", found.status);
        return CancelAction::Record(step(order.status, message, next));
    }
    // Also after it needed attention: the obstacle may be gone.
    let can_request = can_cancel && order.tries < MAX_CANCEL_REQUESTS;
    match found.shipped_extent() {
        ShippedExtent::Complete => final_step(
            CancelStatus::TooLate,
            "VeraCore has shipped the order: have the parcel stopped or returned",
        ),
        // The rest can still be stopped.
        ShippedExtent::Partial if can_request && order.tries == 0 => CancelAction::Request,
        ShippedExtent::Partial => final_step(
            CancelStatus::TooLate,
            "VeraCore has shipped a part of the order: have that parcel stopped or returned, and have the rest cancelled at VeraCore",
        ),
        ShippedExtent::Nothing if can_request => CancelAction::Request,
        ShippedExtent::Nothing => {
            let why = if can_cancel {
                "VeraCore did not cancel the order after several requests"
            } else {
                "VeraCore accepts no cancellations through this API"
            };
            CancelAction::Record(manual_step(order, why, now))
        }
    }
}

fn after_missing(order: &Cancellation, now: DateTime<Utc>) -> CancelAction {
    let first = order.missing_since.filter(|first| *first <= now);
    match first {
        Some(first) if now - first >= ABSENCE_CONFIRM_DELAY => {
            final_step(CancelStatus::Stopped, "VeraCore no longer has the order")
        }
        _ => {
            let message = "VeraCore does not show the order; checking once more".into();
            CancelAction::Record(CancelStep {
                missing_since: Some(first.unwrap_or(now)),
                ..step(order.status, message, now + ABSENCE_CONFIRM_DELAY)
            })
        }
    }
}

/// Grows with the age of the cancellation.
fn recheck_delay(order: &Cancellation, at_first: TimeDelta, now: DateTime<Utc>) -> TimeDelta {
    ((now - order.found_at) / 20).clamp(at_first, MAX_CANCEL_CHECK_DELAY)
}

fn final_step(status: CancelStatus, message: &str) -> CancelAction {
    CancelAction::Record(step(status, message.to_owned(), None))
}

fn manual_step(order: &Cancellation, why: &str, now: DateTime<Utc>) -> CancelStep {
    let message = format!("{why}: have it cancelled at VeraCore before it ships");
    let next = now + recheck_delay(order, MANUAL_RECHECK_DELAY, now);
    step(CancelStatus::ByHand, message, next)
}

fn step(
    status: CancelStatus,
    message: String,
    next_check_at: impl Into<Option<DateTime<Utc>>>,
) -> CancelStep {
    CancelStep {
        status,
        message,
        next_check_at: next_check_at.into(),
        counted: false,
        missing_since: None,
    }
}

/// Retries a failed lookup; after [`ESCALATE_AFTER`], the order needs attention.
pub(super) fn after_lookup_error(
    order: &Cancellation,
    error: &ProviderError,
    now: DateTime<Utc>,
) -> CancelStep {
    let why = format!(
        "VeraCore could not be asked about the order ({})",
        error.redacted_message()
    );
    // A call that was not made says nothing about VeraCore.
    if now - order.found_at >= ESCALATE_AFTER && error.circuit_open_for().is_none() {
        return CancelStep {
            missing_since: order.missing_since,
            ..manual_step(order, &why, now)
        };
    }
    retry_step(order, why, error, now)
}

/// Retries a failed request. A permanent failure, such as a missing permission, needs attention at
/// once; `orders retry` repeats the request.
pub(super) fn after_request_error(
    order: &Cancellation,
    error: &ProviderError,
    now: DateTime<Utc>,
) -> CancelStep {
    let is_permanent = error.class() == FailureClass::Permanent
        || matches!(error, ProviderError::Forbidden { .. })
        || order.tries + 1 >= MAX_CANCEL_REQUESTS;
    let why = format!(
        "VeraCore could not be asked to cancel the order ({})",
        error.redacted_message()
    );
    if is_permanent && error.circuit_open_for().is_none() {
        let why = format!(
            "{why}. When that is fixed, run `veracore-sync orders retry {}`. Until then",
            order.code
        );
        return CancelStep {
            counted: true,
            ..manual_step(order, &why, now)
        };
    }
    CancelStep {
        counted: error.circuit_open_for().is_none(),
        ..retry_step(order, why, error, now)
    }
}

fn retry_step(
    order: &Cancellation,
    message: String,
    error: &ProviderError,
    now: DateTime<Utc>,
) -> CancelStep {
    let requested = error.circuit_open_for().or_else(|| error.retry_after());
    let own = || recheck_delay(order, FAILED_LOOKUP_DELAY, now);
    let delay = requested.map_or_else(own, time_delta);
    let next = now + delay.clamp(TimeDelta::seconds(1), TimeDelta::hours(1));
    CancelStep {
        missing_since: order.missing_since,
        ..step(order.status, message, next)
    }
}

/// After a request. Only a later lookup confirms the cancellation.
pub(super) fn after_request(
    order: &Cancellation,
    answer: &CancelResponse,
    now: DateTime<Utc>,
) -> CancelStep {
    let message = match answer {
        CancelResponse::Accepted => "VeraCore was asked to cancel the order".to_owned(),
        // Without the message: it may quote the customer.
        CancelResponse::Refused { .. } => "VeraCore refused to cancel the order".to_owned(),
        CancelResponse::Ambiguous { .. } => {
            "VeraCore was asked to cancel the order; its response is unclear".to_owned()
        }
    };
    CancelStep {
        counted: true,
        ..step(order.status, message, now + CONFIRM_DELAY)
    }
}

#[cfg(test)]
mod tests;
