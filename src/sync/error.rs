//! The error of the sync services.

use super::preflight::StockLocationError;
use crate::{
    domain::{FailureClass, OrderCode, Sku},
    fulfillment::ProviderError,
    ledger::LedgerError,
    vendure::StorefrontError,
};

/// A run, a sweep or a check failed or stopped early.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    #[error(transparent)]
    Storefront(#[from] StorefrontError),
    #[error("the stock feed: {0}")]
    Feed(ProviderError),
    #[error("shipments: {0}")]
    Shipments(ProviderError),
    /// Redacted: a message about an order may quote a customer.
    #[error("cannot look up orders at VeraCore: {}", .0.redacted_message())]
    Lookup(ProviderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Location(#[from] StockLocationError),
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    #[error("No product variant found for SKU {0} in the shop")]
    NoVariant(Sku),
    #[error("VeraCore does not know the SKU {0}")]
    UnknownSku(Sku),
    #[error("Vendure's list of variants changed during every attempt to read it; try again later")]
    VariantsKeepChanging,
    #[error("{list} is endless: page {page} repeats an earlier page")]
    RepeatedPage { list: &'static str, page: u64 },
    #[error(
        "Vendure's list of orders is endless: {seen} orders of {total} were read, and the pages repeat"
    )]
    EndlessOrders { seen: usize, total: u64 },
    #[error(
        "VeraCore does not have order {0}, according to the ledger; see `veracore-sync orders show {0}`"
    )]
    NotSent(OrderCode),
    #[error(
        "nothing to compare yet: this installation never read the shop's orders. Start `veracore-sync run` first"
    )]
    NotStarted,
    #[error("stopped early; the next run continues")]
    Stopped,
}

/// A quarantined stock feed cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineError {
    #[error("run {0} has no quarantined stock feed")]
    NotQuarantined(i64),
    #[error("run {run} was already accepted; run {by} applied it")]
    AlreadyAccepted { run: i64, by: i64 },
    #[error("run {run} was already discarded by {by}")]
    AlreadyDiscarded { run: i64, by: String },
    #[error("the quarantined feed of run {0} cannot be read")]
    Unreadable(i64),
}

impl SyncError {
    /// The error is about VeraCore's stock feed as a whole.
    pub const fn is_feed_error(&self) -> bool {
        matches!(self, Self::Feed(_) | Self::RepeatedPage { .. })
    }

    /// A retry in a minute may succeed without anyone's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Feed(error) | Self::Shipments(error) | Self::Lookup(error) => {
                error.class() != FailureClass::Permanent
            }
            Self::Storefront(error) => error.class() != FailureClass::Permanent,
            Self::Ledger(error) => error.is_unavailable(),
            Self::VariantsKeepChanging | Self::Stopped => true,
            _ => false,
        }
    }

    /// The database is unavailable, for everything else as well.
    pub fn is_ledger_unavailable(&self) -> bool {
        matches!(self, Self::Ledger(error) if error.is_unavailable())
    }
}
