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

use super::{WebState, health, live::Services};
use crate::{
    http::{Circuit, CircuitState},
    ledger::{Ledger, LedgerError, Measures},
    meter::{
        self,
        catalogue::{self, Kind},
    },
    sync::{inventory, schedule::Job},
    telemetry,
};

/// The version of the text format, without which Prometheus 3 takes nothing.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long what the ledger said is good for: so many times as long as it took, so that whoever looks
/// keeps the database busy for a twentieth of its time at most, but not less or more than this.
const KEPT_TIMES: u32 = 20;
const KEPT: Duration = Duration::from_secs(3);
const KEPT_AT_MOST: Duration = Duration::from_secs(60);

/// The same after it said nothing in time: it may be at work on the question still.
const KEPT_IN_SILENCE: Duration = Duration::from_secs(10);

/// More occurrences than these are not counted: what is overdue for so long is known.
const MOST_OVERDUE: usize = 1000;

/// What the ledger last said. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Scrape(Arc<Mutex<Option<Said>>>);

struct Said {
    until: Instant,
    text: Arc<str>,
}

pub(super) fn router() -> Router<WebState> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(state): State<WebState>) -> impl IntoResponse {
    let services = state.live.now();
    let services = services.as_deref();
    let mut page = Page(telemetry::counted());
    page.tell_of_now(services);
    page.0
        .push_str(&state.scrape.ledger(&state, services).await);
    ([(CONTENT_TYPE, TEXT_FORMAT)], page.0)
}

impl Scrape {
    async fn ledger(&self, state: &WebState, services: Option<&Services>) -> Arc<str> {
        let mut kept = self.0.lock().await;
        if let Some(said) = kept.as_ref()
            && Instant::now() < said.until
        {
            return Arc::clone(&said.text);
        }
        let ledger = services.map_or(&state.ledger, |services| &services.ledger);
        let start = Instant::now();
        let (problem, measures) = tokio::join!(
            health::problem(ledger, services),
            timeout(health::PATIENCE, measures(ledger)),
        );
        let mut page = Page(String::new());
        page.family(catalogue::READY, [("", f64::from(problem.is_none()))]);
        let good_for = match measures {
            Ok(Ok(measures)) => {
                page.tell_of_ledger(&measures, services, ledger.now());
                (start.elapsed() * KEPT_TIMES).clamp(KEPT, KEPT_AT_MOST)
            }
            // What is wrong is told by those who need the ledger for more.
            Ok(Err(_)) => KEPT,
            Err(_) => KEPT_IN_SILENCE,
        };
        let text: Arc<str> = page.0.into();
        *kept = Some(Said {
            until: Instant::now() + good_for,
            text: Arc::clone(&text),
        });
        text
    }
}

async fn measures(ledger: &Ledger) -> Result<Measures, LedgerError> {
    ledger.measures(&meter::JOBS, inventory::JOB).await
}

/// A page in Prometheus' text format.
struct Page(String);

impl Page {
    /// Adds a metric: a sample for each value of its label, or one without.
    fn family<'a, V: Display>(
        &mut self,
        name: &str,
        samples: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        let Some(metric) = catalogue::ALL.iter().find(|metric| metric.name == name) else {
            return;
        };
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
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
    fn tell_of_now(&mut self, services: Option<&Services>) {
        let ends = services.map(|services| &services.upstreams);
        let vendure = code_of(ends.map(|ends| &ends.shop));
        let veracore = code_of(ends.map(|ends| &ends.warehouse));
        self.family(
            catalogue::CIRCUIT,
            [("vendure", vendure), ("veracore", veracore)],
        );
        let moves = services.is_some_and(|services| services.stands_still().is_none());
        self.family(catalogue::MOVING, [("", u8::from(moves))]);
    }

    fn tell_of_ledger(
        &mut self,
        measures: &Measures,
        services: Option<&Services>,
        now: DateTime<Utc>,
    ) {
        let orders = measures.orders.iter();
        self.family(
            catalogue::ORDERS,
            orders.map(|(status, count)| (status.as_str(), count)),
        );
        let age = |since: Option<DateTime<Utc>>| since.map_or(0.0, |at| meter::seconds(now - at));
        let held_back = services.map_or(0.0, |services| services.hold().as_secs_f64());
        let waiting = (age(measures.waiting_since) - held_back).max(0.0);
        self.family(catalogue::OLDEST_WAITING, [("", waiting)]);
        self.family(
            catalogue::OLDEST_IN_DOUBT,
            [("", age(measures.in_doubt_since))],
        );
        let care = &measures.in_care;
        self.family(
            catalogue::TO_LOOK_AT,
            [
                ("being_stopped", care.being_stopped),
                ("to_stop_by_hand", care.to_stop_by_hand),
                ("shipped_after_cancel", care.shipped_after_cancel),
                ("cancelled_at_veracore", care.cancelled_at_veracore),
                ("changed_since_sent", care.changed_since_sent),
            ],
        );
        let packages = measures.packages.iter();
        self.family(
            catalogue::PACKAGES,
            packages.map(|(status, count)| (status.as_str(), count)),
        );
        let successes = measures.successes.iter();
        self.family(
            catalogue::LAST_SUCCESS,
            successes.map(|job| (job.job.as_str(), job.ended_at.map_or(0.0, meter::timestamp))),
        );
        if let Some(services) = services {
            let overdue = Job::ALL.map(|job| (job.as_str(), overdue(services, job, measures, now)));
            self.family(catalogue::OVERDUE_RUNS, overdue);
        }
        if let Some(unmatched) = measures.unmatched {
            self.family(catalogue::UNMATCHED_SKUS, [("", unmatched)]);
        }
        self.family(catalogue::HELD_FEEDS, [("", measures.held)]);
        self.family(catalogue::PENDING_EVENTS, [("", measures.events)]);
        self.family(catalogue::OLDEST_EVENT, [("", age(measures.events_since))]);
    }
}

/// A circuit, as a number.
fn code_of(circuit: Option<&Circuit>) -> u8 {
    match circuit.map(Circuit::state) {
        None | Some(CircuitState::Closed) => 0,
        Some(CircuitState::HalfOpen { .. }) => 1,
        Some(CircuitState::Open { .. }) => 2,
    }
}

/// How often a job was due since its last success began, or since there is this installation.
fn overdue(services: &Services, job: Job, measures: &Measures, now: DateTime<Utc>) -> usize {
    let success = measures
        .successes
        .iter()
        .find(|success| success.job == job.as_str())
        .and_then(|success| success.started_at);
    let Some(since) = success.or(measures.first_started_at) else {
        return 0;
    };
    if !services.agenda.enabled {
        return 0;
    }
    services
        .agenda
        .calendar
        .occurrences_from(job, since)
        .skip_while(|due| *due <= since)
        .take_while(|due| *due <= now)
        .take(MOST_OVERDUE)
        .count()
}
