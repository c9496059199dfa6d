//! The status of an order on its way to VeraCore.

use serde::{Deserialize, Serialize};

/// The states of a ledger row, as the API and the tables spell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr, strum::EnumString, strum::VariantArray, strum::Display)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SyncStatus {
    /// Discovered, waiting to be sent (or for the end of its delay).
    Pending,
    /// Leased: being processed now, or by a process that died.
    Syncing,
    /// Sent, and the response was lost. It is looked up before anything else happens.
    InDoubt,
    /// Failed for a transient reason; retried at `next_attempt`.
    Retrying,
    /// VeraCore has it.
    Success,
    /// Needs attention.
    Error,
    /// Not VeraCore's, or skipped manually.
    Skipped,
    /// Cancelled in the shop before it was sent.
    Cancelled,
}

impl SyncStatus {
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// True if it continues automatically.
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
