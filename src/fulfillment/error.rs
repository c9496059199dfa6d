//! The errors of a provider, and what each says about a write.

use std::time::Duration;

use crate::{
    domain::{ErrorCategory, FailureClass, OrderCode},
    http::{CallError, CallErrorKind},
};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error(transparent)]
    Call(#[from] CallError),
    /// The provider has an order with this number; a lookup says whose it is.
    #[error("an order {number} already exists: {message}")]
    DuplicateOrder { number: OrderCode, message: String },
    /// A lookup returned a different order.
    #[error("the lookup of order {requested} returned a different order, {returned}")]
    WrongOrder {
        requested: OrderCode,
        returned: String,
    },
    /// Our credentials, or a fresh token, are refused: nothing was done. The message names the provider
    /// and the settings to correct.
    #[error("{message}")]
    CredentialsRefused { message: String },
    /// Our credentials do not allow this operation: nothing was done. Other operations may be allowed.
    #[error("{upstream} {operation}: not allowed for our credentials: {message}")]
    Forbidden {
        upstream: &'static str,
        operation: &'static str,
        message: String,
    },
    /// The provider refused the request: nothing was done.
    #[error("{upstream} {operation}: refused: {message}")]
    Refused {
        upstream: &'static str,
        operation: &'static str,
        message: String,
    },
    /// The provider gave no token, so no call was made. Our credentials are not known to be wrong.
    #[error("not sent, because no token was received: {0}")]
    NoToken(#[source] CallError),
    /// The request cannot be expressed in the provider's terms: no call was made.
    #[error("not sent: {problem}")]
    NotSendable { problem: String },
}

impl ProviderError {
    /// The outcome of a write with this error; see [`CallError::class`].
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Call(error) => error.class(),
            Self::DuplicateOrder { .. } | Self::Refused { .. } | Self::NotSendable { .. } => {
                FailureClass::Permanent
            }
            Self::WrongOrder { .. } => FailureClass::Ambiguous,
            // The call itself was never made, however the call for a token ended.
            Self::CredentialsRefused { .. } | Self::Forbidden { .. } | Self::NoToken(_) => {
                FailureClass::Transient
            }
        }
    }

    pub const fn category(&self) -> ErrorCategory {
        match self {
            Self::Call(error) => error.category(),
            Self::DuplicateOrder { .. } => ErrorCategory::Conflict,
            Self::WrongOrder { .. } => ErrorCategory::Upstream,
            Self::CredentialsRefused { .. } | Self::Forbidden { .. } => ErrorCategory::Auth,
            Self::NoToken(error) => match error.category() {
                // These concern the token endpoint, not the order.
                ErrorCategory::Validation | ErrorCategory::NotFound | ErrorCategory::Conflict => {
                    ErrorCategory::Upstream
                }
                other => other,
            },
            Self::Refused { .. } | Self::NotSendable { .. } => ErrorCategory::Validation,
        }
    }

    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(error) | Self::NoToken(error) => error.retry_after(),
            _ => None,
        }
    }

    /// The message without the provider's own text, which may quote personal data that the caller
    /// cannot mask.
    pub fn redacted_message(&self) -> String {
        match self {
            Self::Call(CallError {
                upstream,
                operation,
                kind: CallErrorKind::Status { status, .. },
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
            } => format!("{upstream} {operation}: not allowed for our credentials"),
            other => other.to_string(),
        }
    }

    /// The kind of the failed call; `None` for other errors.
    pub const fn call_kind(&self) -> Option<&CallErrorKind> {
        match self {
            Self::Call(error) => Some(&error.kind),
            _ => None,
        }
    }

    /// See [`CallError::circuit_open_for`].
    pub const fn circuit_open_for(&self) -> Option<Duration> {
        match self {
            Self::Call(error) | Self::NoToken(error) => error.circuit_open_for(),
            _ => None,
        }
    }
}
