//! The metrics of docs/metrics.md: their catalogue, the functions that record them, and the
//! Prometheus recorder.
//!
//! Labels have values from fixed lists: never a path, a SKU, an order number or a name. Without a
//! recorder (in one-shot commands) recording has no effect. Must not read any state: gauges of the
//! whole installation are read from the ledger at each scrape (`web/metrics.rs`).

pub mod catalogue;
mod record;
mod recorder;

pub use record::*;
pub use recorder::{init_metrics, render_metrics, run_metrics_upkeep};
