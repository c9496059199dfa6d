//! What kinds of failure there are, and what each allows to be done next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is known about a call that did not succeed. Everything that decides between trying again,
/// asking first and giving up decides by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// It was certainly not done, and may work later.
    Transient,
    /// It was certainly not done, and will not work until somebody changes something.
    Permanent,
    /// It may have been done: the other side is asked before it is sent again.
    Ambiguous,
}

impl FailureClass {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// The kind of a failure, as the API and the tables spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCategory {
    /// No connection, or one that broke.
    Network,
    /// No answer in time.
    Timeout,
    /// 429.
    RateLimited,
    /// 5xx, or an answer that cannot be understood.
    Upstream,
    /// Credentials or permissions refused.
    Auth,
    /// The data are refused, by us before sending or by the other side.
    Validation,
    NotFound,
    /// Something else already has its place, such as a foreign order with the same number.
    Conflict,
    /// A defect or a condition on our own side, the database included.
    Internal,
}

impl ErrorCategory {
    pub const ALL: [Self; 9] = [
        Self::Network,
        Self::Timeout,
        Self::RateLimited,
        Self::Upstream,
        Self::Auth,
        Self::Validation,
        Self::NotFound,
        Self::Conflict,
        Self::Internal,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::Upstream => "upstream",
            Self::Auth => "auth",
            Self::Validation => "validation",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Internal => "internal",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|category| category.as_str() == text)
    }
}

impl fmt::Display for ErrorCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
