//! Every metric: its name, type, unit, labels and meaning. What `/metrics` shows is this list, and
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

/// From placed to acknowledged: most take minutes, some a weekend.
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

/// A sweep takes less than a second, stock of 100,000 SKUs many minutes.
const RUN_BUCKETS: &[f64] = &[0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0];

/// Calls are given up after 30 s, unless set otherwise.
const REQUEST_BUCKETS: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// Who knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricSource {
    /// This process, since its start.
    Process,
    /// This process, when somebody looks.
    OnScrape,
    /// The ledger: the same on every replica, and absent while the database does not answer.
    Ledger,
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: MetricKind,
    pub source: MetricSource,
    /// The unit is part of it.
    pub help: &'static str,
    pub labels: &'static [&'static str],
}

const fn metric(
    name: &'static str,
    kind: MetricKind,
    known: MetricSource,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        source: known,
        help,
        labels,
    }
}

/// Every metric there is.
pub const ALL: [Metric; 21] = [
    metric(
        ORDERS_TOTAL,
        MetricKind::Counter,
        MetricSource::Process,
        &["outcome"],
        "Orders that were worked on, by what came of it: acknowledged, in_doubt, retrying, parked, failed, skipped or cancelled.",
    ),
    metric(
        ORDERS,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &["status"],
        "Orders in the ledger, by status.",
    ),
    metric(
        ORDER_AGE,
        MetricKind::Histogram(AGE_BUCKETS),
        MetricSource::Process,
        &[],
        "Time from when an order was placed to when VeraCore acknowledged it, in seconds.",
    ),
    metric(
        OLDEST_WAITING_ORDER,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &[],
        "How long the order that waits the longest to be acknowledged has waited since it was found, its hold not counted, in seconds; 0 when none waits.",
    ),
    metric(
        OLDEST_ORDER_IN_DOUBT,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &[],
        "How long ago the oldest order was sent of which it is not known whether it arrived, and which is still asked about, in seconds; 0 when there is none.",
    ),
    metric(
        ORDERS_TO_REVIEW,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &["reason"],
        "Orders that VeraCore has and somebody should look at: being_stopped, to_stop_by_hand, shipped_after_cancel (in 30 days), cancelled_at_veracore or changed_since_sent.",
    ),
    metric(
        PARCELS,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &["status"],
        "Packages that are not fulfilled in Vendure yet: waiting (for something else), pending (being written) or problem (needs a person).",
    ),
    metric(
        RUN_DURATION,
        MetricKind::Histogram(RUN_BUCKETS),
        MetricSource::Process,
        &["job", "outcome"],
        "How long runs of a job took, in seconds, by outcome: done, failed or held.",
    ),
    metric(
        LAST_SUCCESS,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &["job"],
        "When the last successful run of a job ended, in seconds since 1970; 0 when there was none. Of stock, only runs over all SKUs count.",
    ),
    metric(
        OVERDUE_RUNS,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &["job"],
        "How often a scheduled job was due since its last success began, a run that is going on included; 1000 at most, and 0 while nothing is to be moved.",
    ),
    metric(
        STOCK_CHANGES,
        MetricKind::Counter,
        MetricSource::Process,
        &[],
        "Stock levels written to Vendure.",
    ),
    metric(
        UNMATCHED_SKUS,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &[],
        "SKUs of the last stock feed without a product variant in Vendure. Absent before the first feed.",
    ),
    metric(
        QUARANTINED_FEEDS,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &[],
        "Stock feeds held for a person since the last one that was applied.",
    ),
    metric(
        REQUESTS_TOTAL,
        MetricKind::Counter,
        MetricSource::Process,
        &["upstream", "operation", "outcome"],
        "Requests sent, by outcome: ok, or the category of the failure (network, timeout, rate_limited, upstream, auth, validation, not_found or conflict).",
    ),
    metric(
        REQUEST_DURATION,
        MetricKind::Histogram(REQUEST_BUCKETS),
        MetricSource::Process,
        &["upstream", "operation"],
        "How long requests took, from the first byte sent to the last one read, in seconds.",
    ),
    metric(
        CIRCUIT_STATE,
        MetricKind::Gauge,
        MetricSource::OnScrape,
        &["upstream"],
        "Whether this process calls an upstream: 0 closed (called as needed), 1 half open (being probed), 2 open (left alone).",
    ),
    metric(
        PENDING_EVENTS,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &[],
        "Events that are to be delivered to EVENT_WEBHOOK_URL; 0 when that is not set.",
    ),
    metric(
        OLDEST_PENDING_EVENT,
        MetricKind::Gauge,
        MetricSource::Ledger,
        &[],
        "How long ago the oldest event happened that is to be delivered, in seconds; 0 when there is none.",
    ),
    metric(
        SYNC_ACTIVE,
        MetricKind::Gauge,
        MetricSource::OnScrape,
        &[],
        "1 while this process moves orders, stock and tracking; 0 at its start, with SYNC_ENABLED=false, and while Vendure is not as configured.",
    ),
    metric(
        READY,
        MetricKind::Gauge,
        MetricSource::OnScrape,
        &[],
        "1 while /readyz answers 200, else 0.",
    ),
    metric(
        START_TIME,
        MetricKind::Gauge,
        MetricSource::Process,
        &[],
        "When this process started, in seconds since 1970.",
    ),
];

/// What can come of a request: `None` is well. Nothing internal: that is never the other side's.
pub(super) fn request_outcomes() -> impl Iterator<Item = Option<ErrorCategory>> {
    let failures = ErrorCategory::ALL
        .iter()
        .copied()
        .filter(|category| *category != ErrorCategory::Internal);
    std::iter::once(None).chain(failures.map(Some))
}

/// Gives the recorder the descriptions of what a process counts.
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
