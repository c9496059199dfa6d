//! The tracking service and its settings.

use std::{sync::atomic::AtomicBool, time::Duration};

use crate::sync::context::SyncService;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackingSettings {
    /// The life of a lease, from the start of a write; see `inventory::stock_lease_ttl`.
    pub lease_ttl: Duration,
    /// The longest wait for stock that another process has leased.
    pub lease_wait: Duration,
    pub concurrency: usize,
}

/// Brings VeraCore's tracking to the shop. The state: the log has the warning about missing fields.
pub type TrackingSync = SyncService<TrackingSettings, AtomicBool>;
