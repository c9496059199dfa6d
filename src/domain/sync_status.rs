//! Where an order stands on its way to VeraCore.

use serde::{Deserialize, Serialize};

/// The states of a ledger row, as the API and the tables spell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr, strum::EnumString, strum::VariantArray, strum::Display)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SyncStatus {
    /// Found, waiting for its turn (or for the end of its hold).
    Pending,
    /// Leased: somebody works on it right now, or died doing so.
    Syncing,
    /// Sent, and the answer was lost. VeraCore is asked before anything else happens.
    InDoubt,
    /// Failed in a way that may pass; tried again at `next_attempt`.
    Retrying,
    /// VeraCore has it.
    Success,
    /// Needs a person.
    Error,
    /// Not VeraCore's, or taken out by a person.
    Skipped,
    /// Cancelled in the shop before it was sent.
    Cancelled,
}

impl SyncStatus {
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// Whether it gets further by itself.
    pub const fn is_in_progress(self) -> bool {
        matches!(
            self,
            Self::Pending | Self::Syncing | Self::InDoubt | Self::Retrying
        )
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}
