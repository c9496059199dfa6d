//! Stock on its way back: from VeraCore's feed to the shop's levels.
//!
//! `feed`, `acknowledged` and `earlier` hold what was read, `plan` the arithmetic, `guard` what is too strange
//! to be believed: all pure. `pass` reads, decides and records; `apply` writes; `explain` shows the
//! arithmetic of one SKU. Must never write what the shop allocated, only what is on hand.

mod acknowledged;
mod apply;
mod earlier;
mod explain;
pub mod feed;
pub mod guard;
mod held;
mod pass;
pub mod plan;
mod read;
mod report;

use std::{sync::Arc, time::Duration};

pub use acknowledged::Acknowledged;
pub use earlier::Earlier;
pub use explain::{Arithmetic, Explanation, Level};
pub use held::{Discarded, NotAcceptable, Passed};
pub use pass::{Counts, Held, Summary, Wish};
pub use report::about;

use super::preflight::NoLocation;
use crate::{
    clock::SharedClock,
    domain::{Class, Sku},
    fulfillment::{FulfillmentProvider, ProviderError},
    ledger::{Ledger, LedgerError},
    lifecycle::Tasks,
    vendure::{Storefront, StorefrontError},
};

/// The job's name, in the table of runs and elsewhere.
pub const JOB: &str = "sync_inventory";

/// How stock is kept.
#[derive(Debug, Clone)]
pub struct InventorySettings {
    pub rules: plan::Rules,
    /// See `INVENTORY_MAX_DROP_PERCENT`.
    pub max_drop_percent: u32,
    /// The shop's stock location, by name or id; `None`: the only one.
    pub location: Option<String>,
    /// How many variants one call writes.
    pub batch: usize,
    /// How many calls write at once.
    pub concurrency: usize,
    /// How long a hold on stock lasts from the beginning of a write: its call, and as long again
    /// for a shop that still works on it after we stopped waiting.
    pub hold: Duration,
    /// How long stock that somebody else holds is waited for.
    pub patience: Duration,
    /// How many variants or orders a page of the shop's holds.
    pub page: u32,
}

/// As many as Vendure gives at once.
pub const PAGE: u32 = 1000;

/// How long a hold on stock lasts for calls that are waited for so long.
#[must_use]
pub fn hold(vendure_timeout: Duration) -> Duration {
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
    tasks: Tasks,
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
    Location(#[from] NoLocation),
    #[error("No product variant found for SKU {0} in the shop")]
    NoVariant(Sku),
    #[error("VeraCore does not know the SKU {0}")]
    UnknownSku(Sku),
    #[error("the shop's list of variants changed under our hands, again and again")]
    Restless,
    #[error("the stock feed does not end: page {0} was there before")]
    Endless(u64),
    #[error("told to stop; what is left is done by the next pass")]
    Stopped,
}

impl InventoryError {
    /// Whether it is VeraCore's feed that could not be read.
    #[must_use]
    pub const fn is_about_the_feed(&self) -> bool {
        matches!(self, Self::Feed(_) | Self::Endless(_))
    }

    /// Whether it may be otherwise in a minute, without anybody's doing.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Feed(error) => error.class() != Class::Permanent,
            Self::Shop(error) => error.class() != Class::Permanent,
            Self::Ledger(error) => error.is_away(),
            Self::Restless => true,
            _ => false,
        }
    }
}

impl InventorySync {
    #[must_use]
    pub fn new(
        storefront: Arc<dyn Storefront>,
        provider: Arc<dyn FulfillmentProvider>,
        ledger: Ledger,
        clock: SharedClock,
        settings: InventorySettings,
        tasks: Tasks,
    ) -> Self {
        Self {
            storefront,
            provider,
            ledger,
            clock,
            settings: Arc::new(settings),
            tasks,
        }
    }

    #[must_use]
    pub fn settings(&self) -> &InventorySettings {
        &self.settings
    }
}
