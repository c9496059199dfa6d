//! The tracking service and its settings.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use crate::{
    clock::SharedClock, fulfillment::FulfillmentProvider, ledger::Ledger, lifecycle::TaskGroup,
    sync::context::SyncContext, vendure::Storefront,
};

/// The settings of tracking runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackingSettings {
    /// The life of a lease, from the start of a write; see `inventory::stock_lease_ttl`.
    pub lease_ttl: Duration,
    /// The longest wait for stock that another process has leased.
    pub lease_wait: Duration,
    /// Orders processed at the same time.
    pub concurrency: usize,
}

/// Brings VeraCore's tracking to the shop. Cheap to clone.
#[derive(Clone)]
pub struct TrackingSync {
    pub(super) storefront: Arc<dyn Storefront>,
    pub(super) provider: Arc<dyn FulfillmentProvider>,
    pub(super) ledger: Ledger,
    pub(super) clock: SharedClock,
    pub(super) settings: TrackingSettings,
    /// No order starts once these are stopping.
    pub(super) tasks: TaskGroup,
    /// The log has the warning about missing tracking fields.
    pub(super) missing_fields_warned: Arc<AtomicBool>,
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
