//! The first page: what needs a person, how both ends and the jobs are, and the day in two charts.

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    charts,
    labels::{escape_html, order_path, status_class, status_plural_label},
    page::{ErrorPage, PageFrame, PageResult},
    session_context::SessionContext,
    time_format::{TimeFormat, duration_text},
    with_timeout,
};
use crate::{
    domain::SyncStatus,
    http::{Circuit, CircuitState, HealthState, OpenReason},
    ledger::{PostSendCounts, Run},
    sync::{inventory, jobs::Job, reconcile},
    web::services::Services,
};

/// How far back packages that need a person are told of.
pub(super) const PARCEL_PROBLEMS_SHOWN: TimeDelta = TimeDelta::days(30);

/// So many of them are told one by one.
const MAX_LISTED_PARCELS: u32 = 5;

/// An order that waits for longer is worth a look.
const LONG_WAIT: TimeDelta = TimeDelta::hours(1);

/// Something that needs a person.
pub(super) struct AttentionItem {
    /// `bad`: now; `warn`: soon.
    pub kind: &'static str,
    pub text: String,
    pub link: Option<(String, &'static str)>,
}

impl AttentionItem {
    fn with_link(
        kind: &'static str,
        text: impl Into<String>,
        href: &str,
        words: &'static str,
    ) -> Self {
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

struct UpstreamCard {
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

struct StatusTile {
    status: &'static str,
    kind: &'static str,
    words: &'static str,
    count: u64,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: PageFrame,
    needs: Vec<AttentionItem>,
    ends: Vec<UpstreamCard>,
    jobs: Vec<JobRow>,
    counts: Vec<StatusTile>,
    throughput: String,
    taken: u64,
    oldest_wait: String,
    waiting: String,
    zone: String,
}

pub(super) async fn show(visit: SessionContext) -> PageResult {
    visit.require_reader()?;
    let services = &visit.services;
    let ledger = &services.ledger;
    let reader = visit.time_format();
    let counts = with_timeout(ledger.count_by_status()).await?;
    let oldest = with_timeout(ledger.oldest_waiting_at()).await?;
    let hours = with_timeout(ledger.hourly_orders()).await?;
    let standings = services
        .agenda
        .job_statuses(with_timeout(ledger.last_runs()).await?, reader.now);
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
    let page = OverviewPage {
        needs: attention_items(services, &reader, &of, oldest).await?,
        ends: [
            &services.upstreams.shop_circuit,
            &services.upstreams.warehouse_circuit,
        ]
        .map(|circuit| upstream_card(circuit, &reader))
        .into(),
        jobs,
        counts: SyncStatus::ALL
            .iter()
            .map(|&status| StatusTile {
                status: status.as_str(),
                kind: status_class(status),
                words: status_plural_label(status),
                count: of(status),
            })
            .collect(),
        throughput: charts::throughput(&hours, &reader),
        taken: hours.iter().map(|hour| hour.acknowledged).sum(),
        oldest_wait: charts::oldest_wait(&hours, &reader),
        waiting: oldest.map_or_else(
            || "nothing waits".into(),
            |since| format!("waiting since {}", reader.time_tag(since)),
        ),
        zone: reader.zone.to_string(),
        frame: visit.frame("overview", "Overview"),
    };
    Ok(visit.render(&page))
}

async fn attention_items(
    services: &Services,
    reader: &TimeFormat,
    of: &impl Fn(SyncStatus) -> u64,
    oldest: Option<DateTime<Utc>>,
) -> Result<Vec<AttentionItem>, ErrorPage> {
    let ledger = &services.ledger;
    let mut needs = Vec::new();
    for circuit in [
        &services.upstreams.shop_circuit,
        &services.upstreams.warehouse_circuit,
    ] {
        needs.extend(upstream_attention(circuit));
    }
    let failed = of(SyncStatus::Error);
    if failed > 0 {
        let text = match failed {
            1 => "1 order does not get any further by itself.".into(),
            _ => format!("{failed} orders do not get any further by themselves."),
        };
        needs.push(AttentionItem::with_link(
            "bad",
            text,
            "/orders?status=error",
            "Show them",
        ));
    }
    for run in with_timeout(ledger.undecided_quarantined_runs(inventory::JOB, None, 1)).await? {
        let reasons = run.error_message.unwrap_or_default();
        let text = format!("The stock feed is held, nothing was written: {reasons}");
        let href = format!("/inventory/runs/{}", run.id);
        needs.push(AttentionItem::with_link("bad", text, &href, "Look at it"));
    }
    needs.extend(post_send_attention(
        &with_timeout(ledger.count_post_send()).await?,
    ));
    let packages =
        ledger.parcel_problems(reader.now - PARCEL_PROBLEMS_SHOWN, MAX_LISTED_PARCELS + 1);
    let packages = with_timeout(packages).await?;
    let listed = usize::try_from(MAX_LISTED_PARCELS).unwrap_or(usize::MAX);
    for package in packages.iter().take(listed) {
        let why = package.message.as_deref().unwrap_or("see the order");
        let text = format!("A package of order {} needs a person: {why}", package.code);
        let href = order_path(&package.code);
        needs.push(AttentionItem::with_link(
            "warn",
            text,
            &href,
            "Show the order",
        ));
    }
    if packages.len() > listed {
        needs.push(AttentionItem::without_link(
            "warn",
            "Further packages need a person; `veracore-sync sync tracking` lists all of them.",
        ));
    }
    let dead = with_timeout(ledger.count_dead_events()).await?;
    if dead > 0 {
        let text = format!(
            "{dead} events could not be delivered to EVENT_WEBHOOK_URL; `veracore-sync events list --state dead` shows them."
        );
        needs.push(AttentionItem::without_link("warn", text));
    }
    if let Some(since) = oldest
        .map(|since| since + services.send_delay())
        .filter(|since| reader.now - *since > LONG_WAIT)
    {
        let text = format!(
            "The oldest waiting order has been waiting for {}.",
            duration_text(reader.now - since)
        );
        let href = "/orders?status=waiting";
        needs.push(AttentionItem::with_link(
            "warn",
            text,
            href,
            "Show what waits",
        ));
    }
    Ok(needs)
}

fn upstream_attention(circuit: &Circuit) -> Option<AttentionItem> {
    let (CircuitState::Open { reason: why, .. } | CircuitState::HalfOpen { reason: why }) =
        circuit.state()
    else {
        return None;
    };
    let name = circuit.name();
    let text = match why {
        OpenReason::Unauthorized => {
            format!("{name} refuses our credentials: nothing is sent to it until they are right.")
        }
        OpenReason::Down => {
            format!("{name} is down. What is meant for it waits, and goes on by itself.")
        }
        OpenReason::Throttled => return None,
    };
    let kind = if why == OpenReason::Unauthorized {
        "bad"
    } else {
        "warn"
    };
    Some(AttentionItem::without_link(kind, text))
}

fn post_send_attention(count: &PostSendCounts) -> Vec<AttentionItem> {
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
        AttentionItem::with_link(
            kind,
            format!("{count} {subject} {what}"),
            "/orders?status=care",
            "Show them",
        )
    })
    .collect()
}

fn upstream_card(circuit: &Circuit, reader: &TimeFormat) -> UpstreamCard {
    let (kind, state) = match circuit.state() {
        CircuitState::Open {
            reason: OpenReason::Unauthorized,
            ..
        }
        | CircuitState::HalfOpen {
            reason: OpenReason::Unauthorized,
        } => ("bad", "refuses our credentials"),
        CircuitState::Open {
            reason: OpenReason::Throttled,
            ..
        }
        | CircuitState::HalfOpen {
            reason: OpenReason::Throttled,
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
            format!("breaker open, next try {}", reader.time_tag(until))
        }
        CircuitState::HalfOpen { .. } => "breaker half open".to_owned(),
    };
    let health = match circuit.health() {
        HealthState::Unknown => String::new(),
        HealthState::Up { at } => format!("last answer {} · ", reader.time_tag(at)),
        HealthState::Down { since, problem } => {
            format!(
                "since {}: {} · ",
                reader.time_tag(since),
                escape_html(&problem)
            )
        }
    };
    UpstreamCard {
        name: circuit.name(),
        kind,
        state,
        detail: format!("{health}{breaker}"),
    }
}

fn job_row(
    job: &str,
    last: Option<&Run>,
    next: Option<DateTime<Utc>>,
    reader: &TimeFormat,
) -> JobRow {
    let (kind, outcome) = match last.map(|run| (run.outcome.as_deref(), run.ended_at)) {
        None => ("dim", "never ran"),
        Some((None, None)) => ("info", "running"),
        Some((Some("done"), _)) => ("good", "done"),
        Some((Some("held"), _)) => ("bad", "held"),
        Some(_) => ("bad", "failed"),
    };
    JobRow {
        name: job_label(job).to_owned(),
        last: reader.time_tag_or_dash(last.map(|run| run.started_at)),
        kind,
        outcome: outcome.to_owned(),
        detail: last
            .and_then(|run| run.error_message.clone())
            .unwrap_or_default(),
        next: next.map_or_else(
            || "–".into(),
            |at| {
                format!(
                    "{} <small>{}</small>",
                    reader.time_tag(at),
                    reader.short(at)
                )
            },
        ),
    }
}

/// What people call a job.
fn job_label(job: &str) -> &str {
    match job {
        job if job == Job::Inventory.as_str() => "Stock",
        job if job == Job::Tracking.as_str() => "Tracking",
        job if job == Job::Maintenance.as_str() => "Tidying",
        reconcile::JOB => "Comparison of all three",
        crate::sync::orders::discovery_loop::SWEEP_JOB => "Look at all open orders",
        other => other,
    }
}
