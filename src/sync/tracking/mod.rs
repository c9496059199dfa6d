//! Tracking on its way back: from VeraCore's packages to the shop's fulfillments.
//!
//! `package` puts together what is told and what is known, `plan` decides which package becomes
//! which fulfillment: both pure. `read` asks VeraCore, `apply` works on one order at a time under
//! its hold, `fields` is what customers see on the order. Must never make a second fulfillment of a
//! package.

mod apply;
mod job;
mod order_fields;
pub mod parcels;
pub mod plan;
mod read;
mod run;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

pub use run::{ParcelIssue, ParcelPreview, TrackingSummary};

use super::context::SyncContext;
use crate::{
    clock::SharedClock,
    domain::OrderCode,
    fulfillment::{FulfillmentProvider, ProviderError},
    ledger::{Ledger, LedgerError},
    lifecycle::TaskGroup,
    vendure::{Storefront, StorefrontError},
};

/// The job's name, in the table of runs and elsewhere.
pub const JOB: &str = super::jobs::Job::Tracking.as_str();

/// How tracking is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackingSettings {
    /// How long holds last from the beginning of a write; see `inventory::hold`.
    pub lease_ttl: Duration,
    /// How long stock that somebody else holds is waited for.
    pub lease_wait: Duration,
    /// How many orders are worked on at once.
    pub concurrency: usize,
}

/// The service that carries tracking; cheap to clone.
#[derive(Clone)]
pub struct TrackingSync {
    storefront: Arc<dyn Storefront>,
    provider: Arc<dyn FulfillmentProvider>,
    ledger: Ledger,
    clock: SharedClock,
    settings: TrackingSettings,
    /// No order is begun once these are told to stop.
    tasks: TaskGroup,
    /// Whether it was said that the shop has not all fields for tracking.
    missing_fields_warned: Arc<AtomicBool>,
}

/// Why a pass came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum TrackingError {
    #[error(transparent)]
    Shop(#[from] StorefrontError),
    #[error("shipments: {0}")]
    Shipments(#[from] ProviderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the list of shipments does not end: page {0} was there before")]
    RepeatedPage(u64),
    #[error(
        "VeraCore does not have order {0} as far as the ledger knows; see `veracore-sync orders show {0}`"
    )]
    NotSent(OrderCode),
    #[error("told to stop; what is left is done by the next pass")]
    Stopped,
}

impl TrackingSync {
    pub fn new(context: SyncContext, settings: TrackingSettings) -> Self {
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
            settings,
            tasks,
            missing_fields_warned: Arc::default(),
        }
    }
}
