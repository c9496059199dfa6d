//! The errors of a call to an upstream.

use std::time::Duration;

use crate::domain::{ErrorCategory, FailureClass};

/// The possibility that the upstream received the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestSent {
    No,
    Maybe,
}

/// The reason for an open circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenReason {
    Down,
    Unauthorized,
    Throttled,
}

/// A call without a usable response. The message names the upstream and the operation, never a
/// URL's query, a header or a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{upstream} {operation}: {kind}")]
pub struct CallError {
    pub upstream: &'static str,
    pub operation: &'static str,
    pub kind: CallErrorKind,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallErrorKind {
    #[error("no connection: {detail}")]
    Connect { detail: String },
    #[error("no response within {limit:?}")]
    Timeout { limit: Duration, sent: RequestSent },
    #[error("the connection broke before the response was complete: {detail}")]
    ConnectionLost { detail: String },
    /// A status outside 2xx. `message` is the upstream's own, made safe to show.
    #[error("HTTP {status}{}{message}", if message.is_empty() { "" } else { ": " })]
    Status {
        status: u16,
        message: String,
        retry_after: Option<Duration>,
    },
    /// A 2xx response in an unexpected form; `detail` names the field.
    #[error("invalid response: {detail}")]
    Malformed { detail: String },
    /// The upstream's circuit is open, so no call was made.
    #[error("not called: {}", circuit_text(*reason, problem))]
    CircuitOpen {
        reason: OpenReason,
        retry_in: Duration,
        problem: String,
    },
    #[error("the response is larger than {limit} bytes and was not read")]
    TooLarge { limit: usize },
}

fn circuit_text(reason: OpenReason, problem: &str) -> String {
    match reason {
        OpenReason::Down => format!("the upstream is unavailable ({problem})"),
        OpenReason::Unauthorized => format!("our credentials are refused ({problem})"),
        OpenReason::Throttled => "the upstream asked for a pause".into(),
    }
}

/// The category of a status outside 2xx.
pub(super) const fn status_category(status: u16) -> ErrorCategory {
    match status {
        401 | 403 => ErrorCategory::Auth,
        404 | 410 => ErrorCategory::NotFound,
        408 => ErrorCategory::Timeout,
        409 => ErrorCategory::Conflict,
        425 | 429 => ErrorCategory::RateLimited,
        400..=499 => ErrorCategory::Validation,
        _ => ErrorCategory::Upstream,
    }
}

impl CallError {
    pub const fn new(upstream: &'static str, operation: &'static str, kind: CallErrorKind) -> Self {
        Self {
            upstream,
            operation,
            kind,
        }
    }

    /// The class for a *write*. For a read, treat ambiguous as transient.
    pub const fn class(&self) -> FailureClass {
        match &self.kind {
            CallErrorKind::Connect { .. }
            | CallErrorKind::Timeout {
                sent: RequestSent::No,
                ..
            }
            | CallErrorKind::CircuitOpen { .. } => FailureClass::Transient,
            CallErrorKind::Timeout { .. }
            | CallErrorKind::ConnectionLost { .. }
            | CallErrorKind::Malformed { .. }
            | CallErrorKind::TooLarge { .. } => FailureClass::Ambiguous,
            CallErrorKind::Status { status, .. } => match *status {
                // Refused before any work: rate limit, or credentials that may be renewed.
                401 | 403 | 425 | 429 => FailureClass::Transient,
                // A gateway returns these even if the service behind it did the work. Redirects are
                // not followed, and may come from any proxy.
                408 | 500..=599 | 100..=399 => FailureClass::Ambiguous,
                _ => FailureClass::Permanent,
            },
        }
    }

    pub const fn category(&self) -> ErrorCategory {
        match &self.kind {
            CallErrorKind::Connect { .. } | CallErrorKind::ConnectionLost { .. } => {
                ErrorCategory::Network
            }
            CallErrorKind::CircuitOpen { reason, .. } => match reason {
                OpenReason::Down => ErrorCategory::Network,
                OpenReason::Unauthorized => ErrorCategory::Auth,
                OpenReason::Throttled => ErrorCategory::RateLimited,
            },
            CallErrorKind::Timeout { .. } => ErrorCategory::Timeout,
            CallErrorKind::Malformed { .. } | CallErrorKind::TooLarge { .. } => {
                ErrorCategory::Upstream
            }
            CallErrorKind::Status { status, .. } => status_category(*status),
        }
    }

    /// The delay that the upstream asked for, or after which its circuit may admit a call.
    pub const fn retry_after(&self) -> Option<Duration> {
        match &self.kind {
            CallErrorKind::Status { retry_after, .. } => *retry_after,
            _ => self.circuit_open_for(),
        }
    }

    /// The time until a retry if no call was made because the circuit is open: such an error says
    /// nothing new about the request.
    pub const fn circuit_open_for(&self) -> Option<Duration> {
        match &self.kind {
            CallErrorKind::CircuitOpen { retry_in, .. } => Some(*retry_in),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> CallError {
        let kind = CallErrorKind::Status {
            status,
            message: "no".into(),
            retry_after: None,
        };
        CallError::new("VeraCore", "submit_order", kind)
    }

    #[test]
    fn only_what_certainly_was_not_done_may_be_sent_again_unasked() {
        for code in [200_u16, 302, 408, 500, 502, 503, 504] {
            assert_eq!(status(code).class(), FailureClass::Ambiguous, "{code}");
        }
        for code in [401, 403, 429] {
            assert_eq!(status(code).class(), FailureClass::Transient, "{code}");
        }
        for code in [400, 404, 409, 413, 422] {
            assert_eq!(status(code).class(), FailureClass::Permanent, "{code}");
        }
    }

    #[test]
    fn messages_name_the_upstream_and_the_operation() {
        assert_eq!(
            status(422).to_string(),
            "VeraCore submit_order: HTTP 422: no"
        );
    }
}
