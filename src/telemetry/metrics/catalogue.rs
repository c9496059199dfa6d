//! Every metric: its name, type, unit, labels and meaning. `/metrics` serves this list, and
//! `docs/metrics.md` describes it.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

use self::{
    MetricKind::{Counter, Gauge, Histogram},
    MetricSource::{Ledger, OnScrape, Process},
};
use crate::domain::ErrorCategory;

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

macro_rules! catalogue {
    ($($const:ident = $name:literal, $kind:expr, $source:expr, $labels:expr, $help:literal;)+) => {
        $(pub const $const: &str = $name;)+

        pub const ALL: [Metric; 21] = [$(Metric {
            name: $const,
            kind: $kind,
            source: $source,
            help: $help,
            labels: &$labels,
        }),+];
    };
}

catalogue! {
    ORDERS_TOTAL = "veracore_sync_orders_total", Counter, Process, ["outcome"],
        "Orders processed, by outcome: acknowledged, in_doubt, retrying, parked, failed, skipped or cancelled.";
    ORDERS = "veracore_sync_orders", Gauge, Ledger, ["status"],
        "Orders in the ledger, by status.";
    ORDER_AGE = "veracore_sync_order_age_seconds", Histogram(AGE_BUCKETS), Process, [],
        "Time from the placement of an order to its acknowledgement by VeraCore, in seconds.";
    OLDEST_WAITING_ORDER = "veracore_sync_oldest_waiting_seconds", Gauge, Ledger, [],
        "Age since discovery, without its send delay, of the oldest order that waits to be acknowledged, in seconds; 0 if none waits.";
    OLDEST_ORDER_IN_DOUBT = "veracore_sync_oldest_in_doubt_seconds", Gauge, Ledger, [],
        "Time since the oldest order in doubt was sent, in seconds; 0 if there is none.";
    ORDERS_TO_REVIEW = "veracore_sync_orders_to_look_at", Gauge, Ledger, ["reason"],
        "Orders at VeraCore that need attention: being_stopped, to_stop_by_hand, shipped_after_cancel (in 30 days), cancelled_at_veracore or changed_since_sent.";
    PARCELS = "veracore_sync_packages", Gauge, Ledger, ["status"],
        "Parcels that are not fulfilled in Vendure yet: waiting (for something else), pending (being written) or problem (needs attention).";
    RUN_DURATION = "veracore_sync_run_seconds", Histogram(RUN_BUCKETS), Process, ["job", "outcome"],
        "Duration of a job's runs, in seconds, by outcome: done, failed or held.";
    LAST_SUCCESS = "veracore_sync_last_success_timestamp_seconds", Gauge, Ledger, ["job"],
        "End of a job's last successful run, in seconds since 1970; 0 if there was none. For stock, only runs over all SKUs count.";
    OVERDUE_RUNS = "veracore_sync_overdue_runs", Gauge, Ledger, ["job"],
        "Scheduled runs that were due since a job's last successful run began, a running one included; 1000 at most, and 0 while the sync is inactive.";
    STOCK_CHANGES = "veracore_sync_stock_changes_total", Counter, Process, [],
        "Stock levels written to Vendure.";
    UNMATCHED_SKUS = "veracore_sync_unmatched_skus", Gauge, Ledger, [],
        "SKUs of the last stock feed without a product variant in Vendure. Absent before the first feed.";
    QUARANTINED_FEEDS = "veracore_sync_held_feeds", Gauge, Ledger, [],
        "Stock feeds in quarantine since the last one that was applied.";
    REQUESTS_TOTAL = "veracore_sync_upstream_requests_total", Counter, Process, ["upstream", "operation", "outcome"],
        "Requests sent, by outcome: ok, or the category of the failure (network, timeout, rate_limited, upstream, auth, validation, not_found or conflict).";
    REQUEST_DURATION = "veracore_sync_upstream_request_seconds", Histogram(REQUEST_BUCKETS), Process, ["upstream", "operation"],
        "Duration of requests, from the first byte sent to the last one read, in seconds.";
    CIRCUIT_STATE = "veracore_sync_circuit_state", Gauge, OnScrape, ["upstream"],
        "State of an upstream's circuit in this process: 0 closed (called as needed), 1 half open (being probed), 2 open (calls are paused).";
    PENDING_EVENTS = "veracore_sync_pending_events", Gauge, Ledger, [],
        "Events to deliver to EVENT_WEBHOOK_URL; 0 if it is not set.";
    OLDEST_PENDING_EVENT = "veracore_sync_oldest_pending_event_seconds", Gauge, Ledger, [],
        "Age of the oldest event to deliver, in seconds; 0 if there is none.";
    SYNC_ACTIVE = "veracore_sync_moving", Gauge, OnScrape, [],
        "1 while this process syncs orders, stock and tracking; 0 at its start, with SYNC_ENABLED=false, and while Vendure's setup does not match the configuration.";
    READY = "veracore_sync_ready", Gauge, OnScrape, [],
        "1 while /readyz returns 200, else 0.";
    START_TIME = "veracore_sync_start_time_seconds", Gauge, Process, [],
        "Start of this process, in seconds since 1970.";
}

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
    for metric in ALL.iter().filter(|metric| metric.source == Process) {
        let is_time = metric.name.ends_with("_seconds");
        let unit = if is_time { Unit::Seconds } else { Unit::Count };
        match metric.kind {
            Counter => describe_counter!(metric.name, unit, metric.help),
            Gauge => describe_gauge!(metric.name, unit, metric.help),
            Histogram(_) => describe_histogram!(metric.name, unit, metric.help),
        }
    }
}
