//! What can go wrong with one call, whatever was called.

use std::time::Duration;

use super::breaker::OpenReason;
use crate::domain::{ErrorCategory, FailureClass};

/// Whether the other side can have worked on the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestSent {
    /// No connection came about: certainly not.
    No,
    /// Bytes may have arrived.
    Maybe,
}

/// A call that brought no usable answer. Messages name the upstream and the operation, never a
/// URL's query, a header or a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("{upstream} {operation}: no connection: {detail}")]
    Connect {
        upstream: &'static str,
        operation: &'static str,
        detail: String,
    },
    #[error("{upstream} {operation}: no answer within {limit:?}")]
    Timeout {
        upstream: &'static str,
        operation: &'static str,
        limit: Duration,
        sent: RequestSent,
    },
    #[error("{upstream} {operation}: the connection broke before the answer was whole: {detail}")]
    ConnectionLost {
        upstream: &'static str,
        operation: &'static str,
        detail: String,
    },
    /// An answer outside 2xx. `message` is the other side's own word, made safe to show.
    #[error("{upstream} {operation}: HTTP {status}{}", with_colon(message))]
    Status {
        upstream: &'static str,
        operation: &'static str,
        status: u16,
        message: String,
        retry_after: Option<Duration>,
    },
    /// An answer in 2xx that is not what was agreed; `detail` names the field.
    #[error("{upstream} {operation}: the answer cannot be understood: {detail}")]
    Malformed {
        upstream: &'static str,
        operation: &'static str,
        detail: String,
    },
    /// No call was made, since its upstream's circuit is open; worth another try after `wait`.
    #[error("{upstream} {operation}: not called, since {upstream} {}", circuit_text(*reason, problem))]
    CircuitOpen {
        upstream: &'static str,
        operation: &'static str,
        reason: OpenReason,
        retry_in: Duration,
        problem: String,
    },
    #[error("{upstream} {operation}: the answer is larger than {limit} bytes and was not read")]
    TooLarge {
        upstream: &'static str,
        operation: &'static str,
        limit: usize,
    },
}

fn circuit_text(why: OpenReason, problem: &str) -> String {
    match why {
        OpenReason::Down => format!("is taken to be down ({problem})"),
        OpenReason::Unauthorized => format!("refuses our credentials ({problem})"),
        OpenReason::Throttled => "asked to be left alone for a while".into(),
    }
}

/// The category of an answer's status outside 2xx.
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

fn with_colon(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

impl CallError {
    /// What this says about a *write*. For a read, an ambiguous failure is a transient one.
    #[must_use]
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Connect { .. }
            | Self::Timeout {
                sent: RequestSent::No,
                ..
            }
            | Self::CircuitOpen { .. } => FailureClass::Transient,
            Self::Timeout { .. }
            | Self::ConnectionLost { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. } => FailureClass::Ambiguous,
            Self::Status { status, .. } => match *status {
                // Refused before any work: too many calls, or credentials that may be renewed.
                401 | 403 | 425 | 429 => FailureClass::Transient,
                // A gateway gives these also when the work behind it was done; redirects are not
                // followed, and may come from anything on the way.
                408 | 500..=599 | 100..=399 => FailureClass::Ambiguous,
                _ => FailureClass::Permanent,
            },
        }
    }

    #[must_use]
    pub const fn category(&self) -> ErrorCategory {
        match self {
            Self::Connect { .. } | Self::ConnectionLost { .. } => ErrorCategory::Network,
            Self::CircuitOpen { reason: why, .. } => match why {
                OpenReason::Down => ErrorCategory::Network,
                OpenReason::Unauthorized => ErrorCategory::Auth,
                OpenReason::Throttled => ErrorCategory::RateLimited,
            },
            Self::Timeout { .. } => ErrorCategory::Timeout,
            Self::Malformed { .. } | Self::TooLarge { .. } => ErrorCategory::Upstream,
            Self::Status { status, .. } => status_category(*status),
        }
    }

    /// How long the other side asked to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::CircuitOpen { retry_in: wait, .. } => Some(*wait),
            _ => None,
        }
    }

    /// For how long, when no call was made because the upstream's circuit is open: then nothing was
    /// learnt.
    #[must_use]
    pub const fn circuit_open_for(&self) -> Option<Duration> {
        match self {
            Self::CircuitOpen { retry_in: wait, .. } => Some(*wait),
            _ => None,
        }
    }

    /// Whether the other side refused who we are.
    #[must_use]
    pub const fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Status { status: 401, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> CallError {
        CallError::Status {
            upstream: "VeraCore",
            operation: "submit_order",
            status,
            message: "no".into(),
            retry_after: None,
        }
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
