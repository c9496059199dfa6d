//! Errors of the services that read the shop and write the ledger.

use crate::{ledger::LedgerError, vendure::StorefrontError};

/// What can keep orders from being found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    #[error(transparent)]
    Storefront(#[from] StorefrontError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(
        "Vendure orders: the list does not end: {seen} orders were read of {total}, and it goes on with the same ones"
    )]
    EndlessList { seen: usize, total: u64 },
    #[error("told to stop")]
    Stopped,
}
