//! The errors of a storefront, and what each says about a write.

use std::time::Duration;

use crate::{
    domain::{ErrorCategory, FailureClass, InvalidIdentifier, text::one_line},
    http::CallError,
};

/// The error of a call to the shop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorefrontError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(
        "Vendure refused the login: {message}. Check VENDURE_USERNAME and VENDURE_PASSWORD, or VENDURE_API_KEY"
    )]
    LoginRefused { message: String },
    #[error(
        "Vendure {operation}: forbidden, also after a new login. Give the login's role the permission for it"
    )]
    Forbidden { operation: &'static str },
    /// The shop has no channel with the configured token. A shop with one channel then answers for
    /// that one.
    #[error(
        "no Vendure channel has the token in VENDURE_CHANNEL_TOKEN{}",
        answering.as_ref().map(|code| format!(" (Vendure answered for channel '{code}')")).unwrap_or_default()
    )]
    WrongChannel { answering: Option<String> },
    /// `errors[]` in the response.
    #[error("Vendure {operation}: {code}: {message}")]
    Graphql {
        operation: &'static str,
        code: String,
        message: String,
    },
    /// An error result of the schema: the write was not done.
    #[error("Vendure {operation}: {code}: {message}")]
    Rejected {
        operation: &'static str,
        code: String,
        message: String,
    },
    /// An error of a write that may have been done.
    #[error("Vendure {operation}: {code}: {message}; the write may have been done")]
    Ambiguous {
        operation: &'static str,
        code: String,
        message: String,
    },
    /// An invalid value, in a response or in a request that was not sent.
    #[error("Vendure {operation}: {field}: {problem}")]
    InvalidField {
        operation: &'static str,
        field: String,
        problem: String,
    },
}

impl StorefrontError {
    /// The class for a *write*. For a read, treat ambiguous as transient.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Call(error) => error.class(),
            Self::LoginRefused { .. } | Self::Forbidden { .. } | Self::WrongChannel { .. } => {
                FailureClass::Transient
            }
            Self::Ambiguous { .. } => FailureClass::Ambiguous,
            Self::Graphql { code, .. } if is_ambiguous_code(code) => FailureClass::Transient,
            Self::Graphql { .. } | Self::Rejected { .. } | Self::InvalidField { .. } => {
                FailureClass::Permanent
            }
        }
    }

    /// True if the shop responded: the call is no longer in progress there.
    pub const fn has_response(&self) -> bool {
        !matches!(self, Self::Call(_))
    }

    /// True if the shop looked for an entity and did not find it.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Graphql { code, .. } | Self::Ambiguous { code, .. } if code == "ENTITY_NOT_FOUND")
    }

    pub const fn category(&self) -> ErrorCategory {
        match self {
            Self::Call(error) => error.category(),
            Self::LoginRefused { .. } | Self::Forbidden { .. } | Self::WrongChannel { .. } => {
                ErrorCategory::Auth
            }
            Self::Graphql { .. } | Self::Ambiguous { .. } => ErrorCategory::Upstream,
            Self::Rejected { .. } => ErrorCategory::Conflict,
            Self::InvalidField { .. } => ErrorCategory::Validation,
        }
    }

    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(error) => error.retry_after(),
            _ => None,
        }
    }

    /// See [`CallError::circuit_open_for`].
    pub const fn circuit_open_for(&self) -> Option<Duration> {
        match self {
            Self::Call(error) => error.circuit_open_for(),
            _ => None,
        }
    }

    pub(crate) fn invalid_field(
        operation: &'static str,
        field: impl Into<String>,
        problem: &InvalidIdentifier,
    ) -> Self {
        Self::InvalidField {
            operation,
            field: field.into(),
            problem: problem.to_string(),
        }
    }
}

/// The code for an error without one, as Vendure passes on its database's errors.
pub(super) const UNKNOWN_CODE: &str = "UNKNOWN";

/// True if the code may mean anything, including a lost database connection.
pub(super) fn is_ambiguous_code(code: &str) -> bool {
    matches!(code, UNKNOWN_CODE | "INTERNAL_SERVER_ERROR")
}

/// A [`StorefrontError::Rejected`] with bounded texts.
pub(super) fn rejected(operation: &'static str, code: &str, message: &str) -> StorefrontError {
    StorefrontError::Rejected {
        operation,
        code: one_line(code, 60),
        message: one_line(message, 300),
    }
}
