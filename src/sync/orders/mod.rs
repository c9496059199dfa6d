//! Orders on their way to VeraCore: discovered, then sent, each exactly once.
//!
//! `discover` reads Vendure and fills the ledger. `submit` makes one attempt at a claimed order: read,
//! map (`mapping`), look up, record the intent, send, record the outcome. `doubt` decides after a lost
//! response, `triage` after a failure; both are pure.

pub mod discover;
pub mod discovery_loop;
mod doubt;
mod failure_streak;
pub mod force_send;
pub mod mapping;
mod mask;
pub mod newest;
pub(super) mod part_digests;
pub mod preview;
mod redact;
pub mod submit;
pub(super) mod sweep_cursor;
mod triage;
pub mod worker;

use std::time::Duration;

use self::failure_streak::FailureStreak;
use super::context::SyncService;
use crate::{
    domain::{ExistingOrdersPolicy, OrderState},
    http::Backoff,
};

#[derive(Debug, Clone)]
pub struct OrderSettings {
    pub trigger_states: Vec<OrderState>,
    pub existing_orders: ExistingOrdersPolicy,
    pub mapping_rules: mapping::MappingRules,
    /// From the discovery of an order to its send.
    pub send_delay: Duration,
    /// Counted failures after which an order needs attention.
    pub max_attempts: u32,
    pub backoff: Backoff,
    /// VeraCore may still process a send for this long after a lost response; see `doubt`.
    pub quiet_period: Duration,
    /// See [`lease_ttl`].
    pub lease_ttl: Duration,
    pub cancel_in_shop: bool,
    pub concurrency: u32,
    pub sweep_page_size: u32,
    pub newest_page_size: u32,
}

/// Vendure's default limit. Pages are halved in a shop that allows fewer.
pub const SWEEP_PAGE_SIZE: u32 = 1000;

pub const NEWEST_PAGE_SIZE: u32 = 50;

/// VeraCore may still process a send for this long after a lost response: twice our timeout.
pub fn quiet_period(veracore_timeout: Duration) -> Duration {
    veracore_timeout * 2
}

/// The lease of a claimed order. Covers an attempt whose calls all take their full timeout: login and
/// order at Vendure; token, lookup, send and another lookup at VeraCore. If it expires before, the
/// ledger refuses the intent, or the next worker looks up the outcome.
pub fn lease_ttl(vendure_timeout: Duration, veracore_timeout: Duration) -> Duration {
    vendure_timeout * 2 + veracore_timeout * 4 + Duration::from_secs(5)
}

/// Orders processed at once, for `calls` concurrent calls to VeraCore. More than `calls`, because an
/// order also waits for Vendure and the ledger.
pub fn order_concurrency(calls: usize) -> u32 {
    u32::try_from(calls + calls.div_ceil(2)).unwrap_or(u32::MAX)
}

/// Discovers and sends orders.
pub type OrderSync = SyncService<OrderSettings, FailureStreak>;
