//! Stock on its way back: from VeraCore's feed to the shop's levels.
//!
//! `feed`, `acknowledged` and `earlier` hold what was read, `plan` the arithmetic, `guard` what is too strange
//! to be believed: all pure. `pass` reads, decides and records; `apply` writes; `explain` shows the
//! arithmetic of one SKU. Must never write what the shop allocated, only what is on hand.

mod acknowledged;
mod apply;
mod baseline;
mod explain;
pub mod feed;
pub mod guard;
mod job;
pub mod plan;
mod quarantine;
mod read;
mod run;

use std::{sync::Arc, time::Duration};

pub use acknowledged::AcknowledgedUnits;
pub use baseline::StockBaseline;
pub use explain::{ExplainedLevel, StockArithmetic, StockExplanation};
pub(super) use job::transient_failure;
pub use quarantine::{DiscardOutcome, InventoryRunResult, QuarantineError};
pub use run::{InventoryRequest, InventorySummary, LevelCounts, QuarantinedFeed};

use super::{context::SyncContext, jobs::Job, preflight::StockLocationError};
use crate::{
    clock::SharedClock,
    domain::{FailureClass, Sku},
    fulfillment::{FulfillmentProvider, ProviderError},
    ledger::{Ledger, LedgerError},
    lifecycle::TaskGroup,
    vendure::{Storefront, StorefrontError},
};

/// The job's name, in the table of runs and elsewhere.
pub const JOB: &str = Job::Inventory.as_str();

/// How stock is kept.
#[derive(Debug, Clone)]
pub struct InventorySettings {
    pub rules: plan::StockRules,
    /// See `INVENTORY_MAX_DROP_PERCENT`.
    pub max_drop_percent: u32,
    /// The shop's stock location, by name or id; `None`: the only one.
    pub location: Option<String>,
    /// How many variants one call writes.
    pub batch_size: usize,
    /// How many calls write at once.
    pub concurrency: usize,
    /// How long a hold on stock lasts from the beginning of a write: its call, and as long again
    /// for a shop that still works on it after we stopped waiting.
    pub lease_ttl: Duration,
    /// How long stock that somebody else holds is waited for.
    pub lease_wait: Duration,
    /// How many variants or orders a page of the shop's holds.
    pub page_size: u32,
}

/// As many as Vendure gives at once.
pub const PAGE_SIZE: u32 = 1000;

/// How long a hold on stock lasts for calls that are waited for so long.
pub fn stock_lease_ttl(vendure_timeout: Duration) -> Duration {
    vendure_timeout * 3 + Duration::from_secs(5)
}

/// The service that keeps the shop's stock; cheap to clone.
#[derive(Clone)]
pub struct InventorySync {
    storefront: Arc<dyn Storefront>,
    provider: Arc<dyn FulfillmentProvider>,
    ledger: Ledger,
    clock: SharedClock,
    settings: Arc<InventorySettings>,
    /// No batch is begun once these are told to stop.
    tasks: TaskGroup,
}

/// Why a pass came to nothing, or not to its end.
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
    #[error("the shop's list of variants changed under our hands, again and again")]
    VariantsKeepChanging,
    #[error("the stock feed does not end: page {0} was there before")]
    RepeatedPage(u64),
    #[error("told to stop; what is left is done by the next pass")]
    Stopped,
}

impl InventoryError {
    /// Whether it is VeraCore's feed that could not be read.
    pub const fn is_feed_error(&self) -> bool {
        matches!(self, Self::Feed(_) | Self::RepeatedPage(_))
    }

    /// Whether it may be otherwise in a minute, without anybody's doing.
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

impl InventorySync {
    pub fn new(context: SyncContext, settings: InventorySettings) -> Self {
        let SyncContext {
            storefront,
            provider,
            ledger,
            clock,
            tasks,
        } = context;
        Self {
            storefront,
            provider,
            ledger,
            clock,
            settings: Arc::new(settings),
            tasks,
        }
    }

    pub fn settings(&self) -> &InventorySettings {
        &self.settings
    }
}
