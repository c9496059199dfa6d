//! Where the cancellation of an order stands that the warehouse had already.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case", const_into_str)]
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
    pub const fn as_str(self) -> &'static str {
        self.into_str()
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
        text.parse().ok()
    }

    /// Whether nothing more is to be done about it.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Stopped | Self::TooLate)
    }
}
