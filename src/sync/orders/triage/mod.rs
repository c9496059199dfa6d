//! What follows from a failure: another try, a look-up first, or a person. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::OrderSettings;
use crate::{
    domain::{ErrorCategory, FailureClass},
    fulfillment::ProviderError,
    http::{CallError, RequestSent},
    ledger::{AttemptEnd, ClaimedOrder, FailureReason, OrderDisposition},
    vendure::StorefrontError,
};

/// What was being done when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UpstreamCall {
    Send,
    Read,
}

/// Whether a failure counts towards the order's limit. One that would have struck any order (the
/// other end is down, refuses us, or is not what is at this address) does not, so that an outage
/// of a day sends no order to a person.
fn call_error_counts(error: &CallError, doing: UpstreamCall) -> bool {
    match error {
        CallError::Connect { .. }
        | CallError::Timeout {
            sent: RequestSent::No,
            ..
        }
        | CallError::CircuitOpen { .. } => false,
        // An order that VeraCore stumbles over shows as a silence; but so does a slow day, when
        // nothing more was lost than an answer to a question.
        CallError::Timeout { .. } | CallError::ConnectionLost { .. } => doing == UpstreamCall::Send,
        CallError::Malformed { .. } | CallError::TooLarge { .. } => true,
        CallError::Status { status, .. } => {
            !matches!(status, 401 | 403 | 408 | 425 | 429 | 502..=504)
                && !is_wrong_endpoint_status(*status)
        }
    }
}

/// Whether a status speaks of the address rather than of what was sent there.
const fn is_wrong_endpoint_status(status: u16) -> bool {
    matches!(status, 404 | 405 | 407 | 410 | 415)
}

fn provider_error_counts(error: &ProviderError, doing: UpstreamCall) -> bool {
    match error {
        ProviderError::Call(error) => call_error_counts(error, doing),
        // Without a token nothing was said about the order at all.
        ProviderError::NoToken(_)
        | ProviderError::CredentialsRefused { .. }
        | ProviderError::Forbidden { .. } => false,
        ProviderError::DuplicateOrder { .. }
        | ProviderError::WrongOrder { .. }
        | ProviderError::Refused { .. }
        | ProviderError::NotSendable { .. } => true,
    }
}

fn storefront_error_counts(error: &StorefrontError) -> bool {
    match error {
        StorefrontError::Call(error) => call_error_counts(error, UpstreamCall::Read),
        // The shop was upgraded, and speaks another language now.
        StorefrontError::Graphql { code, .. } => code != "GRAPHQL_VALIDATION_FAILED",
        StorefrontError::Rejected { .. }
        | StorefrontError::Ambiguous { .. }
        | StorefrontError::InvalidField { .. } => true,
        StorefrontError::LoginRefused { .. }
        | StorefrontError::Forbidden { .. }
        | StorefrontError::WrongChannel { .. } => false,
    }
}

/// A kind of send that failed for good, though not because of the order.
fn is_wrong_endpoint(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Call(CallError::Status { status, .. }) if is_wrong_endpoint_status(*status))
}

/// A failed send. `widespread`: sends of many orders fail, and none succeeds in between.
pub(super) fn after_send(
    error: &ProviderError,
    message: &str,
    order: &ClaimedOrder,
    settings: &OrderSettings,
    now: DateTime<Utc>,
    widespread: bool,
) -> OrderDisposition {
    let category = error.category();
    let counts = !widespread && provider_error_counts(error, UpstreamCall::Send);
    let note = |text: String| FailureReason {
        category,
        message: text,
    };
    match error.class() {
        // Whatever is at this URL, it is not a place that takes orders: no fault of the order's.
        FailureClass::Permanent if is_wrong_endpoint(error) => retry_or_give_up(
            order,
            settings,
            now,
            None,
            false,
            note(format!(
                "VeraCore takes no orders at this address: {message}. Check VERACORE_API_URL"
            )),
        ),
        FailureClass::Permanent => OrderDisposition::Failed {
            failure: note(format!(
                "VeraCore refused the order: {}. Correct it, then run `veracore-sync orders retry {}`",
                message.trim_end_matches('.'),
                order.code
            )),
        },
        FailureClass::Transient => retry_or_give_up(
            order,
            settings,
            now,
            error.retry_after(),
            counts,
            note(message.into()),
        ),
        FailureClass::Ambiguous => OrderDisposition::InDoubt {
            at: now + effective_delay(settings.quiet_period, error.retry_after(), settings),
            missing_at: None,
            counted: counts,
            failure: Some(note(format!(
                "sent, but the answer was lost: {message}. VeraCore is asked before it is sent again"
            ))),
        },
    }
}

/// What becomes of an order for which an end was not even called: it waits, and nothing is said of
/// it, since nothing was learnt.
pub(super) fn postpone_parked(
    wait: Option<Duration>,
    now: DateTime<Utc>,
) -> Option<OrderDisposition> {
    let wait = TimeDelta::from_std(wait?).unwrap_or(TimeDelta::hours(1));
    Some(OrderDisposition::Postponed { at: now + wait })
}

/// A failed look-up: the order is where it was before.
pub(super) fn after_lookup(
    error: &ProviderError,
    message: &str,
    order: &ClaimedOrder,
    settings: &OrderSettings,
    now: DateTime<Utc>,
) -> OrderDisposition {
    let note = FailureReason {
        category: error.category(),
        message: format!("VeraCore could not be asked about the order: {message}"),
    };
    if let ProviderError::NotSendable { .. } = error {
        return OrderDisposition::Failed { failure: note };
    }
    if order.sent_at.is_some() {
        // Never given up: until it is settled, nobody knows whether it was sent.
        let at = retry_at(order, settings, now, error.retry_after());
        return OrderDisposition::StillInDoubt { at, failure: note };
    }
    retry_or_give_up(
        order,
        settings,
        now,
        error.retry_after(),
        provider_error_counts(error, UpstreamCall::Read),
        note,
    )
}

/// The shop could not give the order.
pub(super) fn after_read(
    error: &StorefrontError,
    message: &str,
    order: &ClaimedOrder,
    settings: &OrderSettings,
    now: DateTime<Utc>,
) -> OrderDisposition {
    let note = FailureReason {
        category: error.category(),
        message: format!("the order could not be read from Vendure: {message}"),
    };
    match error {
        StorefrontError::InvalidField { .. } => OrderDisposition::Failed { failure: note },
        // Reads change nothing, so there is nothing ambiguous about a failed one.
        _ => retry_or_give_up(
            order,
            settings,
            now,
            error.retry_after(),
            storefront_error_counts(error),
            note,
        ),
    }
}

/// How the attempt ends in the history.
pub(super) fn attempt_end(
    class: FailureClass,
    category: ErrorCategory,
    message: &str,
) -> AttemptEnd {
    AttemptEnd {
        outcome: match class {
            FailureClass::Ambiguous => "unknown",
            FailureClass::Permanent => "refused",
            FailureClass::Transient => "failed",
        },
        class: Some(class),
        category: Some(category),
        message: Some(message.to_owned()),
    }
}

/// Whether the order has used up its tries.
pub(super) fn is_exhausted(order: &ClaimedOrder, settings: &OrderSettings) -> bool {
    order.retry_count >= settings.max_attempts
}

pub(super) fn give_up(
    order: &ClaimedOrder,
    tries: u32,
    category: ErrorCategory,
    message: &str,
) -> OrderDisposition {
    OrderDisposition::Failed {
        failure: FailureReason {
            category,
            message: format!(
                "given up after {} tries; the last one: {message}. When the cause is gone, run `veracore-sync orders retry {}`",
                tries, order.code
            ),
        },
    }
}

fn retry_or_give_up(
    order: &ClaimedOrder,
    settings: &OrderSettings,
    now: DateTime<Utc>,
    retry_after: Option<Duration>,
    counted: bool,
    note: FailureReason,
) -> OrderDisposition {
    if counted && order.retry_count + 1 >= settings.max_attempts {
        return give_up(order, order.retry_count + 1, note.category, &note.message);
    }
    OrderDisposition::Retry {
        at: retry_at(order, settings, now, retry_after),
        counted,
        failure: note,
    }
}

fn retry_at(
    order: &ClaimedOrder,
    settings: &OrderSettings,
    now: DateTime<Utc>,
    retry_after: Option<Duration>,
) -> DateTime<Utc> {
    let failures = order
        .retry_count
        .saturating_add(order.parked_count)
        .saturating_add(1);
    let own = settings.backoff.delay(failures, order.order_id.as_str());
    now + effective_delay(own, retry_after, settings)
}

/// Longer than this, or than our own longest delay, nobody is left alone for the asking: a wrong
/// `Retry-After` must not park an order for a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The longer of our own delay and the one that was asked for.
fn effective_delay(own: Duration, asked: Option<Duration>, settings: &OrderSettings) -> TimeDelta {
    let asked = asked
        .unwrap_or_default()
        .min(settings.backoff.max.max(MAX_RETRY_AFTER));
    TimeDelta::from_std(own.max(asked)).unwrap_or(TimeDelta::hours(1))
}

#[cfg(test)]
mod tests;
