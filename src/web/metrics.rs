//! `/metrics`: this process's counters and the state of the ledger.
//!
//! The ledger is read at most every few seconds, whatever the number of scrapes. While it is
//! unavailable its metrics are absent: old numbers would pass for current ones.

use std::{
    fmt::{Display, Write as _},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router, extract::State, http::header::CONTENT_TYPE, response::IntoResponse, routing::get,
};
use chrono::{DateTime, Utc};
use tokio::time::{Instant, timeout};

use super::{
    health::{DATABASE_TIMEOUT, not_ready_reason},
    services::Services,
    state::{CachedMetrics, LedgerMetricsCache, WebState},
};
use crate::{
    http::{Circuit, CircuitState},
    ledger::{Ledger, LedgerMetrics},
    sync::{inventory, jobs::Job},
    telemetry::metrics::{
        self,
        catalogue::{self, MetricKind},
    },
};

/// Prometheus 3 requires the version.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Ledger metrics are cached for 20 times as long as reading them took, within these bounds, so that
/// scrapes take at most a twentieth of the database's time.
const CACHE_TIME_FACTOR: u32 = 20;
const MIN_CACHE_TIME: Duration = Duration::from_secs(3);
const MAX_CACHE_TIME: Duration = Duration::from_secs(60);

/// After a timeout, when the database may still be busy with the query.
const CACHE_TIME_AFTER_TIMEOUT: Duration = Duration::from_secs(10);

/// Overdue runs are counted up to here.
const MAX_OVERDUE_RUNS: usize = 1000;

pub(super) fn router() -> Router<WebState> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(state): State<WebState>) -> impl IntoResponse {
    let services = state.services.current();
    let services = services.as_deref();
    let mut page = MetricsText(metrics::render_metrics());
    page.write_process_metrics(services);
    let ledger = services.map_or(&state.ledger, |services| &services.ledger);
    page.0
        .push_str(&ledger_metrics(&state.ledger_metrics, ledger, services).await);
    ([(CONTENT_TYPE, TEXT_FORMAT)], page.0)
}

async fn ledger_metrics(
    cache: &LedgerMetricsCache,
    ledger: &Ledger,
    services: Option<&Services>,
) -> Arc<str> {
    let mut cached = cache.0.lock().await;
    if let Some(metrics) = cached.as_ref()
        && Instant::now() < metrics.expires_at
    {
        return Arc::clone(&metrics.text);
    }
    let start = Instant::now();
    let (problem, measures) = tokio::join!(
        not_ready_reason(ledger, services),
        timeout(
            DATABASE_TIMEOUT,
            ledger.metrics(&metrics::JOBS, inventory::JOB)
        ),
    );
    let mut page = MetricsText(String::new());
    page.write_value(catalogue::READY, f64::from(problem.is_none()));
    let lifetime = match measures {
        Ok(Ok(measures)) => {
            page.write_ledger_metrics(&measures, services, ledger.now());
            (start.elapsed() * CACHE_TIME_FACTOR).clamp(MIN_CACHE_TIME, MAX_CACHE_TIME)
        }
        // The jobs log ledger errors.
        Ok(Err(_)) => MIN_CACHE_TIME,
        Err(_) => CACHE_TIME_AFTER_TIMEOUT,
    };
    let text: Arc<str> = page.0.into();
    *cached = Some(CachedMetrics {
        expires_at: Instant::now() + lifetime,
        text: Arc::clone(&text),
    });
    text
}

/// Metrics in Prometheus's text format.
struct MetricsText(String);

impl MetricsText {
    fn write_value(&mut self, name: &str, value: impl Display) {
        self.write_family(name, [("", value)]);
    }

    /// Writes a metric with a sample for each value of its label, or one without a label.
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
            // Label values are our own constants: nothing to escape.
            let _ = match metric.labels.first() {
                Some(label) => writeln!(self.0, "{name}{{{label}=\"{value}\"}} {number}"),
                None => writeln!(self.0, "{name} {number}"),
            };
        }
        self.0.push('\n');
    }

    fn write_process_metrics(&mut self, services: Option<&Services>) {
        let upstreams = services.map(|services| &services.upstreams);
        let vendure = circuit_code(upstreams.map(|upstreams| &upstreams.shop_circuit));
        let veracore = circuit_code(upstreams.map(|upstreams| &upstreams.warehouse_circuit));
        self.write_family(
            catalogue::CIRCUIT_STATE,
            [("vendure", vendure), ("veracore", veracore)],
        );
        let is_active = services.is_some_and(|services| services.paused_reason().is_none());
        self.write_value(catalogue::SYNC_ACTIVE, u8::from(is_active));
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
        let delay = services.map_or(0.0, |services| services.send_delay().as_secs_f64());
        let waiting = (age(measures.oldest_waiting_at) - delay).max(0.0);
        self.write_value(catalogue::OLDEST_WAITING_ORDER, waiting);
        self.write_value(
            catalogue::OLDEST_ORDER_IN_DOUBT,
            age(measures.oldest_in_doubt_at),
        );
        let review = &measures.post_send;
        self.write_family(
            catalogue::ORDERS_TO_REVIEW,
            [
                ("being_stopped", review.being_stopped),
                ("to_stop_by_hand", review.to_stop_by_hand),
                ("shipped_after_cancel", review.shipped_after_cancel),
                ("cancelled_at_veracore", review.cancelled_at_veracore),
                ("changed_since_sent", review.changed_since_sent),
            ],
        );
        let parcels = measures.unfinished_parcels.iter();
        self.write_family(
            catalogue::PARCELS,
            parcels.map(|(status, count)| (status.into_str(), count)),
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
            self.write_value(catalogue::UNMATCHED_SKUS, unmatched);
        }
        self.write_value(catalogue::QUARANTINED_FEEDS, measures.quarantined_feeds);
        self.write_value(catalogue::PENDING_EVENTS, measures.pending_events);
        self.write_value(
            catalogue::OLDEST_PENDING_EVENT,
            age(measures.oldest_pending_event_at),
        );
    }
}

fn circuit_code(circuit: Option<&Circuit>) -> u8 {
    match circuit.map(Circuit::state) {
        None | Some(CircuitState::Closed) => 0,
        Some(CircuitState::HalfOpen { .. }) => 1,
        Some(CircuitState::Open { .. }) => 2,
    }
}

/// Occurrences of a job since its last successful run began, or since the installation's first start.
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
