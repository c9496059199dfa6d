//! What the next step of a cancellation is, from what VeraCore says. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{CancelStatus, Class},
    fulfillment::{CancelAnswer, FoundOrder, ProviderError},
    ledger::{CancelStep, Cancellation, LONGEST_PAUSE},
    sync::reconcile::{Left, left},
};

/// The first pause between two looks at an order that only a person can stop.
const BY_HAND: TimeDelta = TimeDelta::minutes(30);

/// Until VeraCore is looked at after it was told.
pub(super) const CONFIRM: TimeDelta = TimeDelta::seconds(30);

/// Between two looks at which an order must be missing to be gone. Measured on the clock as it runs,
/// so that one jump of it does not make a late answer two.
const MISSING: TimeDelta = TimeDelta::minutes(10);

/// The first pause after VeraCore could not be asked; then as long as it has lasted.
const UNANSWERED: TimeDelta = TimeDelta::minutes(1);

/// So long after it was found cancelled, an order that could neither be stopped nor asked about is for
/// a person.
const PATIENCE: TimeDelta = TimeDelta::minutes(30);

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
        // It had it. That it does not show it is no reason not to tell it.
        if can_cancel && order.tries == 0 {
            return Step::Tell;
        }
        return missing(order, now);
    };
    if found.is_cancelled_for_good() {
        return settled(CancelStatus::Stopped, "VeraCore has cancelled it");
    }
    if found.is_cancelled() {
        return Step::Note(CancelStep {
            status: order.status,
            message: format!("VeraCore says {}", found.status),
            next: Some(now + pause(order, CONFIRM, now)),
            counted: false,
            missing_since: None,
        });
    }
    // Also when a person was told: what kept VeraCore from it may have been put right.
    let can_be_told = can_cancel && order.tries < MOST_TOLD;
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
        Left::Nothing if can_be_told => Step::Tell,
        Left::Nothing if can_cancel => by_hand(
            order,
            "VeraCore does not cancel it, though it was told again and again",
            now,
        ),
        Left::Nothing => by_hand(order, "VeraCore takes no cancellations this way", now),
    }
}

fn missing(order: &Cancellation, now: DateTime<Utc>) -> Step {
    let first = order.missing_since.filter(|first| *first <= now);
    match first {
        Some(first) if now - first >= MISSING => {
            settled(CancelStatus::Stopped, "VeraCore does not have it any more")
        }
        _ => Step::Note(CancelStep {
            status: order.status,
            message: "VeraCore does not show it; it is looked for once more".into(),
            next: Some(now + MISSING),
            counted: false,
            missing_since: Some(first.unwrap_or(now)),
        }),
    }
}

/// The longer it has been going on, the longer.
fn pause(order: &Cancellation, at_first: TimeDelta, now: DateTime<Utc>) -> TimeDelta {
    ((now - order.found_at) / 20).clamp(at_first, LONGEST_PAUSE)
}

fn settled(status: CancelStatus, message: &str) -> Step {
    Step::Note(CancelStep {
        status,
        message: message.to_owned(),
        next: None,
        counted: false,
        missing_since: None,
    })
}

fn by_hand(order: &Cancellation, why: &str, now: DateTime<Utc>) -> Step {
    Step::Note(needs_a_person(order, why, now))
}

fn needs_a_person(order: &Cancellation, why: &str, now: DateTime<Utc>) -> CancelStep {
    CancelStep {
        status: CancelStatus::ByHand,
        message: format!("{why}: have it cancelled at VeraCore by hand, before it ships"),
        next: Some(now + pause(order, BY_HAND, now)),
        counted: false,
        missing_since: None,
    }
}

/// It could not be asked about: as before, and again later; in the end a person must know.
pub(super) fn after_silence(
    order: &Cancellation,
    error: &ProviderError,
    now: DateTime<Utc>,
) -> CancelStep {
    let why = format!(
        "VeraCore could not be asked about it ({})",
        error.without_its_words()
    );
    // Where nobody was called, nothing was learnt.
    if now - order.found_at >= PATIENCE && error.parked_for().is_none() {
        return CancelStep {
            missing_since: order.missing_since,
            ..needs_a_person(order, &why, now)
        };
    }
    later(order, why, error, now)
}

/// It could not be told. What does not pass by itself, such as a permission that lacks, is for a
/// person at once; telling it again is one `orders retry` away.
pub(super) fn after_refusal(
    order: &Cancellation,
    error: &ProviderError,
    now: DateTime<Utc>,
) -> CancelStep {
    let for_good = error.class() == Class::Permanent
        || matches!(error, ProviderError::Forbidden { .. })
        || order.tries + 1 >= MOST_TOLD;
    let why = format!(
        "VeraCore could not be told to cancel it ({})",
        error.without_its_words()
    );
    if for_good && error.parked_for().is_none() {
        let why = format!(
            "{why}. When that is put right, run `veracore-sync orders retry {}`. Until then",
            order.code
        );
        return CancelStep {
            counted: true,
            ..needs_a_person(order, &why, now)
        };
    }
    CancelStep {
        counted: error.parked_for().is_none(),
        ..later(order, why, error, now)
    }
}

fn later(
    order: &Cancellation,
    message: String,
    error: &ProviderError,
    now: DateTime<Utc>,
) -> CancelStep {
    let asked = error.parked_for().or_else(|| error.retry_after());
    let asked = asked.and_then(|pause| TimeDelta::from_std(pause).ok());
    let own = pause(order, UNANSWERED, now);
    CancelStep {
        status: order.status,
        message,
        next: Some(
            now + asked
                .unwrap_or(own)
                .clamp(TimeDelta::seconds(1), TimeDelta::hours(1)),
        ),
        counted: false,
        missing_since: order.missing_since,
    }
}

/// What its answer to that means. That it was done is believed only when a look confirms it.
pub(super) fn after_telling(
    order: &Cancellation,
    answer: &CancelAnswer,
    now: DateTime<Utc>,
) -> CancelStep {
    let message = match answer {
        CancelAnswer::Done => "VeraCore was told to cancel it".to_owned(),
        // Not its words: they may quote the customer.
        CancelAnswer::Refused { .. } => "VeraCore says that it does not cancel it".to_owned(),
        CancelAnswer::Unknown { .. } => {
            "VeraCore was told to cancel it, and did not answer clearly".to_owned()
        }
    };
    CancelStep {
        status: order.status,
        message,
        next: Some(now + CONFIRM),
        counted: true,
        missing_since: None,
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
