//! Reconciliation: whether the shop, the ledger and VeraCore tell the same story of each order.
//!
//! `read` gathers what they say, page by page, `compare` decides what is off (pure), `job`
//! runs it. Only reads and reports: must write to neither end.

mod compare;
pub mod findings;
mod job;
mod read;
mod run;

use std::{sync::Arc, time::Duration};

pub use findings::{Finding, FindingKind};
pub use run::{CheckedCounts, CompareFailure, ReconcileSummary};

use super::orders::{OrderSync, error::DiscoveryError};
use crate::{
    domain::FailureClass, fulfillment::ProviderError, ledger::LedgerError, vendure::StorefrontError,
};

/// The job's name, in the table of runs and elsewhere.
pub const JOB: &str = super::jobs::Job::Reconcile.as_str();

/// After so many days something of an order should have left VeraCore.
pub const NEVER_SHIPPED_DAYS: u32 = 7;

/// Orders that VeraCore is asked for in a pass, at most.
pub const MAX_LOOKUPS: u64 = 2000;

/// How the three are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileSettings {
    /// How often all orders in a trigger state are looked for.
    pub sweep_interval: Duration,
    /// How many orders VeraCore is asked for at once.
    pub concurrency: usize,
    /// How many it is asked for in a pass, at most.
    pub max_lookups: u64,
}

/// The service that compares; cheap to clone.
#[derive(Clone)]
pub struct Reconciliation {
    /// Both ends, the ledger, and which orders and lines are VeraCore's.
    orders: OrderSync,
    settings: Arc<ReconcileSettings>,
}

/// Why a pass came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Shop(#[from] StorefrontError),
    /// Without its words: those about an order may quote a customer.
    #[error("VeraCore cannot be asked for orders: {}", .0.redacted_message())]
    Warehouse(#[from] ProviderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{0}")]
    Discovery(DiscoveryError),
    #[error(
        "there is nothing to compare yet: this installation never looked for the shop's orders. Start `veracore-sync run` first"
    )]
    NotStarted,
    #[error("told to stop")]
    Stopped,
}

impl ReconcileError {
    /// Whether it may be otherwise in a minute, without anybody's doing.
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

impl Reconciliation {
    /// Compares what `orders` carries.
    pub fn new(orders: OrderSync, settings: ReconcileSettings) -> Self {
        Self {
            orders,
            settings: Arc::new(settings),
        }
    }
}
