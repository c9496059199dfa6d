//! The first page: what needs a person, how both ends and the jobs are, and the day in two charts.

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    charts,
    page::{Frame, Page, Sorry},
    timely,
    visit::Visit,
    when::{Reader, span},
    words::{escaped, kind_of, order_path, words_of},
};
use crate::{
    domain::SyncStatus,
    http::{Circuit, CircuitState, HealthState, Why},
    ledger::{AftercareCount, Run},
    sync::{inventory, reconcile, schedule::Job},
    web::live::Services,
};

/// How far back packages that need a person are told of.
pub(super) const PACKAGES: TimeDelta = TimeDelta::days(30);

/// So many of them are told one by one.
const LISTED: u32 = 5;

/// An order that waits for longer is worth a look.
const LONG: TimeDelta = TimeDelta::hours(1);

/// Something that needs a person.
pub(super) struct Need {
    /// `bad`: now; `warn`: soon.
    pub kind: &'static str,
    pub text: String,
    pub link: Option<(String, &'static str)>,
}

impl Need {
    fn of(kind: &'static str, text: impl Into<String>, href: &str, words: &'static str) -> Self {
        Self {
            kind,
            text: text.into(),
            link: Some((href.to_owned(), words)),
        }
    }

    fn without_link(kind: &'static str, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            link: None,
        }
    }
}

struct End {
    name: &'static str,
    kind: &'static str,
    state: &'static str,
    detail: String,
}

struct JobRow {
    name: String,
    last: String,
    kind: &'static str,
    outcome: String,
    detail: String,
    next: String,
}

struct Count {
    status: &'static str,
    kind: &'static str,
    words: &'static str,
    count: u64,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    needs: Vec<Need>,
    ends: Vec<End>,
    jobs: Vec<JobRow>,
    counts: Vec<Count>,
    throughput: String,
    taken: u64,
    oldest_wait: String,
    waiting: String,
    zone: String,
}

pub(super) async fn show(visit: Visit) -> Page {
    visit.ensure_reader()?;
    let services = &visit.services;
    let ledger = &services.ledger;
    let reader = visit.reader();
    let counts = timely(ledger.count_by_status()).await?;
    let oldest = timely(ledger.oldest_waiting()).await?;
    let hours = timely(ledger.day_of_orders()).await?;
    let standings = services
        .agenda
        .standings(timely(ledger.last_runs()).await?, reader.now);
    let jobs = standings
        .into_iter()
        .map(|standing| {
            job_row(
                &standing.job,
                standing.last_run.as_ref(),
                standing.next_run,
                &reader,
            )
        })
        .collect();
    let of = |status| counts.get(&status).copied().unwrap_or(0);
    let page = Overview {
        needs: needs(services, &reader, &of, oldest).await?,
        ends: [&services.upstreams.shop, &services.upstreams.warehouse]
            .map(|circuit| end(circuit, &reader))
            .into(),
        jobs,
        counts: SyncStatus::ALL
            .map(|status| Count {
                status: status.as_str(),
                kind: kind_of(status),
                words: words_of(status),
                count: of(status),
            })
            .into(),
        throughput: charts::throughput(&hours, &reader),
        taken: hours.iter().map(|hour| hour.acknowledged).sum(),
        oldest_wait: charts::oldest_wait(&hours, &reader),
        waiting: oldest.map_or_else(
            || "nothing waits".into(),
            |since| format!("waiting since {}", reader.ago(since)),
        ),
        zone: reader.zone.to_string(),
        frame: visit.frame("overview", "Overview"),
    };
    Ok(visit.answer(&page))
}

async fn needs(
    services: &Services,
    reader: &Reader,
    of: &impl Fn(SyncStatus) -> u64,
    oldest: Option<DateTime<Utc>>,
) -> Result<Vec<Need>, Sorry> {
    let ledger = &services.ledger;
    let mut needs = Vec::new();
    for circuit in [&services.upstreams.shop, &services.upstreams.warehouse] {
        needs.extend(need_of_end(circuit));
    }
    let failed = of(SyncStatus::Error);
    if failed > 0 {
        let text = match failed {
            1 => "1 order does not get any further by itself.".into(),
            _ => format!("{failed} orders do not get any further by themselves."),
        };
        needs.push(Need::of("bad", text, "/orders?status=error", "Show them"));
    }
    for run in timely(ledger.undecided_runs(inventory::JOB, None, 1)).await? {
        let reasons = run.error_message.unwrap_or_default();
        let text = format!("The stock feed is held, nothing was written: {reasons}");
        let href = format!("/inventory/runs/{}", run.id);
        needs.push(Need::of("bad", text, &href, "Look at it"));
    }
    needs.extend(needs_of_sent(&timely(ledger.count_in_care()).await?));
    let packages = ledger.package_problems(reader.now - PACKAGES, LISTED + 1);
    let packages = timely(packages).await?;
    let listed = usize::try_from(LISTED).unwrap_or(usize::MAX);
    for package in packages.iter().take(listed) {
        let why = package.message.as_deref().unwrap_or("see the order");
        let text = format!("A package of order {} needs a person: {why}", package.code);
        let href = order_path(&package.code);
        needs.push(Need::of("warn", text, &href, "Show the order"));
    }
    if packages.len() > listed {
        needs.push(Need::without_link(
            "warn",
            "Further packages need a person; `veracore-sync sync tracking` lists all of them.",
        ));
    }
    let dead = timely(ledger.count_dead_events()).await?;
    if dead > 0 {
        let text = format!(
            "{dead} events could not be delivered to EVENT_WEBHOOK_URL; `veracore-sync events list --state dead` shows them."
        );
        needs.push(Need::without_link("warn", text));
    }
    if let Some(since) = oldest
        .map(|since| since + services.hold())
        .filter(|since| reader.now - *since > LONG)
    {
        let text = format!(
            "The oldest waiting order has been waiting for {}.",
            span(reader.now - since)
        );
        let href = "/orders?status=waiting";
        needs.push(Need::of("warn", text, href, "Show what waits"));
    }
    Ok(needs)
}

fn need_of_end(circuit: &Circuit) -> Option<Need> {
    let (CircuitState::Open { why, .. } | CircuitState::HalfOpen { why }) = circuit.state() else {
        return None;
    };
    let name = circuit.name();
    let text = match why {
        Why::Refused => {
            format!("{name} refuses our credentials: nothing is sent to it until they are right.")
        }
        Why::Down => format!("{name} is down. What is meant for it waits, and goes on by itself."),
        Why::Throttled => return None,
    };
    let kind = if why == Why::Refused { "bad" } else { "warn" };
    Some(Need::without_link(kind, text))
}

fn needs_of_sent(count: &AftercareCount) -> Vec<Need> {
    [
        (
            "bad",
            count.to_stop_by_hand,
            "cancelled in Vendure and must be stopped at VeraCore by hand.",
        ),
        (
            "warn",
            count.shipped_after_cancel,
            "shipped in spite of a cancellation in Vendure, in the last 30 days.",
        ),
        (
            "warn",
            count.cancelled_at_veracore,
            "cancelled at VeraCore, though not in Vendure.",
        ),
        (
            "warn",
            count.changed_since_sent,
            "edited in Vendure after the sending.",
        ),
    ]
    .into_iter()
    .filter(|(_, count, _)| *count > 0)
    .map(|(kind, count, what)| {
        let subject = if count == 1 {
            "order was"
        } else {
            "orders were"
        };
        Need::of(
            kind,
            format!("{count} {subject} {what}"),
            "/orders?status=care",
            "Show them",
        )
    })
    .collect()
}

fn end(circuit: &Circuit, reader: &Reader) -> End {
    let (kind, state) = match circuit.state() {
        CircuitState::Open {
            why: Why::Refused, ..
        }
        | CircuitState::HalfOpen { why: Why::Refused } => ("bad", "refuses our credentials"),
        CircuitState::Open {
            why: Why::Throttled,
            ..
        }
        | CircuitState::HalfOpen {
            why: Why::Throttled,
        } => ("warn", "wants to be left alone"),
        CircuitState::Open { .. } => ("bad", "down"),
        CircuitState::HalfOpen { .. } => ("warn", "being probed"),
        CircuitState::Closed => match circuit.health() {
            HealthState::Unknown => ("dim", "not called yet"),
            HealthState::Up { .. } => ("good", "answers"),
            HealthState::Down { .. } => ("warn", "last call failed"),
        },
    };
    let breaker = match circuit.state() {
        CircuitState::Closed => "breaker closed".to_owned(),
        CircuitState::Open { until, .. } => {
            format!("breaker open, next try {}", reader.ago(until))
        }
        CircuitState::HalfOpen { .. } => "breaker half open".to_owned(),
    };
    let health = match circuit.health() {
        HealthState::Unknown => String::new(),
        HealthState::Up { at } => format!("last answer {} · ", reader.ago(at)),
        HealthState::Down { since, problem } => {
            format!("since {}: {} · ", reader.ago(since), escaped(&problem))
        }
    };
    End {
        name: circuit.name(),
        kind,
        state,
        detail: format!("{health}{breaker}"),
    }
}

fn job_row(job: &str, last: Option<&Run>, next: Option<DateTime<Utc>>, reader: &Reader) -> JobRow {
    let (kind, outcome) = match last.map(|run| (run.outcome.as_deref(), run.ended_at)) {
        None => ("dim", "never ran"),
        Some((None, None)) => ("info", "running"),
        Some((Some("done"), _)) => ("good", "done"),
        Some((Some("held"), _)) => ("bad", "held"),
        Some(_) => ("bad", "failed"),
    };
    JobRow {
        name: name_of(job).to_owned(),
        last: reader.ago_or_none(last.map(|run| run.started_at)),
        kind,
        outcome: outcome.to_owned(),
        detail: last
            .and_then(|run| run.error_message.clone())
            .unwrap_or_default(),
        next: next.map_or_else(
            || "–".into(),
            |at| format!("{} <small>{}</small>", reader.ago(at), reader.short(at)),
        ),
    }
}

/// What people call a job.
fn name_of(job: &str) -> &str {
    match job {
        job if job == Job::Inventory.as_str() => "Stock",
        job if job == Job::Tracking.as_str() => "Tracking",
        reconcile::JOB => "Comparison of all three",
        crate::sync::runner::SWEEP => "Look at all open orders",
        crate::sync::housekeeping::JOB => "Tidying",
        other => other,
    }
}
