//! Reads for the dashboard and the metrics.

pub(super) mod dashboard;
pub(super) mod metrics;
pub(super) mod summary;
