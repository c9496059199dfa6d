//! The metrics of docs/metrics.md: their catalogue, the functions that record them, and the
//! Prometheus recorder.
//!
//! Labels are words from fixed lists: never a path, a SKU, a number or a name of anybody. Without a
//! recorder (in one-shot commands) recording does nothing. Must not read anything: gauges of the
//! whole installation are read from the ledger on each scrape (`web/metrics.rs`).

pub mod catalogue;
mod record;
mod recorder;

pub use record::*;
pub use recorder::{init_metrics, render_metrics, run_metrics_upkeep};
