//! Inventory: from VeraCore's stock feed to the shop's stock levels.
//!
//! `feed`, `acknowledged` and `baseline` hold what was read, `plan` calculates the levels, and `guard`
//! checks the feed: all pure. `run` reads, decides and records; `apply` writes; `explain` shows the
//! calculation for one SKU. Writes only the stock on hand, never what the shop allocated.

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
mod service;
mod summary;

pub use acknowledged::AcknowledgedUnits;
pub use baseline::StockBaseline;
pub use explain::{CalculationLine, ExplainedLevel, StockArithmetic, StockExplanation};
pub(super) use job::transient_failure;
pub use quarantine::{DiscardOutcome, InventoryRunResult};
pub use service::{InventorySettings, InventorySync, PAGE_SIZE, stock_lease_ttl};
pub use summary::{InventoryRequest, InventorySummary, LevelCounts, QuarantinedFeed};

use super::jobs::Job;

pub const JOB: &str = Job::Inventory.as_str();
