//! What the next step of a cancellation is, from what VeraCore says. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::CancelStatus,
    fulfillment::{CancelAnswer, FoundOrder},
    ledger::{CancelStep, Cancellation},
    sync::reconcile::{Left, left},
};

/// Between two looks at an order that only a person can stop: at first, and at last.
const BY_HAND: TimeDelta = TimeDelta::minutes(30);
const BY_HAND_AT_LAST: TimeDelta = TimeDelta::days(1);

/// Until VeraCore is looked at after it was told.
pub(super) const CONFIRM: TimeDelta = TimeDelta::seconds(30);

/// So long after it was accepted, an order that is not to be found is not just late.
const SETTLED: TimeDelta = TimeDelta::minutes(10);

/// Times VeraCore is told before a person is needed.
const MOST_TOLD: u32 = 5;

/// What is to be done about an order of which VeraCore said this.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is known where it stands.
    Note(CancelStep),
    /// Tell VeraCore to cancel it.
    Tell,
}

/// `found`: what VeraCore has under its number; `can_cancel`: whether it takes cancellations.
pub(super) fn after_look(
    order: &Cancellation,
    found: Option<&FoundOrder>,
    can_cancel: bool,
    now: DateTime<Utc>,
) -> Step {
    let Some(found) = found else {
        if order.acknowledged_at.is_some_and(|at| now - at < SETTLED) {
            return Step::Note(CancelStep {
                status: order.status,
                message: "VeraCore does not show it yet".into(),
                next: Some(now + CONFIRM),
                counted: false,
            });
        }
        return settled(CancelStatus::Stopped, "VeraCore does not have it any more");
    };
    if found.is_cancelled() {
        return settled(CancelStatus::Stopped, "VeraCore has cancelled it");
    }
    let can_be_told = can_cancel && order.status == CancelStatus::Requested;
    match left(found) {
        Left::Everything => settled(
            CancelStatus::TooLate,
            "VeraCore has shipped it: have the parcel stopped on its way, or sent back",
        ),
        // What has not left yet can still be stopped.
        Left::Something if can_be_told && order.tries == 0 => Step::Tell,
        Left::Something => settled(
            CancelStatus::TooLate,
            "VeraCore has shipped a part of it: have that stopped on its way or sent back, and see at VeraCore that the rest is cancelled",
        ),
        Left::Nothing if can_be_told && order.tries < MOST_TOLD => Step::Tell,
        Left::Nothing if can_be_told => by_hand(
            order,
            "VeraCore does not cancel it, though it was told again and again",
            now,
        ),
        Left::Nothing if order.status == CancelStatus::ByHand => {
            by_hand(order, "VeraCore still has it", now)
        }
        Left::Nothing => by_hand(order, "VeraCore takes no cancellations this way", now),
    }
}

fn settled(status: CancelStatus, message: &str) -> Step {
    Step::Note(CancelStep {
        status,
        message: message.to_owned(),
        next: None,
        counted: false,
    })
}

fn by_hand(order: &Cancellation, why: &str, now: DateTime<Utc>) -> Step {
    let waited = now - order.found_at;
    Step::Note(CancelStep {
        status: CancelStatus::ByHand,
        message: format!("{why}: have it cancelled at VeraCore by hand, before it ships"),
        next: Some(now + (waited / 20).clamp(BY_HAND, BY_HAND_AT_LAST)),
        counted: false,
    })
}

/// What its answer to that means. That it was done is believed only when a look confirms it.
pub(super) fn after_telling(answer: &CancelAnswer, now: DateTime<Utc>) -> CancelStep {
    let message = match answer {
        CancelAnswer::Done => "VeraCore was told to cancel it".to_owned(),
        CancelAnswer::Refused { message } => format!("VeraCore does not cancel it: {message}"),
        CancelAnswer::Unknown { problem } => {
            format!("VeraCore was told to cancel it, and did not answer clearly: {problem}")
        }
    };
    CancelStep {
        status: CancelStatus::Requested,
        message,
        next: Some(now + CONFIRM),
        counted: true,
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
