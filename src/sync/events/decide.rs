//! What follows from a try. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{Class, text::one_line},
    http::{Backoff, CallError},
    ledger::{Delivery, DueEvent, DueNote, Noted},
    vendure::StorefrontError,
};

/// Between tries.
pub(super) const BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(10),
    max: LONGEST,
};

/// The longest pause, also where the other side asks for one.
pub(super) const LONGEST: Duration = Duration::from_secs(3600);

/// For so long it is tried, and at least so often: a daemon that was stopped for days gives nothing
/// up at its first try.
const PATIENCE: TimeDelta = TimeDelta::days(3);
const LEAST_TRIES: u32 = 5;

fn is_given_up(first: DateTime<Utc>, failed: u32, now: DateTime<Utc>) -> bool {
    failed >= LEAST_TRIES && now - first >= PATIENCE
}

fn after(now: DateTime<Utc>, pause: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(pause.min(LONGEST)).unwrap_or(TimeDelta::hours(1))
}

/// After a delivery. Whatever the receiver answered but 2xx, it is asked again: a deployment gone
/// wrong answers 404 or 410, too.
pub(super) fn after_post(
    event: &DueEvent,
    outcome: &Result<(), CallError>,
    now: DateTime<Utc>,
) -> Delivery {
    let error = match outcome {
        Ok(()) => return Delivery::Delivered,
        Err(error) => error,
    };
    let problem = one_line(&error.to_string(), 300);
    if let Some(wait) = error.parked_for() {
        let at = after(now, wait);
        return Delivery::Again {
            at,
            problem,
            counted: false,
        };
    }
    let failed = event.tries.saturating_add(1);
    if is_given_up(event.first_tried_at, failed, now) {
        return Delivery::Dead { problem };
    }
    let own = BACKOFF.delay(failed, &event.id.to_string());
    let at = after(now, own.max(error.retry_after().unwrap_or_default()));
    Delivery::Again {
        at,
        problem,
        counted: true,
    }
}

/// After a note. `quiet`: how long a call whose answer was lost may still be worked on.
pub(super) fn after_note(
    note: &DueNote,
    outcome: &Result<(), StorefrontError>,
    quiet: Duration,
    now: DateTime<Utc>,
) -> Noted {
    let error = match outcome {
        Ok(()) => return Noted::Written,
        Err(error) => error,
    };
    let problem = one_line(&error.to_string(), 300);
    if error.class() == Class::Ambiguous {
        if is_given_up(note.first_tried_at, note.tries.saturating_add(1), now) {
            return Noted::Dropped { problem };
        }
        let at = after(now, quiet.max(pause_of(note)));
        return Noted::Unknown { at, problem };
    }
    not_written(note, error, now)
}

/// After the shop was asked in vain whether a note is there: what was known of it holds.
pub(super) fn after_question(note: &DueNote, error: &StorefrontError, now: DateTime<Utc>) -> Noted {
    let problem = one_line(&error.to_string(), 300);
    if error.parked_for().is_none() && is_given_up(note.first_tried_at, note.tries + 1, now) {
        return Noted::Dropped { problem };
    }
    let pause = error.parked_for().unwrap_or_else(|| pause_of(note));
    let at = after(now, pause);
    Noted::Unknown { at, problem }
}

fn not_written(note: &DueNote, error: &StorefrontError, now: DateTime<Utc>) -> Noted {
    let problem = one_line(&error.to_string(), 300);
    if let Some(wait) = error.parked_for() {
        return Noted::Again {
            at: after(now, wait),
            problem,
            counted: false,
        };
    }
    // Refused for good: the order is gone, as in a shop that was restored from a backup.
    let refused = error.class() == Class::Permanent;
    if refused || is_given_up(note.first_tried_at, note.tries.saturating_add(1), now) {
        return Noted::Dropped { problem };
    }
    Noted::Again {
        at: after(now, pause_of(note)),
        problem,
        counted: true,
    }
}

fn pause_of(note: &DueNote) -> Duration {
    BACKOFF.delay(note.tries.saturating_add(1), &note.event.to_string())
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
