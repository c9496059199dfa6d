//! The errors of an inventory run.

use crate::{
    domain::{FailureClass, Sku},
    fulfillment::ProviderError,
    ledger::LedgerError,
    sync::preflight::StockLocationError,
    vendure::StorefrontError,
};

/// An inventory run failed or stopped early.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error(transparent)]
    Shop(#[from] StorefrontError),
    #[error("the stock feed: {0}")]
    Feed(#[from] ProviderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Location(#[from] StockLocationError),
    #[error("No product variant found for SKU {0} in the shop")]
    NoVariant(Sku),
    #[error("VeraCore does not know the SKU {0}")]
    UnknownSku(Sku),
    #[error("Vendure's list of variants changed during every attempt to read it; try again later")]
    VariantsKeepChanging,
    #[error("the stock feed is endless: page {0} repeats an earlier page")]
    RepeatedPage(u64),
    #[error("stopped early; the next run continues")]
    Stopped,
}

impl InventoryError {
    /// The error is about VeraCore's feed as a whole.
    pub const fn is_feed_error(&self) -> bool {
        matches!(self, Self::Feed(_) | Self::RepeatedPage(_))
    }

    /// A retry in a minute may succeed without anyone's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Feed(error) => error.class() != FailureClass::Permanent,
            Self::Shop(error) => error.class() != FailureClass::Permanent,
            Self::Ledger(error) => error.is_unavailable(),
            Self::VariantsKeepChanging => true,
            _ => false,
        }
    }
}
