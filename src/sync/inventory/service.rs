//! The inventory service and its settings.

use std::time::Duration;

use super::plan::StockRules;
use crate::sync::context::SyncService;

/// The most items that Vendure returns in one page.
pub const PAGE_SIZE: u32 = 1000;

#[derive(Debug, Clone)]
pub struct InventorySettings {
    pub rules: StockRules,
    /// `INVENTORY_MAX_DROP_PERCENT`.
    pub max_drop_percent: u32,
    /// Name or id of the stock location; `None` if the shop has only one.
    pub location: Option<String>,
    pub batch_size: usize,
    pub concurrency: usize,
    /// The life of a lease on stock, from the start of a write.
    pub lease_ttl: Duration,
    /// The longest wait for stock that another process has leased.
    pub lease_wait: Duration,
    /// Variants or orders in one page of the shop's.
    pub page_size: u32,
}

/// Long enough for a call and, after its timeout, for the shop to finish working on it.
pub fn stock_lease_ttl(vendure_timeout: Duration) -> Duration {
    vendure_timeout * 3 + Duration::from_secs(5)
}

/// Keeps the shop's stock levels in step with VeraCore.
pub type InventorySync = SyncService<InventorySettings>;
