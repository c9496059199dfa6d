//! The errors of a reconciliation.

use crate::{
    domain::FailureClass, fulfillment::ProviderError, ledger::LedgerError,
    sync::orders::error::DiscoveryError, vendure::StorefrontError,
};

/// A reconciliation failed or stopped early.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Shop(#[from] StorefrontError),
    /// Redacted: a message about an order may quote a customer.
    #[error("cannot look up orders at VeraCore: {}", .0.redacted_message())]
    Warehouse(#[from] ProviderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{0}")]
    Discovery(DiscoveryError),
    #[error(
        "nothing to compare yet: this installation never read the shop's orders. Start `veracore-sync run` first"
    )]
    NotStarted,
    #[error("stopped early")]
    Stopped,
}

impl ReconcileError {
    /// A retry in a minute may succeed without anyone's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Shop(error) => error.class() != FailureClass::Permanent,
            Self::Warehouse(error) => error.class() != FailureClass::Permanent,
            Self::Ledger(error) => error.is_unavailable(),
            Self::Stopped => true,
            Self::Discovery(_) | Self::NotStarted => false,
        }
    }
}

impl From<DiscoveryError> for ReconcileError {
    fn from(error: DiscoveryError) -> Self {
        match error {
            DiscoveryError::Stopped => Self::Stopped,
            DiscoveryError::Storefront(error) => Self::Shop(error),
            DiscoveryError::Ledger(error) => Self::Ledger(error),
            endless @ DiscoveryError::EndlessList { .. } => Self::Discovery(endless),
        }
    }
}
