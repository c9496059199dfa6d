//! Errors of the services that read the shop and write the ledger.

use crate::{ledger::LedgerError, vendure::StorefrontError};

/// An error of discovery or of a check of sent orders.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    #[error(transparent)]
    Storefront(#[from] StorefrontError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(
        "Vendure orders: the list does not end: {seen} orders were read of {total}, and the pages repeat"
    )]
    EndlessList { seen: usize, total: u64 },
    #[error("stopping")]
    Stopped,
}
