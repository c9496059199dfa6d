//! Decides after a failure: retry, look up first, or ask for attention. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::OrderSettings;
use crate::{
    clock::time_delta,
    domain::{ErrorCategory, FailureClass},
    fulfillment::ProviderError,
    http::{CallError, CallErrorKind, RequestSent},
    ledger::{AttemptEnd, ClaimedOrder, FailureReason, OrderDisposition},
    vendure::StorefrontError,
};

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

/// Postpones an order because the circuit is open: no call was made, so nothing is recorded.
pub(super) fn postpone_for_open_circuit(
    wait: Option<Duration>,
    now: DateTime<Utc>,
) -> Option<OrderDisposition> {
    wait.map(|wait| OrderDisposition::Postponed {
        at: now + time_delta(wait),
    })
}

/// A failed attempt at an order. `message` describes the error in the methods below.
#[derive(Clone, Copy)]
pub(super) struct FailedAttempt<'a> {
    pub order: &'a ClaimedOrder,
    pub settings: &'a OrderSettings,
    pub now: DateTime<Utc>,
}

impl FailedAttempt<'_> {
    /// After a failed send. `is_widespread`: sends of several orders fail, and none succeeds in
    /// between.
    pub(super) fn after_send(
        self,
        error: &ProviderError,
        message: &str,
        is_widespread: bool,
    ) -> OrderDisposition {
        let counts = !is_widespread && provider_error_counts(error, UpstreamCall::Send);
        let category = error.category();
        let failure = |message| FailureReason { category, message };
        match error.class() {
            FailureClass::Permanent if is_wrong_endpoint(error) => {
                let message = format!(
                    "VeraCore accepts no orders at this URL: {message}. Check VERACORE_API_URL"
                );
                self.retry_or_give_up(None, false, failure(message))
            }
            FailureClass::Permanent => OrderDisposition::Failed {
                failure: failure(format!(
                    "VeraCore refused the order: {}. Correct it, then run `veracore-sync orders retry {}`",
                    message.trim_end_matches('.'),
                    self.order.code
                )),
            },
            FailureClass::Transient => {
                self.retry_or_give_up(error.retry_after(), counts, failure(message.into()))
            }
            FailureClass::Ambiguous => OrderDisposition::InDoubt {
                at: self.time_after(self.settings.quiet_period, error.retry_after()),
                missing_at: None,
                counted: counts,
                failure: Some(failure(format!(
                    "sent, but the response was lost: {message}. VeraCore is asked before it is sent again"
                ))),
            },
        }
    }

    /// After a failed lookup: the order stays as it was.
    pub(super) fn after_lookup(self, error: &ProviderError, message: &str) -> OrderDisposition {
        let failure = FailureReason {
            category: error.category(),
            message: format!("VeraCore could not be asked about the order: {message}"),
        };
        if let ProviderError::NotSendable { .. } = error {
            return OrderDisposition::Failed { failure };
        }
        if self.order.sent_at.is_some() {
            // Retried without limit: only a lookup can tell whether VeraCore has it.
            let at = self.retry_at(error.retry_after());
            return OrderDisposition::StillInDoubt { at, failure };
        }
        let counts = provider_error_counts(error, UpstreamCall::Read);
        self.retry_or_give_up(error.retry_after(), counts, failure)
    }

    /// After a failed read from Vendure, which is never ambiguous: it changes nothing.
    pub(super) fn after_read(self, error: &StorefrontError, message: &str) -> OrderDisposition {
        let failure = FailureReason {
            category: error.category(),
            message: format!("the order could not be read from Vendure: {message}"),
        };
        if let StorefrontError::InvalidField { .. } = error {
            return OrderDisposition::Failed { failure };
        }
        let counts = storefront_error_counts(error);
        self.retry_or_give_up(error.retry_after(), counts, failure)
    }

    fn retry_or_give_up(
        self,
        retry_after: Option<Duration>,
        counted: bool,
        failure: FailureReason,
    ) -> OrderDisposition {
        let attempts = self.order.retry_count + 1;
        if counted && attempts >= self.settings.max_attempts {
            return give_up(self.order, attempts, failure.category, &failure.message);
        }
        let at = self.retry_at(retry_after);
        OrderDisposition::Retry {
            at,
            counted,
            failure,
        }
    }

    fn retry_at(self, retry_after: Option<Duration>) -> DateTime<Utc> {
        let order = self.order;
        let failures = order
            .retry_count
            .saturating_add(order.parked_count)
            .saturating_add(1);
        let backoff = &self.settings.backoff;
        self.time_after(
            backoff.delay(failures, order.order_id.as_str()),
            retry_after,
        )
    }

    /// The time after our own delay or the requested one, whichever is longer.
    fn time_after(self, own: Duration, retry_after: Option<Duration>) -> DateTime<Utc> {
        let longest = self.settings.backoff.max.max(MAX_RETRY_AFTER);
        self.now + time_delta(own.max(retry_after.unwrap_or_default().min(longest)))
    }
}

/// The longest `Retry-After` that is honored, unless our own longest delay is longer: a wrong header
/// must not delay an order for a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

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

pub(super) fn is_exhausted(order: &ClaimedOrder, settings: &OrderSettings) -> bool {
    order.retry_count >= settings.max_attempts
}

pub(super) fn give_up(
    order: &ClaimedOrder,
    attempts: u32,
    category: ErrorCategory,
    message: &str,
) -> OrderDisposition {
    let message = format!(
        "given up after {attempts} attempts; the last error: {message}. When the cause is fixed, run `veracore-sync orders retry {}`",
        order.code
    );
    OrderDisposition::Failed {
        failure: FailureReason { category, message },
    }
}

#[cfg(test)]
mod tests;
