//! Where the cancellation of an order stands that the warehouse had already.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelStatus {
    /// It is to be stopped at the warehouse.
    Requested,
    /// Only a person can stop it there.
    ByHand,
    /// The warehouse does not ship it.
    Stopped,
    /// The warehouse has shipped it.
    TooLate,
}

impl CancelStatus {
    pub const ALL: [Self; 4] = [Self::Requested, Self::ByHand, Self::Stopped, Self::TooLate];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::ByHand => "by_hand",
            Self::Stopped => "stopped",
            Self::TooLate => "too_late",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Requested => "to be stopped at the warehouse",
            Self::ByHand => "to be stopped at the warehouse by hand",
            Self::Stopped => "stopped at the warehouse",
            Self::TooLate => "shipped all the same",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing more is to be done about it.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Stopped | Self::TooLate)
    }
}
