//! The errors of a tracking run.

use crate::{
    domain::OrderCode, fulfillment::ProviderError, ledger::LedgerError, vendure::StorefrontError,
};

/// A tracking run failed or stopped early.
#[derive(Debug, thiserror::Error)]
pub enum TrackingError {
    #[error(transparent)]
    Shop(#[from] StorefrontError),
    #[error("shipments: {0}")]
    Shipments(#[from] ProviderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the list of shipments is endless: page {0} repeats an earlier page")]
    RepeatedPage(u64),
    #[error(
        "VeraCore does not have order {0}, according to the ledger; see `veracore-sync orders show {0}`"
    )]
    NotSent(OrderCode),
    #[error("stopped early; the next run continues")]
    Stopped,
}
