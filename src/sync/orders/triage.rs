//! What follows from a failure: another try, a look-up first, or a person. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::OrderSettings;
use crate::{
    domain::{Class, ErrorCategory},
    fulfillment::ProviderError,
    http::{CallError, Sent},
    ledger::{AttemptEnd, Claimed, Next, Note},
    vendure::StorefrontError,
};

/// What was being done when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Sending,
    Asking,
}

/// Whether a failure counts towards the order's limit. One that would have struck any order (the
/// other end is down, refuses us, or is not what is at this address) does not, so that an outage
/// of a day sends no order to a person.
fn call_counts(error: &CallError, doing: Doing) -> bool {
    match error {
        CallError::Connect { .. }
        | CallError::Timeout { sent: Sent::No, .. }
        | CallError::Parked { .. } => false,
        // An order that VeraCore stumbles over shows as a silence; but so does a slow day, when
        // nothing more was lost than an answer to a question.
        CallError::Timeout { .. } | CallError::Broken { .. } => doing == Doing::Sending,
        CallError::Malformed { .. } | CallError::TooLarge { .. } => true,
        CallError::Status { status, .. } => {
            !matches!(status, 401 | 403 | 408 | 425 | 429 | 502..=504) && !is_no_such_place(*status)
        }
    }
}

/// Whether a status speaks of the address rather than of what was sent there.
const fn is_no_such_place(status: u16) -> bool {
    matches!(status, 404 | 405 | 407 | 410 | 415)
}

fn provider_counts(error: &ProviderError, doing: Doing) -> bool {
    match error {
        ProviderError::Call(error) => call_counts(error, doing),
        // Without a token nothing was said about the order at all.
        ProviderError::NoToken(_)
        | ProviderError::Credentials { .. }
        | ProviderError::Forbidden { .. } => false,
        ProviderError::Duplicate { .. }
        | ProviderError::WrongOrder { .. }
        | ProviderError::Refused { .. }
        | ProviderError::Unsendable { .. } => true,
    }
}

fn storefront_counts(error: &StorefrontError) -> bool {
    match error {
        StorefrontError::Call(error) => call_counts(error, Doing::Asking),
        // The shop was upgraded, and speaks another language now.
        StorefrontError::Graphql { code, .. } => code != "GRAPHQL_VALIDATION_FAILED",
        StorefrontError::Refused { .. }
        | StorefrontError::Unclear { .. }
        | StorefrontError::Field { .. } => true,
        StorefrontError::Credentials { .. }
        | StorefrontError::Forbidden { .. }
        | StorefrontError::WrongChannel { .. } => false,
    }
}

/// A kind of send that failed for good, though not because of the order.
fn no_such_place(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Call(CallError::Status { status, .. }) if is_no_such_place(*status))
}

/// A failed send. `widespread`: sends of many orders fail, and none succeeds in between.
pub(super) fn after_send(
    error: &ProviderError,
    message: &str,
    order: &Claimed,
    settings: &OrderSettings,
    now: DateTime<Utc>,
    widespread: bool,
) -> Next {
    let category = error.category();
    let counts = !widespread && provider_counts(error, Doing::Sending);
    let note = |text: String| Note {
        category,
        message: text,
    };
    match error.class() {
        // Whatever is at this URL, it is not a place that takes orders: no fault of the order's.
        Class::Permanent if no_such_place(error) => later(
            order,
            settings,
            now,
            None,
            false,
            note(format!(
                "VeraCore takes no orders at this address: {message}. Check VERACORE_API_URL"
            )),
        ),
        Class::Permanent => Next::Failed {
            note: note(format!(
                "VeraCore refused the order: {}. Correct it, then run `veracore-sync orders retry {}`",
                message.trim_end_matches('.'),
                order.code
            )),
        },
        Class::Transient => later(
            order,
            settings,
            now,
            error.retry_after(),
            counts,
            note(message.into()),
        ),
        Class::Ambiguous => Next::InDoubt {
            at: now + wait(settings.quiet, error.retry_after(), settings),
            missing_at: None,
            counted: counts,
            note: Some(note(format!(
                "sent, but the answer was lost: {message}. VeraCore is asked before it is sent again"
            ))),
        },
    }
}

/// What becomes of an order for which an end was not even called: it waits, and nothing is said of
/// it, since nothing was learnt.
pub(super) fn parked(wait: Option<Duration>, now: DateTime<Utc>) -> Option<Next> {
    let wait = TimeDelta::from_std(wait?).unwrap_or(TimeDelta::hours(1));
    Some(Next::Later { at: now + wait })
}

/// A failed look-up: the order is where it was before.
pub(super) fn after_look_up(
    error: &ProviderError,
    message: &str,
    order: &Claimed,
    settings: &OrderSettings,
    now: DateTime<Utc>,
) -> Next {
    let note = Note {
        category: error.category(),
        message: format!("VeraCore could not be asked about the order: {message}"),
    };
    if let ProviderError::Unsendable { .. } = error {
        return Next::Failed { note };
    }
    if order.sent_at.is_some() {
        // Never given up: until it is settled, nobody knows whether it was sent.
        let at = retry_at(order, settings, now, error.retry_after());
        return Next::StillInDoubt { at, note };
    }
    later(
        order,
        settings,
        now,
        error.retry_after(),
        provider_counts(error, Doing::Asking),
        note,
    )
}

/// The shop could not give the order.
pub(super) fn after_read(
    error: &StorefrontError,
    message: &str,
    order: &Claimed,
    settings: &OrderSettings,
    now: DateTime<Utc>,
) -> Next {
    let note = Note {
        category: error.category(),
        message: format!("the order could not be read from Vendure: {message}"),
    };
    match error {
        StorefrontError::Field { .. } => Next::Failed { note },
        // Reads change nothing, so there is nothing ambiguous about a failed one.
        _ => later(
            order,
            settings,
            now,
            error.retry_after(),
            storefront_counts(error),
            note,
        ),
    }
}

/// How the attempt ends in the history.
pub(super) fn end(class: Class, category: ErrorCategory, message: &str) -> AttemptEnd {
    AttemptEnd {
        outcome: match class {
            Class::Ambiguous => "unknown",
            Class::Permanent => "refused",
            Class::Transient => "failed",
        },
        class: Some(class),
        category: Some(category),
        message: Some(message.to_owned()),
    }
}

/// Whether the order has used up its tries.
pub(super) fn exhausted(order: &Claimed, settings: &OrderSettings) -> bool {
    order.retry_count >= settings.max_attempts
}

pub(super) fn given_up(
    order: &Claimed,
    tries: u32,
    category: ErrorCategory,
    message: &str,
) -> Next {
    Next::Failed {
        note: Note {
            category,
            message: format!(
                "given up after {} tries; the last one: {message}. When the cause is gone, run `veracore-sync orders retry {}`",
                tries, order.code
            ),
        },
    }
}

fn later(
    order: &Claimed,
    settings: &OrderSettings,
    now: DateTime<Utc>,
    retry_after: Option<Duration>,
    counted: bool,
    note: Note,
) -> Next {
    if counted && order.retry_count + 1 >= settings.max_attempts {
        return given_up(order, order.retry_count + 1, note.category, &note.message);
    }
    Next::Retry {
        at: retry_at(order, settings, now, retry_after),
        counted,
        note,
    }
}

fn retry_at(
    order: &Claimed,
    settings: &OrderSettings,
    now: DateTime<Utc>,
    retry_after: Option<Duration>,
) -> DateTime<Utc> {
    let failures = order
        .retry_count
        .saturating_add(order.parked_count)
        .saturating_add(1);
    let own = settings.backoff.delay(failures, order.order_id.as_str());
    now + wait(own, retry_after, settings)
}

/// Longer than this, or than our own longest delay, nobody is left alone for the asking: a wrong
/// `Retry-After` must not park an order for a day.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// The longer of our own delay and the one that was asked for.
fn wait(own: Duration, asked: Option<Duration>, settings: &OrderSettings) -> TimeDelta {
    let asked = asked
        .unwrap_or_default()
        .min(settings.backoff.max.max(LONGEST_ASKED));
    TimeDelta::from_std(own.max(asked)).unwrap_or(TimeDelta::hours(1))
}

#[cfg(test)]
#[path = "triage_tests.rs"]
mod tests;
