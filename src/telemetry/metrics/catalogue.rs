//! Every metric: its name, type, unit, labels and meaning. `/metrics` serves this list, and
//! `docs/metrics.md` describes it.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

use crate::domain::ErrorCategory;

pub const ORDERS_TOTAL: &str = "veracore_sync_orders_total";
pub const ORDERS: &str = "veracore_sync_orders";
pub const ORDER_AGE: &str = "veracore_sync_order_age_seconds";
pub const OLDEST_WAITING_ORDER: &str = "veracore_sync_oldest_waiting_seconds";
pub const OLDEST_ORDER_IN_DOUBT: &str = "veracore_sync_oldest_in_doubt_seconds";
pub const ORDERS_TO_REVIEW: &str = "veracore_sync_orders_to_look_at";
pub const PARCELS: &str = "veracore_sync_packages";
pub const RUN_DURATION: &str = "veracore_sync_run_seconds";
pub const LAST_SUCCESS: &str = "veracore_sync_last_success_timestamp_seconds";
pub const OVERDUE_RUNS: &str = "veracore_sync_overdue_runs";
pub const STOCK_CHANGES: &str = "veracore_sync_stock_changes_total";
pub const UNMATCHED_SKUS: &str = "veracore_sync_unmatched_skus";
pub const QUARANTINED_FEEDS: &str = "veracore_sync_held_feeds";
pub const REQUESTS_TOTAL: &str = "veracore_sync_upstream_requests_total";
pub const REQUEST_DURATION: &str = "veracore_sync_upstream_request_seconds";
pub const CIRCUIT_STATE: &str = "veracore_sync_circuit_state";
pub const PENDING_EVENTS: &str = "veracore_sync_pending_events";
pub const OLDEST_PENDING_EVENT: &str = "veracore_sync_oldest_pending_event_seconds";
pub const SYNC_ACTIVE: &str = "veracore_sync_moving";
pub const READY: &str = "veracore_sync_ready";
pub const START_TIME: &str = "veracore_sync_start_time_seconds";

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// Most orders take minutes, some a weekend.
const AGE_BUCKETS: &[f64] = &[
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    7.0 * DAY,
];

/// A sweep takes less than a second, a sync of 100,000 SKUs many minutes.
const RUN_BUCKETS: &[f64] = &[0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0];

/// The default timeout is 30 s.
const REQUEST_BUCKETS: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// The source of a metric's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricSource {
    /// This process, since its start.
    Process,
    /// This process, read at each scrape.
    OnScrape,
    /// The ledger: the same on every replica, and absent while the database is unavailable.
    Ledger,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: MetricKind,
    pub source: MetricSource,
    /// Includes the unit.
    pub help: &'static str,
    pub labels: &'static [&'static str],
}

type Labels = &'static [&'static str];

const fn counter(name: &'static str, labels: Labels, help: &'static str) -> Metric {
    Metric {
        kind: MetricKind::Counter,
        ..gauge(name, MetricSource::Process, labels, help)
    }
}

const fn histogram(
    name: &'static str,
    buckets: &'static [f64],
    labels: Labels,
    help: &'static str,
) -> Metric {
    Metric {
        kind: MetricKind::Histogram(buckets),
        ..gauge(name, MetricSource::Process, labels, help)
    }
}

const fn gauge(
    name: &'static str,
    source: MetricSource,
    labels: Labels,
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind: MetricKind::Gauge,
        source,
        help,
        labels,
    }
}

pub const ALL: [Metric; 21] = [
    counter(
        ORDERS_TOTAL,
        &["outcome"],
        "Orders processed, by outcome: acknowledged, in_doubt, retrying, parked, failed, skipped or cancelled.",
    ),
    gauge(
        ORDERS,
        MetricSource::Ledger,
        &["status"],
        "Orders in the ledger, by status.",
    ),
    histogram(
        ORDER_AGE,
        AGE_BUCKETS,
        &[],
        "Time from the placement of an order to its acknowledgement by VeraCore, in seconds.",
    ),
    gauge(
        OLDEST_WAITING_ORDER,
        MetricSource::Ledger,
        &[],
        "Age since discovery, without its send delay, of the oldest order that waits to be acknowledged, in seconds; 0 if none waits.",
    ),
    gauge(
        OLDEST_ORDER_IN_DOUBT,
        MetricSource::Ledger,
        &[],
        "Time since the oldest order in doubt was sent, in seconds; 0 if there is none.",
    ),
    gauge(
        ORDERS_TO_REVIEW,
        MetricSource::Ledger,
        &["reason"],
        "Orders at VeraCore that need attention: being_stopped, to_stop_by_hand, shipped_after_cancel (in 30 days), cancelled_at_veracore or changed_since_sent.",
    ),
    gauge(
        PARCELS,
        MetricSource::Ledger,
        &["status"],
        "Parcels that are not fulfilled in Vendure yet: waiting (for something else), pending (being written) or problem (needs attention).",
    ),
    histogram(
        RUN_DURATION,
        RUN_BUCKETS,
        &["job", "outcome"],
        "Duration of a job's runs, in seconds, by outcome: done, failed or held.",
    ),
    gauge(
        LAST_SUCCESS,
        MetricSource::Ledger,
        &["job"],
        "End of a job's last successful run, in seconds since 1970; 0 if there was none. For stock, only runs over all SKUs count.",
    ),
    gauge(
        OVERDUE_RUNS,
        MetricSource::Ledger,
        &["job"],
        "Scheduled runs that were due since a job's last successful run began, a running one included; 1000 at most, and 0 while the sync is inactive.",
    ),
    counter(STOCK_CHANGES, &[], "Stock levels written to Vendure."),
    gauge(
        UNMATCHED_SKUS,
        MetricSource::Ledger,
        &[],
        "SKUs of the last stock feed without a product variant in Vendure. Absent before the first feed.",
    ),
    gauge(
        QUARANTINED_FEEDS,
        MetricSource::Ledger,
        &[],
        "Stock feeds in quarantine since the last one that was applied.",
    ),
    counter(
        REQUESTS_TOTAL,
        &["upstream", "operation", "outcome"],
        "Requests sent, by outcome: ok, or the category of the failure (network, timeout, rate_limited, upstream, auth, validation, not_found or conflict).",
    ),
    histogram(
        REQUEST_DURATION,
        REQUEST_BUCKETS,
        &["upstream", "operation"],
        "Duration of requests, from the first byte sent to the last one read, in seconds.",
    ),
    gauge(
        CIRCUIT_STATE,
        MetricSource::OnScrape,
        &["upstream"],
        "State of an upstream's circuit in this process: 0 closed (called as needed), 1 half open (being probed), 2 open (calls are paused).",
    ),
    gauge(
        PENDING_EVENTS,
        MetricSource::Ledger,
        &[],
        "Events to deliver to EVENT_WEBHOOK_URL; 0 if it is not set.",
    ),
    gauge(
        OLDEST_PENDING_EVENT,
        MetricSource::Ledger,
        &[],
        "Age of the oldest event to deliver, in seconds; 0 if there is none.",
    ),
    gauge(
        SYNC_ACTIVE,
        MetricSource::OnScrape,
        &[],
        "1 while this process syncs orders, stock and tracking; 0 at its start, with SYNC_ENABLED=false, and while Vendure's setup does not match the configuration.",
    ),
    gauge(
        READY,
        MetricSource::OnScrape,
        &[],
        "1 while /readyz returns 200, else 0.",
    ),
    gauge(
        START_TIME,
        MetricSource::Process,
        &[],
        "Start of this process, in seconds since 1970.",
    ),
];

/// The outcomes of a request; `None` is success. An upstream never causes an internal error.
pub(super) fn request_outcomes() -> impl Iterator<Item = Option<ErrorCategory>> {
    let failures = ErrorCategory::ALL
        .iter()
        .copied()
        .filter(|category| *category != ErrorCategory::Internal);
    std::iter::once(None).chain(failures.map(Some))
}

/// Describes the metrics of the process to the recorder.
pub(super) fn describe() {
    for metric in ALL
        .iter()
        .filter(|metric| metric.source == MetricSource::Process)
    {
        let is_time = metric.name.ends_with("_seconds");
        let unit = if is_time { Unit::Seconds } else { Unit::Count };
        match metric.kind {
            MetricKind::Counter => describe_counter!(metric.name, unit, metric.help),
            MetricKind::Gauge => describe_gauge!(metric.name, unit, metric.help),
            MetricKind::Histogram(_) => describe_histogram!(metric.name, unit, metric.help),
        }
    }
}
