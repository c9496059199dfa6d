//! The classes of failure, and what each allows next.

use serde::{Deserialize, Serialize};

/// The certainty about a failed call. It alone decides between retrying, looking up first and
/// giving up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum FailureClass {
    /// It was certainly not done, and may work later.
    Transient,
    /// It was certainly not done, and will not work until something changes.
    Permanent,
    /// It may have been done: it is looked up before it is sent again.
    Ambiguous,
}

impl FailureClass {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// The kind of a failure, as the API and the tables spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr, strum::EnumString, strum::VariantArray, strum::Display)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ErrorCategory {
    /// No connection, or one that broke.
    Network,
    /// No response in time.
    Timeout,
    /// 429.
    RateLimited,
    /// 5xx, or an unreadable response.
    Upstream,
    /// Credentials or permissions refused.
    Auth,
    /// The data are refused, by us before sending or by the upstream.
    Validation,
    NotFound,
    /// Something else already has its place, such as a foreign order with the same number.
    Conflict,
    /// A defect or a condition on our side, the database included.
    Internal,
}

impl ErrorCategory {
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}
