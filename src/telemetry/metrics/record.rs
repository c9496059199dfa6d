//! Functions that record a metric, one for each.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use metrics::{Counter, counter, gauge, histogram};

use super::catalogue;
use crate::domain::ErrorCategory;

/// The outcome of processing an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum OrderOutcome {
    /// VeraCore has it.
    Acknowledged,
    /// Sent, and the response was lost.
    InDoubt,
    /// Failed, and the failure counts towards the limit.
    Retrying,
    /// Postponed, since an upstream is unavailable; this does not count.
    Parked,
    /// Needs attention.
    Failed,
    Skipped,
    /// Cancelled in the shop before it was sent.
    Cancelled,
}

impl OrderOutcome {
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

pub fn record_order_outcome(outcome: OrderOutcome) {
    counter!(catalogue::ORDERS_TOTAL, "outcome" => outcome.as_str()).increment(1);
}

/// Records the age of an order that VeraCore has acknowledged.
pub fn record_order_age(placed_at: DateTime<Utc>, now: DateTime<Utc>) {
    histogram!(catalogue::ORDER_AGE).record(seconds(now - placed_at));
}

/// The names of the jobs, as in the table of runs.
pub const JOBS: [&str; 5] = [
    "reconcile",
    "sweep_orders",
    "sync_inventory",
    "sync_tracking",
    "tidy_ledger",
];

/// The outcomes that a job's run can have.
fn run_outcomes(job: &str) -> &'static [&'static str] {
    match job {
        "sync_inventory" => &["done", "failed", "held"],
        _ => &["done", "failed"],
    }
}

pub fn record_run(job: &str, outcome: &'static str, took: TimeDelta) {
    // The table may have jobs of an older or newer version.
    let Some(job) = JOBS.into_iter().find(|known| *known == job) else {
        return;
    };
    histogram!(catalogue::RUN_DURATION, "job" => job, "outcome" => outcome).record(seconds(took));
}

pub fn record_stock_changes(levels: u64) {
    counter!(catalogue::STOCK_CHANGES).increment(levels);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum UpstreamLabel {
    Vendure,
    VeraCore,
    /// The receiver of events.
    Events,
}

impl UpstreamLabel {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// Counts a request; `None` is success.
pub fn record_request(
    upstream: UpstreamLabel,
    operation: &'static str,
    outcome: Option<ErrorCategory>,
) {
    request_counter(upstream, operation, outcome).increment(1);
    // Also creates the other outcomes, so that the first failure is a step up from zero.
    for other in catalogue::request_outcomes() {
        request_counter(upstream, operation, other).increment(0);
    }
}

fn request_counter(
    upstream: UpstreamLabel,
    operation: &'static str,
    outcome: Option<ErrorCategory>,
) -> Counter {
    counter!(
        catalogue::REQUESTS_TOTAL,
        "upstream" => upstream.as_str(),
        "operation" => operation,
        "outcome" => outcome.map_or("ok", ErrorCategory::as_str)
    )
}

pub fn record_request_duration(upstream: UpstreamLabel, operation: &'static str, took: Duration) {
    let labels = [("upstream", upstream.as_str()), ("operation", operation)];
    histogram!(catalogue::REQUEST_DURATION, &labels).record(took.as_secs_f64());
}

/// Describes the metrics of the process, and creates those with few labels, so that the first count
/// is a step up from zero.
pub fn register_metrics(now: DateTime<Utc>) {
    catalogue::describe();
    for &outcome in OrderOutcome::ALL {
        counter!(catalogue::ORDERS_TOTAL, "outcome" => outcome.as_str()).increment(0);
    }
    counter!(catalogue::STOCK_CHANGES).increment(0);
    // A histogram is shown even without samples.
    let _ = histogram!(catalogue::ORDER_AGE);
    for job in JOBS {
        for outcome in run_outcomes(job) {
            let _ = histogram!(catalogue::RUN_DURATION, "job" => job, "outcome" => *outcome);
        }
    }
    gauge!(catalogue::START_TIME).set(unix_seconds(now));
}

pub fn unix_seconds(at: DateTime<Utc>) -> f64 {
    seconds(at - DateTime::UNIX_EPOCH)
}

/// Zero for a negative span: clocks are set back at times.
pub fn seconds(span: TimeDelta) -> f64 {
    span.to_std().unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_runs_backwards_is_none() {
        assert!(seconds(TimeDelta::seconds(-5)).abs() < f64::EPSILON);
        let at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1500);
        assert!((unix_seconds(at) - 1.5).abs() < f64::EPSILON);
    }
}
