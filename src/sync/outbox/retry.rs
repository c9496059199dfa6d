//! Decides after an attempt: done, retry, or give up. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    clock::time_delta,
    domain::{FailureClass, text::one_line},
    http::{Backoff, CallError},
    ledger::{ClaimedEvent, ClaimedNote, DeliveryOutcome, NoteOutcome},
    vendure::StorefrontError,
};

/// Between attempts.
pub(super) const BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(10),
    max: MAX_DELAY,
};

/// The longest delay, also for a `Retry-After`.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(3600);

/// Attempts continue for this long, and at least [`MIN_ATTEMPTS`] times: a daemon that was stopped for
/// days gives nothing up at its first attempt.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(3);
const MIN_ATTEMPTS: u32 = 5;

fn is_exhausted(first: DateTime<Utc>, failed: u32, now: DateTime<Utc>) -> bool {
    failed >= MIN_ATTEMPTS && now - first >= GIVE_UP_AFTER
}

fn time_after(now: DateTime<Utc>, pause: Duration) -> DateTime<Utc> {
    now + time_delta(pause.min(MAX_DELAY))
}

/// After a delivery. Any response but 2xx is retried: a broken deployment responds with 404 or 410,
/// too.
pub(super) fn after_delivery(
    event: &ClaimedEvent,
    outcome: &Result<(), CallError>,
    now: DateTime<Utc>,
) -> DeliveryOutcome {
    let Err(error) = outcome else {
        return DeliveryOutcome::Delivered;
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

/// After a note. `quiet`: how long Vendure may still process a call whose response was lost.
pub(super) fn after_note(
    note: &ClaimedNote,
    outcome: &Result<(), StorefrontError>,
    quiet: Duration,
    now: DateTime<Utc>,
) -> NoteOutcome {
    let Err(error) = outcome else {
        return NoteOutcome::Written;
    };
    let problem = one_line(&error.to_string(), 300);
    let parked = error.circuit_open_for();
    let is_ambiguous = error.class() == FailureClass::Ambiguous;
    // Permanent: the order is gone, as in a shop restored from a backup.
    let is_permanent = error.class() == FailureClass::Permanent;
    if (parked.is_none() || is_ambiguous) && (is_permanent || is_note_exhausted(note, now)) {
        return NoteOutcome::Dropped { problem };
    }
    if is_ambiguous {
        let at = time_after(now, quiet.max(retry_delay(note)));
        return NoteOutcome::InDoubt { at, problem };
    }
    NoteOutcome::Retry {
        at: time_after(now, parked.unwrap_or_else(|| retry_delay(note))),
        problem,
        counted: parked.is_none(),
    }
}

/// After a failed lookup of a note: it stays in doubt.
pub(super) fn after_note_lookup(
    note: &ClaimedNote,
    error: &StorefrontError,
    now: DateTime<Utc>,
) -> NoteOutcome {
    let problem = one_line(&error.to_string(), 300);
    let parked = error.circuit_open_for();
    if parked.is_none() && is_note_exhausted(note, now) {
        return NoteOutcome::Dropped { problem };
    }
    let at = time_after(now, parked.unwrap_or_else(|| retry_delay(note)));
    NoteOutcome::InDoubt { at, problem }
}

fn is_note_exhausted(note: &ClaimedNote, now: DateTime<Utc>) -> bool {
    is_exhausted(note.first_tried_at, note.tries.saturating_add(1), now)
}

fn retry_delay(note: &ClaimedNote) -> Duration {
    BACKOFF.delay(note.tries.saturating_add(1), &note.event_id.to_string())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::http::{CallErrorKind, OpenReason, RequestSent};

    fn start() -> DateTime<Utc> {
        "2026-11-25T10:00:00Z".parse().unwrap()
    }

    fn status(status: u16) -> Result<(), CallError> {
        Err(CallError::new(
            "the receiver of events",
            "deliver_event",
            CallErrorKind::Status {
                status,
                message: String::new(),
                retry_after: None,
            },
        ))
    }

    fn parked(wait: u64) -> CallError {
        CallError::new(
            "it",
            "deliver_event",
            CallErrorKind::CircuitOpen {
                reason: OpenReason::Down,
                retry_in: Duration::from_secs(wait),
                problem: "HTTP 503".into(),
            },
        )
    }

    #[test]
    fn whatever_is_not_2xx_is_tried_again_later_and_later_up_to_an_hour() {
        for code in [301, 400, 401, 404, 410, 429, 500, 503] {
            let mut last = TimeDelta::zero();
            for tries in 0..20 {
                let event = ClaimedEvent::for_tests(tries, start());
                let DeliveryOutcome::Retry {
                    at, counted: true, ..
                } = after_delivery(&event, &status(code), start())
                else {
                    panic!("{code} after {tries} tries");
                };
                let pause = at - start();
                assert!(pause >= TimeDelta::seconds(5) && pause <= TimeDelta::hours(1));
                assert!(pause * 2 >= last, "{last} {pause}");
                last = pause;
            }
            assert!(last >= TimeDelta::minutes(30), "{last}");
        }
    }

    #[test]
    fn it_is_given_up_after_days_of_tries_and_not_at_the_first_after_a_long_stop() {
        let days_on = start() + TimeDelta::days(3);
        let outcome = |tries, now| {
            after_delivery(&ClaimedEvent::for_tests(tries, start()), &status(410), now)
        };
        let is_dead = |delivery| matches!(delivery, DeliveryOutcome::Dead { .. });
        assert!(!is_dead(outcome(0, days_on)));
        assert!(!is_dead(outcome(3, days_on)));
        assert!(is_dead(outcome(4, days_on)));
        assert!(!is_dead(outcome(1000, days_on - TimeDelta::seconds(1))));
        let event = ClaimedEvent::for_tests(1000, start());
        assert_eq!(
            after_delivery(&event, &Ok(()), days_on),
            DeliveryOutcome::Delivered
        );
    }

    #[test]
    fn a_try_that_was_not_made_does_not_count() {
        let event = ClaimedEvent::for_tests(100, start());
        let now = start() + TimeDelta::days(30);
        let DeliveryOutcome::Retry { at, counted, .. } =
            after_delivery(&event, &Err(parked(7)), now)
        else {
            panic!("it is not given up");
        };
        assert_eq!((at - now, counted), (TimeDelta::seconds(7), false));
    }

    #[test]
    fn a_note_is_repeated_only_when_it_certainly_was_not_written() {
        let quiet = Duration::from_secs(60);
        let note = ClaimedNote::for_tests(0, start());
        let after = |error: StorefrontError| after_note(&note, &Err(error), quiet, start());
        let lost = CallError::new(
            "Vendure",
            "add_note",
            CallErrorKind::Timeout {
                limit: Duration::from_secs(30),
                sent: RequestSent::Maybe,
            },
        );
        let NoteOutcome::InDoubt { at, .. } = after(lost.into()) else {
            panic!("it may be there");
        };
        assert!(at >= start() + TimeDelta::seconds(60));
        let unclear = StorefrontError::Ambiguous {
            operation: "add_note",
            code: "UNKNOWN".into(),
            message: String::new(),
        };
        assert!(matches!(after(unclear), NoteOutcome::InDoubt { .. }));
        assert!(matches!(
            after(parked(5).into()),
            NoteOutcome::Retry { counted: false, .. }
        ));
        let forbidden = StorefrontError::Forbidden {
            operation: "add_note",
        };
        assert!(matches!(
            after(forbidden),
            NoteOutcome::Retry { counted: true, .. }
        ));
        let gone = StorefrontError::Graphql {
            operation: "add_note",
            code: "ENTITY_NOT_FOUND".into(),
            message: String::new(),
        };
        assert!(matches!(after(gone), NoteOutcome::Dropped { .. }));
    }

    #[test]
    fn a_note_that_stays_unclear_is_given_up_after_days() {
        let unclear = || {
            Err(StorefrontError::Ambiguous {
                operation: "add_note",
                code: "UNKNOWN".into(),
                message: String::new(),
            })
        };
        let after = |tries, days| {
            let note = ClaimedNote::for_tests(tries, start());
            let now = start() + TimeDelta::days(days);
            after_note(&note, &unclear(), Duration::from_secs(60), now)
        };
        assert!(matches!(after(50, 2), NoteOutcome::InDoubt { .. }));
        assert!(matches!(after(1, 3), NoteOutcome::InDoubt { .. }));
        assert!(matches!(after(50, 3), NoteOutcome::Dropped { .. }));
    }
}
