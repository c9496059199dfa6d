//! Functions that record a metric, one for each fact, called where it is decided.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use metrics::{Counter, counter, gauge, histogram};

use super::catalogue;
use crate::domain::ErrorCategory;

/// What became of an order that was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum OrderOutcome {
    /// VeraCore has it.
    Acknowledged,
    /// Sent, and the answer was lost.
    InDoubt,
    /// Failed in a way that counts, and tried again.
    Retrying,
    /// Not done, since the other end could not do it now; that does not count.
    Parked,
    /// Given to a person.
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

/// An order was worked on.
pub fn record_order_outcome(outcome: OrderOutcome) {
    counter!(catalogue::ORDERS_TOTAL, "outcome" => outcome.as_str()).increment(1);
}

/// VeraCore has an order that was placed at `placed_at`.
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

/// A run of a job came to its end.
pub fn record_run(job: &str, outcome: &'static str, took: TimeDelta) {
    // What an older or newer version left in the table is not a name of ours.
    let Some(job) = JOBS.into_iter().find(|known| *known == job) else {
        return;
    };
    histogram!(catalogue::RUN_DURATION, "job" => job, "outcome" => outcome).record(seconds(took));
}

/// Levels were written to the shop.
pub fn record_stock_changes(levels: u64) {
    counter!(catalogue::STOCK_CHANGES).increment(levels);
}

/// Whom a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamLabel {
    Vendure,
    VeraCore,
    /// The receiver of events.
    Events,
}

impl UpstreamLabel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vendure => "vendure",
            Self::VeraCore => "veracore",
            Self::Events => "events",
        }
    }
}

/// A request came to its end; `None`: well.
pub fn record_request(
    peer: UpstreamLabel,
    operation: &'static str,
    outcome: Option<ErrorCategory>,
) {
    request_counter(peer, operation, outcome).increment(1);
    // The others appear with it, so that the first failure of an operation is a step up from zero.
    for other in catalogue::request_outcomes() {
        request_counter(peer, operation, other).increment(0);
    }
}

fn request_counter(
    peer: UpstreamLabel,
    operation: &'static str,
    outcome: Option<ErrorCategory>,
) -> Counter {
    counter!(
        catalogue::REQUESTS_TOTAL,
        "upstream" => peer.as_str(),
        "operation" => operation,
        "outcome" => outcome.map_or("ok", ErrorCategory::as_str)
    )
}

/// How long a request took, whatever came of it.
pub fn record_request_duration(peer: UpstreamLabel, operation: &'static str, took: Duration) {
    let labels = [("upstream", peer.as_str()), ("operation", operation)];
    histogram!(catalogue::REQUEST_DURATION, &labels).record(took.as_secs_f64());
}

/// Describes what a process counts, and makes everything that has no more than a few labels appear
/// with 0, so that what happens first is a step up from zero.
pub fn register_metrics(now: DateTime<Utc>) {
    catalogue::describe();
    for &outcome in OrderOutcome::ALL {
        counter!(catalogue::ORDERS_TOTAL, "outcome" => outcome.as_str()).increment(0);
    }
    counter!(catalogue::STOCK_CHANGES).increment(0);
    // Named is enough: a histogram shows itself without a single sample.
    let _ = histogram!(catalogue::ORDER_AGE);
    for job in JOBS {
        for outcome in run_outcomes(job) {
            let _ = histogram!(catalogue::RUN_DURATION, "job" => job, "outcome" => *outcome);
        }
    }
    gauge!(catalogue::START_TIME).set(unix_seconds(now));
}

/// Seconds since 1970.
pub fn unix_seconds(at: DateTime<Utc>) -> f64 {
    seconds(at - DateTime::UNIX_EPOCH)
}

/// Never below zero: clocks are set back at times.
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
