//! What can go wrong between us and a provider, and what each failure says about a write.
//!
//! Owns the classes of failures that are not [`CallError`]'s. Names no provider: who speaks says
//! who it is.

use std::time::Duration;

use crate::{
    domain::{ErrorCategory, FailureClass, OrderCode},
    http::CallError,
};

/// What the provider, or the way to it, answered instead of doing what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is an order with this number already; whose it is must be looked up.
    #[error("there is an order {number} already: {message}")]
    DuplicateOrder { number: OrderCode, message: String },
    /// The look-up answered with another order than the one asked for.
    #[error("asked for order {requested}, it answered with another one, {returned}")]
    WrongOrder {
        requested: OrderCode,
        returned: String,
    },
    /// Nothing was done: our credentials, or a token fresh from them, are refused. The message says
    /// by whom, and which settings to correct.
    #[error("{message}")]
    CredentialsRefused { message: String },
    /// Nothing was done: it knows us, and does not let us use this operation of its service. Others it
    /// may.
    #[error("{upstream} does not let us use {operation}: {message}")]
    Forbidden {
        upstream: &'static str,
        operation: &'static str,
        message: String,
    },
    /// The provider says that it could not do what was asked, and why: nothing was done.
    #[error("{upstream} {operation}: refused: {message}")]
    Refused {
        upstream: &'static str,
        operation: &'static str,
        message: String,
    },
    /// No call was made: there was no token to make it with, and it is not known to be our fault.
    #[error("no token, so nothing was sent: {0}")]
    NoToken(#[source] CallError),
    /// No call was made: this cannot be said in the provider's terms.
    #[error("not sent: {problem}")]
    NotSendable { problem: String },
}

impl ProviderError {
    /// What this says about a write; see [`CallError::class`].
    #[must_use]
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Call(error) => error.class(),
            Self::DuplicateOrder { .. } | Self::Refused { .. } | Self::NotSendable { .. } => {
                FailureClass::Permanent
            }
            Self::WrongOrder { .. } => FailureClass::Ambiguous,
            // However the call for a token ended, the call that it was for never began.
            Self::CredentialsRefused { .. } | Self::Forbidden { .. } | Self::NoToken(_) => {
                FailureClass::Transient
            }
        }
    }

    #[must_use]
    pub const fn category(&self) -> ErrorCategory {
        match self {
            Self::Call(error) => error.category(),
            Self::DuplicateOrder { .. } => ErrorCategory::Conflict,
            Self::WrongOrder { .. } => ErrorCategory::Upstream,
            Self::CredentialsRefused { .. } | Self::Forbidden { .. } => ErrorCategory::Auth,
            Self::NoToken(error) => match error.category() {
                // These speak of the token's address; of the order they would mislead.
                ErrorCategory::Validation | ErrorCategory::NotFound | ErrorCategory::Conflict => {
                    ErrorCategory::Upstream
                }
                other => other,
            },
            Self::Refused { .. } | Self::NotSendable { .. } => ErrorCategory::Validation,
        }
    }

    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(error) | Self::NoToken(error) => error.retry_after(),
            _ => None,
        }
    }

    /// What went wrong with a question about an order, without the provider's own words: they may
    /// quote a customer, whom who asks does not know enough of to leave out.
    #[must_use]
    pub fn redacted_message(&self) -> String {
        match self {
            Self::Call(CallError::Status {
                upstream,
                operation,
                status,
                ..
            }) => format!("{upstream} {operation}: HTTP {status}"),
            Self::Refused {
                upstream,
                operation,
                ..
            } => format!("{upstream} {operation}: refused"),
            Self::Forbidden {
                upstream,
                operation,
                ..
            } => format!("{upstream} does not let us use {operation}"),
            other => other.to_string(),
        }
    }

    /// See [`CallError::parked_for`].
    #[must_use]
    pub const fn parked_for(&self) -> Option<Duration> {
        match self {
            Self::Call(error) | Self::NoToken(error) => error.circuit_open_for(),
            _ => None,
        }
    }
}
