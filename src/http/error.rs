//! What can go wrong with one call, whatever was called.

use std::time::Duration;

use super::breaker::Why;
use crate::domain::{Class, ErrorCategory};

/// Whether the other side can have worked on the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
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
        sent: Sent,
    },
    #[error("{upstream} {operation}: the connection broke before the answer was whole: {detail}")]
    Broken {
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
    #[error("{upstream} {operation}: not called, since {upstream} {}", reason(*why, problem))]
    Parked {
        upstream: &'static str,
        operation: &'static str,
        why: Why,
        wait: Duration,
        problem: String,
    },
    #[error("{upstream} {operation}: the answer is larger than {limit} bytes and was not read")]
    TooLarge {
        upstream: &'static str,
        operation: &'static str,
        limit: usize,
    },
}

fn reason(why: Why, problem: &str) -> String {
    match why {
        Why::Down => format!("is taken to be down ({problem})"),
        Why::Refused => format!("refuses our credentials ({problem})"),
        Why::Throttled => "asked to be left alone for a while".into(),
    }
}

/// The category of an answer's status outside 2xx.
pub(super) const fn category_of(status: u16) -> ErrorCategory {
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
    pub const fn class(&self) -> Class {
        match self {
            Self::Connect { .. } | Self::Timeout { sent: Sent::No, .. } | Self::Parked { .. } => {
                Class::Transient
            }
            Self::Timeout { .. }
            | Self::Broken { .. }
            | Self::Malformed { .. }
            | Self::TooLarge { .. } => Class::Ambiguous,
            Self::Status { status, .. } => match *status {
                // Refused before any work: too many calls, or credentials that may be renewed.
                401 | 403 | 425 | 429 => Class::Transient,
                // A gateway gives these also when the work behind it was done; redirects are not
                // followed, and may come from anything on the way.
                408 | 500..=599 | 100..=399 => Class::Ambiguous,
                _ => Class::Permanent,
            },
        }
    }

    #[must_use]
    pub const fn category(&self) -> ErrorCategory {
        match self {
            Self::Connect { .. } | Self::Broken { .. } => ErrorCategory::Network,
            Self::Parked { why, .. } => match why {
                Why::Down => ErrorCategory::Network,
                Why::Refused => ErrorCategory::Auth,
                Why::Throttled => ErrorCategory::RateLimited,
            },
            Self::Timeout { .. } => ErrorCategory::Timeout,
            Self::Malformed { .. } | Self::TooLarge { .. } => ErrorCategory::Upstream,
            Self::Status { status, .. } => category_of(*status),
        }
    }

    /// How long the other side asked to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Parked { wait, .. } => Some(*wait),
            _ => None,
        }
    }

    /// For how long, when no call was made because the upstream's circuit is open: then nothing was
    /// learnt.
    #[must_use]
    pub const fn parked_for(&self) -> Option<Duration> {
        match self {
            Self::Parked { wait, .. } => Some(*wait),
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
            assert_eq!(status(code).class(), Class::Ambiguous, "{code}");
        }
        for code in [401, 403, 429] {
            assert_eq!(status(code).class(), Class::Transient, "{code}");
        }
        for code in [400, 404, 409, 413, 422] {
            assert_eq!(status(code).class(), Class::Permanent, "{code}");
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
