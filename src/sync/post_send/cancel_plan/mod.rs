//! What the next step of a cancellation is, from what VeraCore says. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{CancelStatus, FailureClass},
    fulfillment::{CancelResponse, FoundOrder, ProviderError, ShippedExtent},
    ledger::{CancelStep, Cancellation, MAX_CANCEL_CHECK_DELAY},
};

/// The first pause between two looks at an order that only a person can stop.
const MANUAL_RECHECK_DELAY: TimeDelta = TimeDelta::minutes(30);

/// Until VeraCore is looked at after it was told.
pub(super) const CONFIRM_DELAY: TimeDelta = TimeDelta::seconds(30);

/// Between two looks at which an order must be missing to be gone. Measured on the clock as it runs,
/// so that one jump of it does not make a late answer two.
const ABSENCE_CONFIRM_DELAY: TimeDelta = TimeDelta::minutes(10);

/// The first pause after VeraCore could not be asked; then as long as it has lasted.
const FAILED_LOOKUP_DELAY: TimeDelta = TimeDelta::minutes(1);

/// So long after it was found cancelled, an order that could neither be stopped nor asked about is for
/// a person.
const ESCALATE_AFTER: TimeDelta = TimeDelta::minutes(30);

/// Times VeraCore is told before a person is needed.
const MAX_CANCEL_REQUESTS: u32 = 5;

/// What is to be done about an order of which VeraCore said this.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CancelAction {
    /// It is known where it stands.
    Record(CancelStep),
    /// Tell VeraCore to cancel it.
    Request,
}

/// `found`: what VeraCore has under its number; `can_cancel`: whether it takes cancellations.
pub(super) fn after_lookup(
    order: &Cancellation,
    found: Option<&FoundOrder>,
    can_cancel: bool,
    now: DateTime<Utc>,
) -> CancelAction {
    let Some(found) = found else {
        // It had it. That it does not show it is no reason not to tell it.
        if can_cancel && order.tries == 0 {
            return CancelAction::Request;
        }
        return after_missing(order, now);
    };
    if found.is_definitely_cancelled() {
        return final_step(CancelStatus::Stopped, "VeraCore has cancelled it");
    }
    if found.is_cancelled() {
        return CancelAction::Record(CancelStep {
            status: order.status,
            message: format!("VeraCore says {}", found.status),
            next_check_at: Some(now + recheck_delay(order, CONFIRM_DELAY, now)),
            counted: false,
            missing_since: None,
        });
    }
    // Also when a person was told: what kept VeraCore from it may have been put right.
    let can_be_told = can_cancel && order.tries < MAX_CANCEL_REQUESTS;
    match found.shipped_extent() {
        ShippedExtent::Complete => final_step(
            CancelStatus::TooLate,
            "VeraCore has shipped it: have the parcel stopped on its way, or sent back",
        ),
        // What has not left yet can still be stopped.
        ShippedExtent::Partial if can_be_told && order.tries == 0 => CancelAction::Request,
        ShippedExtent::Partial => final_step(
            CancelStatus::TooLate,
            "VeraCore has shipped a part of it: have that stopped on its way or sent back, and see at VeraCore that the rest is cancelled",
        ),
        ShippedExtent::Nothing if can_be_told => CancelAction::Request,
        ShippedExtent::Nothing if can_cancel => record_manual_step(
            order,
            "VeraCore does not cancel it, though it was told again and again",
            now,
        ),
        ShippedExtent::Nothing => {
            record_manual_step(order, "VeraCore takes no cancellations this way", now)
        }
    }
}

fn after_missing(order: &Cancellation, now: DateTime<Utc>) -> CancelAction {
    let first = order.missing_since.filter(|first| *first <= now);
    match first {
        Some(first) if now - first >= ABSENCE_CONFIRM_DELAY => {
            final_step(CancelStatus::Stopped, "VeraCore does not have it any more")
        }
        _ => CancelAction::Record(CancelStep {
            status: order.status,
            message: "VeraCore does not show it; it is looked for once more".into(),
            next_check_at: Some(now + ABSENCE_CONFIRM_DELAY),
            counted: false,
            missing_since: Some(first.unwrap_or(now)),
        }),
    }
}

/// The longer it has been going on, the longer.
fn recheck_delay(order: &Cancellation, at_first: TimeDelta, now: DateTime<Utc>) -> TimeDelta {
    ((now - order.found_at) / 20).clamp(at_first, MAX_CANCEL_CHECK_DELAY)
}

fn final_step(status: CancelStatus, message: &str) -> CancelAction {
    CancelAction::Record(CancelStep {
        status,
        message: message.to_owned(),
        next_check_at: None,
        counted: false,
        missing_since: None,
    })
}

fn record_manual_step(order: &Cancellation, why: &str, now: DateTime<Utc>) -> CancelAction {
    CancelAction::Record(manual_step(order, why, now))
}

fn manual_step(order: &Cancellation, why: &str, now: DateTime<Utc>) -> CancelStep {
    CancelStep {
        status: CancelStatus::ByHand,
        message: format!("{why}: have it cancelled at VeraCore by hand, before it ships"),
        next_check_at: Some(now + recheck_delay(order, MANUAL_RECHECK_DELAY, now)),
        counted: false,
        missing_since: None,
    }
}

/// It could not be asked about: as before, and again later; in the end a person must know.
pub(super) fn after_lookup_error(
    order: &Cancellation,
    error: &ProviderError,
    now: DateTime<Utc>,
) -> CancelStep {
    let why = format!(
        "VeraCore could not be asked about it ({})",
        error.redacted_message()
    );
    // Where nobody was called, nothing was learnt.
    if now - order.found_at >= ESCALATE_AFTER && error.parked_for().is_none() {
        return CancelStep {
            missing_since: order.missing_since,
            ..manual_step(order, &why, now)
        };
    }
    retry_step(order, why, error, now)
}

/// It could not be told. What does not pass by itself, such as a permission that lacks, is for a
/// person at once; telling it again is one `orders retry` away.
pub(super) fn after_request_error(
    order: &Cancellation,
    error: &ProviderError,
    now: DateTime<Utc>,
) -> CancelStep {
    let for_good = error.class() == FailureClass::Permanent
        || matches!(error, ProviderError::Forbidden { .. })
        || order.tries + 1 >= MAX_CANCEL_REQUESTS;
    let why = format!(
        "VeraCore could not be told to cancel it ({})",
        error.redacted_message()
    );
    if for_good && error.parked_for().is_none() {
        let why = format!(
            "{why}. When that is put right, run `veracore-sync orders retry {}`. Until then",
            order.code
        );
        return CancelStep {
            counted: true,
            ..manual_step(order, &why, now)
        };
    }
    CancelStep {
        counted: error.parked_for().is_none(),
        ..retry_step(order, why, error, now)
    }
}

fn retry_step(
    order: &Cancellation,
    message: String,
    error: &ProviderError,
    now: DateTime<Utc>,
) -> CancelStep {
    let asked = error.parked_for().or_else(|| error.retry_after());
    let asked = asked.and_then(|pause| TimeDelta::from_std(pause).ok());
    let own = recheck_delay(order, FAILED_LOOKUP_DELAY, now);
    CancelStep {
        status: order.status,
        message,
        next_check_at: Some(
            now + asked
                .unwrap_or(own)
                .clamp(TimeDelta::seconds(1), TimeDelta::hours(1)),
        ),
        counted: false,
        missing_since: order.missing_since,
    }
}

/// What its answer to that means. That it was done is believed only when a look confirms it.
pub(super) fn after_request(
    order: &Cancellation,
    answer: &CancelResponse,
    now: DateTime<Utc>,
) -> CancelStep {
    let message = match answer {
        CancelResponse::Accepted => "VeraCore was told to cancel it".to_owned(),
        // Not its words: they may quote the customer.
        CancelResponse::Refused { .. } => "VeraCore says that it does not cancel it".to_owned(),
        CancelResponse::Ambiguous { .. } => {
            "VeraCore was told to cancel it, and did not answer clearly".to_owned()
        }
    };
    CancelStep {
        status: order.status,
        message,
        next_check_at: Some(now + CONFIRM_DELAY),
        counted: true,
        missing_since: None,
    }
}

#[cfg(test)]
mod tests;
