//! Decides after a failure: retry, look up first, or ask for attention. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::OrderSettings;
use crate::{
    domain::{ErrorCategory, FailureClass},
    fulfillment::ProviderError,
    http::{CallError, CallErrorKind, RequestSent},
    ledger::{AttemptEnd, ClaimedOrder, FailureReason, OrderDisposition},
    vendure::StorefrontError,
};

/// The kind of call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UpstreamCall {
    Send,
    Read,
}

/// The failure counts towards the order's limit. One that would hit any order (an unavailable
/// upstream, refused credentials, a wrong URL) does not: after a day's outage, no order needs
/// attention.
fn call_error_counts(error: &CallError, call: UpstreamCall) -> bool {
    match &error.kind {
        CallErrorKind::Connect { .. }
        | CallErrorKind::Timeout {
            sent: RequestSent::No,
            ..
        }
        | CallErrorKind::CircuitOpen { .. } => false,
        // An order may make VeraCore hang on the send. A lookup that times out says nothing about it.
        CallErrorKind::Timeout { .. } | CallErrorKind::ConnectionLost { .. } => {
            call == UpstreamCall::Send
        }
        CallErrorKind::Malformed { .. } | CallErrorKind::TooLarge { .. } => true,
        CallErrorKind::Status { status, .. } => {
            !matches!(status, 401 | 403 | 408 | 425 | 429 | 502..=504)
                && !is_wrong_endpoint_status(*status)
        }
    }
}

/// The status concerns the URL, not the request.
const fn is_wrong_endpoint_status(status: u16) -> bool {
    matches!(status, 404 | 405 | 407 | 410 | 415)
}

fn provider_error_counts(error: &ProviderError, call: UpstreamCall) -> bool {
    match error {
        ProviderError::Call(error) => call_error_counts(error, call),
        // Without a token, the order was not even sent.
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
        // Vendure was upgraded to another schema.
        StorefrontError::Graphql { code, .. } => code != "GRAPHQL_VALIDATION_FAILED",
        StorefrontError::Rejected { .. }
        | StorefrontError::Ambiguous { .. }
        | StorefrontError::InvalidField { .. } => true,
        StorefrontError::LoginRefused { .. }
        | StorefrontError::Forbidden { .. }
        | StorefrontError::WrongChannel { .. } => false,
    }
}

/// A permanent failure that is not the order's fault.
fn is_wrong_endpoint(error: &ProviderError) -> bool {
    matches!(error.call_kind(), Some(CallErrorKind::Status { status, .. }) if is_wrong_endpoint_status(*status))
}

/// After a failed send. `widespread`: sends of several orders fail, and none succeeds in between.
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
        FailureClass::Permanent if is_wrong_endpoint(error) => retry_or_give_up(
            order,
            settings,
            now,
            None,
            false,
            note(format!(
                "VeraCore accepts no orders at this URL: {message}. Check VERACORE_API_URL"
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
                "sent, but the response was lost: {message}. VeraCore is asked before it is sent again"
            ))),
        },
    }
}

/// Postpones an order because the circuit is open: no call was made, so nothing is recorded.
pub(super) fn postpone_parked(
    wait: Option<Duration>,
    now: DateTime<Utc>,
) -> Option<OrderDisposition> {
    let wait = TimeDelta::from_std(wait?).unwrap_or(TimeDelta::hours(1));
    Some(OrderDisposition::Postponed { at: now + wait })
}

/// After a failed lookup: the order stays as it was.
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
        // Retried without limit: only a lookup can tell whether VeraCore has it.
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

/// After a failed read from Vendure.
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
        // A failed read is never ambiguous: it changes nothing.
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

/// The attempt's end for the history.
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

/// The order has used up its attempts.
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
                "given up after {} attempts; the last error: {message}. When the cause is fixed, run `veracore-sync orders retry {}`",
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

/// The longest `Retry-After` that is honored, unless our own longest delay is longer: a wrong header
/// must not delay an order for a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The longer of our own delay and the requested one.
fn effective_delay(own: Duration, asked: Option<Duration>, settings: &OrderSettings) -> TimeDelta {
    let asked = asked
        .unwrap_or_default()
        .min(settings.backoff.max.max(MAX_RETRY_AFTER));
    TimeDelta::from_std(own.max(asked)).unwrap_or(TimeDelta::hours(1))
}

#[cfg(test)]
mod tests;
