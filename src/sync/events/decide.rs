//! What follows from a try. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{FailureClass, text::one_line},
    http::{Backoff, CallError},
    ledger::{ClaimedEvent, ClaimedNote, DeliveryOutcome, NoteOutcome},
    vendure::StorefrontError,
};

/// Between tries.
pub(super) const BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(10),
    max: MAX_DELAY,
};

/// The longest pause, also where the other side asks for one.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(3600);

/// For so long it is tried, and at least so often: a daemon that was stopped for days gives nothing
/// up at its first try.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(3);
const MIN_ATTEMPTS: u32 = 5;

fn is_exhausted(first: DateTime<Utc>, failed: u32, now: DateTime<Utc>) -> bool {
    failed >= MIN_ATTEMPTS && now - first >= GIVE_UP_AFTER
}

fn time_after(now: DateTime<Utc>, pause: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(pause.min(MAX_DELAY)).unwrap_or(TimeDelta::hours(1))
}

/// After a delivery. Whatever the receiver answered but 2xx, it is asked again: a deployment gone
/// wrong answers 404 or 410, too.
pub(super) fn after_delivery(
    event: &ClaimedEvent,
    outcome: &Result<(), CallError>,
    now: DateTime<Utc>,
) -> DeliveryOutcome {
    let error = match outcome {
        Ok(()) => return DeliveryOutcome::Delivered,
        Err(error) => error,
    };
    let problem = one_line(&error.to_string(), 300);
    if let Some(wait) = error.circuit_open_for() {
        let at = time_after(now, wait);
        return DeliveryOutcome::Retry {
            at,
            problem,
            counted: false,
        };
    }
    let failed = event.tries.saturating_add(1);
    if is_exhausted(event.first_tried_at, failed, now) {
        return DeliveryOutcome::Dead { problem };
    }
    let own = BACKOFF.delay(failed, &event.id.to_string());
    let at = time_after(now, own.max(error.retry_after().unwrap_or_default()));
    DeliveryOutcome::Retry {
        at,
        problem,
        counted: true,
    }
}

/// After a note. `quiet`: how long a call whose answer was lost may still be worked on.
pub(super) fn after_note(
    note: &ClaimedNote,
    outcome: &Result<(), StorefrontError>,
    quiet: Duration,
    now: DateTime<Utc>,
) -> NoteOutcome {
    let error = match outcome {
        Ok(()) => return NoteOutcome::Written,
        Err(error) => error,
    };
    let problem = one_line(&error.to_string(), 300);
    if error.class() == FailureClass::Ambiguous {
        if is_exhausted(note.first_tried_at, note.tries.saturating_add(1), now) {
            return NoteOutcome::Dropped { problem };
        }
        let at = time_after(now, quiet.max(retry_delay(note)));
        return NoteOutcome::InDoubt { at, problem };
    }
    after_note_failure(note, error, now)
}

/// After the shop was asked in vain whether a note is there: what was known of it holds.
pub(super) fn after_note_lookup(
    note: &ClaimedNote,
    error: &StorefrontError,
    now: DateTime<Utc>,
) -> NoteOutcome {
    let problem = one_line(&error.to_string(), 300);
    if error.circuit_open_for().is_none() && is_exhausted(note.first_tried_at, note.tries + 1, now)
    {
        return NoteOutcome::Dropped { problem };
    }
    let pause = error
        .circuit_open_for()
        .unwrap_or_else(|| retry_delay(note));
    let at = time_after(now, pause);
    NoteOutcome::InDoubt { at, problem }
}

fn after_note_failure(
    note: &ClaimedNote,
    error: &StorefrontError,
    now: DateTime<Utc>,
) -> NoteOutcome {
    let problem = one_line(&error.to_string(), 300);
    if let Some(wait) = error.circuit_open_for() {
        return NoteOutcome::Retry {
            at: time_after(now, wait),
            problem,
            counted: false,
        };
    }
    // Refused for good: the order is gone, as in a shop that was restored from a backup.
    let refused = error.class() == FailureClass::Permanent;
    if refused || is_exhausted(note.first_tried_at, note.tries.saturating_add(1), now) {
        return NoteOutcome::Dropped { problem };
    }
    NoteOutcome::Retry {
        at: time_after(now, retry_delay(note)),
        problem,
        counted: true,
    }
}

fn retry_delay(note: &ClaimedNote) -> Duration {
    BACKOFF.delay(note.tries.saturating_add(1), &note.event_id.to_string())
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
