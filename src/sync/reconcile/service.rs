//! The reconciliation service and its settings.

use std::time::Duration;

use crate::sync::orders::OrderSync;

/// Days after which VeraCore should have shipped something of an order.
pub const NEVER_SHIPPED_DAYS: u32 = 7;

/// The most orders looked up at VeraCore in one run.
pub const MAX_LOOKUPS: u64 = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileSettings {
    /// The interval of full order sweeps.
    pub sweep_interval: Duration,
    pub concurrency: usize,
    /// The most orders looked up at VeraCore in one run.
    pub max_lookups: u64,
}

/// Compares the shop, the ledger and VeraCore. Cheap to clone.
#[derive(Clone)]
pub struct Reconciliation {
    /// The clients, the ledger and the rules for VeraCore's orders and lines.
    pub orders: OrderSync,
    pub settings: ReconcileSettings,
}
