//! The state of a cancellation after the warehouse accepted the order.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CancelStatus {
    /// It must be cancelled at the warehouse.
    Requested,
    /// It must be cancelled at the warehouse manually.
    ByHand,
    /// The warehouse does not ship it.
    Stopped,
    /// The warehouse has shipped it.
    TooLate,
}

impl CancelStatus {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// The label for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Requested => "to be stopped at the warehouse",
            Self::ByHand => "to be stopped at the warehouse by hand",
            Self::Stopped => "stopped at the warehouse",
            Self::TooLate => "shipped all the same",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// True if nothing is left to do.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Stopped | Self::TooLate)
    }
}
