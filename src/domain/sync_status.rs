//! Where an order stands on its way to VeraCore.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The states of a ledger row, as the API and the tables spell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Syncing,
        Self::InDoubt,
        Self::Retrying,
        Self::Success,
        Self::Error,
        Self::Skipped,
        Self::Cancelled,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Syncing => "syncing",
            Self::InDoubt => "in_doubt",
            Self::Retrying => "retrying",
            Self::Success => "success",
            Self::Error => "error",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it gets further by itself.
    pub const fn is_in_progress(self) -> bool {
        matches!(
            self,
            Self::Pending | Self::Syncing | Self::InDoubt | Self::Retrying
        )
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl fmt::Display for SyncStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
