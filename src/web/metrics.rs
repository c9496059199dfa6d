//! `/metrics`: what this process counted, what it knows now, and how the ledger stands.
//!
//! The ledger is asked at most every few seconds, by one at a time and within two, however many look.
//! While it does not answer, what it would say is left out: a number from before would be taken for
//! one of now.

use std::{
    fmt::{Display, Write as _},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router, extract::State, http::header::CONTENT_TYPE, response::IntoResponse, routing::get,
};
use chrono::{DateTime, Utc};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{WebState, health, services::Services};
use crate::{
    http::{Circuit, CircuitState},
    ledger::{Ledger, LedgerError, LedgerMetrics},
    sync::{inventory, jobs::Job},
    telemetry::metrics::{
        self,
        catalogue::{self, MetricKind},
    },
};

/// The version of the text format, without which Prometheus 3 takes nothing.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long what the ledger said is good for: so many times as long as it took, so that whoever looks
/// keeps the database busy for a twentieth of its time at most, but not less or more than this.
const CACHE_TIME_FACTOR: u32 = 20;
const MIN_CACHE_TIME: Duration = Duration::from_secs(3);
const MAX_CACHE_TIME: Duration = Duration::from_secs(60);

/// The same after it said nothing in time: it may be at work on the question still.
const CACHE_TIME_AFTER_TIMEOUT: Duration = Duration::from_secs(10);

/// More occurrences than these are not counted: what is overdue for so long is known.
const MAX_OVERDUE_RUNS: usize = 1000;

/// What the ledger last said. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct LedgerMetricsCache(Arc<Mutex<Option<CachedMetrics>>>);

struct CachedMetrics {
    expires_at: Instant,
    text: Arc<str>,
}

pub(super) fn router() -> Router<WebState> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(state): State<WebState>) -> impl IntoResponse {
    let services = state.services.current();
    let services = services.as_deref();
    let mut page = MetricsText(metrics::render_metrics());
    page.write_process_metrics(services);
    page.0
        .push_str(&state.ledger_metrics.render(&state, services).await);
    ([(CONTENT_TYPE, TEXT_FORMAT)], page.0)
}

impl LedgerMetricsCache {
    async fn render(&self, state: &WebState, services: Option<&Services>) -> Arc<str> {
        let mut kept = self.0.lock().await;
        if let Some(said) = kept.as_ref()
            && Instant::now() < said.expires_at
        {
            return Arc::clone(&said.text);
        }
        let ledger = services.map_or(&state.ledger, |services| &services.ledger);
        let start = Instant::now();
        let (problem, measures) = tokio::join!(
            health::not_ready_reason(ledger, services),
            timeout(health::DATABASE_TIMEOUT, read_measures(ledger)),
        );
        let mut page = MetricsText(String::new());
        page.write_family(catalogue::READY, [("", f64::from(problem.is_none()))]);
        let good_for = match measures {
            Ok(Ok(measures)) => {
                page.write_ledger_metrics(&measures, services, ledger.now());
                (start.elapsed() * CACHE_TIME_FACTOR).clamp(MIN_CACHE_TIME, MAX_CACHE_TIME)
            }
            // What is wrong is told by those who need the ledger for more.
            Ok(Err(_)) => MIN_CACHE_TIME,
            Err(_) => CACHE_TIME_AFTER_TIMEOUT,
        };
        let text: Arc<str> = page.0.into();
        *kept = Some(CachedMetrics {
            expires_at: Instant::now() + good_for,
            text: Arc::clone(&text),
        });
        text
    }
}

async fn read_measures(ledger: &Ledger) -> Result<LedgerMetrics, LedgerError> {
    ledger.metrics(&metrics::JOBS, inventory::JOB).await
}

/// A page in Prometheus' text format.
struct MetricsText(String);

impl MetricsText {
    /// Adds a metric: a sample for each value of its label, or one without.
    fn write_family<'a, V: Display>(
        &mut self,
        name: &str,
        samples: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        let Some(metric) = catalogue::ALL.iter().find(|metric| metric.name == name) else {
            return;
        };
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram(_) => "histogram",
        };
        // Writing to a string does not fail.
        let _ = write!(
            self.0,
            "# HELP {name} {}\n# TYPE {name} {kind}\n",
            metric.help
        );
        for (value, number) in samples {
            // The values are words of ours, in which nothing is to be escaped.
            let _ = match metric.labels.first() {
                Some(label) => writeln!(self.0, "{name}{{{label}=\"{value}\"}} {number}"),
                None => writeln!(self.0, "{name} {number}"),
            };
        }
        self.0.push('\n');
    }

    /// What this process knows at this moment.
    fn write_process_metrics(&mut self, services: Option<&Services>) {
        let ends = services.map(|services| &services.upstreams);
        let vendure = circuit_code(ends.map(|ends| &ends.shop_circuit));
        let veracore = circuit_code(ends.map(|ends| &ends.warehouse_circuit));
        self.write_family(
            catalogue::CIRCUIT_STATE,
            [("vendure", vendure), ("veracore", veracore)],
        );
        let moves = services.is_some_and(|services| services.paused_reason().is_none());
        self.write_family(catalogue::SYNC_ACTIVE, [("", u8::from(moves))]);
    }

    fn write_ledger_metrics(
        &mut self,
        measures: &LedgerMetrics,
        services: Option<&Services>,
        now: DateTime<Utc>,
    ) {
        let orders = measures.orders.iter();
        self.write_family(
            catalogue::ORDERS,
            orders.map(|(status, count)| (status.as_str(), count)),
        );
        let age = |since: Option<DateTime<Utc>>| since.map_or(0.0, |at| metrics::seconds(now - at));
        let held_back = services.map_or(0.0, |services| services.send_delay().as_secs_f64());
        let waiting = (age(measures.oldest_waiting_at) - held_back).max(0.0);
        self.write_family(catalogue::OLDEST_WAITING_ORDER, [("", waiting)]);
        self.write_family(
            catalogue::OLDEST_ORDER_IN_DOUBT,
            [("", age(measures.oldest_in_doubt_at))],
        );
        let care = &measures.post_send;
        self.write_family(
            catalogue::ORDERS_TO_REVIEW,
            [
                ("being_stopped", care.being_stopped),
                ("to_stop_by_hand", care.to_stop_by_hand),
                ("shipped_after_cancel", care.shipped_after_cancel),
                ("cancelled_at_veracore", care.cancelled_at_veracore),
                ("changed_since_sent", care.changed_since_sent),
            ],
        );
        let packages = measures.unfinished_parcels.iter();
        self.write_family(
            catalogue::PARCELS,
            packages.map(|(status, count)| (status.as_str(), count)),
        );
        let successes = measures.last_successes.iter();
        self.write_family(
            catalogue::LAST_SUCCESS,
            successes.map(|job| {
                (
                    job.job.as_str(),
                    job.ended_at.map_or(0.0, metrics::unix_seconds),
                )
            }),
        );
        if let Some(services) = services {
            let overdue = Job::SYNC.map(|job| {
                (
                    job.as_str(),
                    count_overdue_runs(services, job, measures, now),
                )
            });
            self.write_family(catalogue::OVERDUE_RUNS, overdue);
        }
        if let Some(unmatched) = measures.unmatched_skus {
            self.write_family(catalogue::UNMATCHED_SKUS, [("", unmatched)]);
        }
        self.write_family(
            catalogue::QUARANTINED_FEEDS,
            [("", measures.quarantined_feeds)],
        );
        self.write_family(catalogue::PENDING_EVENTS, [("", measures.pending_events)]);
        self.write_family(
            catalogue::OLDEST_PENDING_EVENT,
            [("", age(measures.oldest_pending_event_at))],
        );
    }
}

/// A circuit, as a number.
fn circuit_code(circuit: Option<&Circuit>) -> u8 {
    match circuit.map(Circuit::state) {
        None | Some(CircuitState::Closed) => 0,
        Some(CircuitState::HalfOpen { .. }) => 1,
        Some(CircuitState::Open { .. }) => 2,
    }
}

/// How often a job was due since its last success began, or since there is this installation.
fn count_overdue_runs(
    services: &Services,
    job: Job,
    measures: &LedgerMetrics,
    now: DateTime<Utc>,
) -> usize {
    let success = measures
        .last_successes
        .iter()
        .find(|success| success.job == job.as_str())
        .and_then(|success| success.started_at);
    let Some(since) = success.or(measures.first_started_at) else {
        return 0;
    };
    if !services.agenda.sync_enabled {
        return 0;
    }
    services
        .agenda
        .calendar
        .occurrences_from(job, since)
        .skip_while(|due| *due <= since)
        .take_while(|due| *due <= now)
        .take(MAX_OVERDUE_RUNS)
        .count()
}
