//! The overview: what needs attention, order counts, connections, jobs and charts of the day.

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    charts,
    error_page::{ErrorPage, PageResult, with_timeout},
    labels::{escape_html, order_path, status_class, status_plural_label},
    page::PageFrame,
    session_context::SessionContext,
    time_format::{TimeFormat, duration_text},
};
use crate::{
    domain::SyncStatus,
    http::{Circuit, CircuitState, HealthState, OpenReason},
    ledger::{PostSendCounts, Run},
    sync::{inventory, jobs::Job, reconcile},
    web::services::Services,
};

const PARCEL_PROBLEMS_SHOWN: TimeDelta = TimeDelta::days(30);

const MAX_LISTED_PARCELS: u32 = 5;

const LONG_WAIT: TimeDelta = TimeDelta::hours(1);

struct AttentionItem {
    /// `bad` needs action; `warn` is for information.
    kind: &'static str,
    text: String,
    link: Option<(String, &'static str)>,
}

impl AttentionItem {
    fn with_link(
        kind: &'static str,
        text: impl Into<String>,
        href: &str,
        label: &'static str,
    ) -> Self {
        Self {
            kind,
            text: text.into(),
            link: Some((href.to_owned(), label)),
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
    label: &'static str,
    count: u64,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: PageFrame,
    attention: Vec<AttentionItem>,
    upstreams: Vec<UpstreamCard>,
    jobs: Vec<JobRow>,
    counts: Vec<StatusTile>,
    throughput: String,
    accepted: u64,
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
    let statuses = services
        .agenda
        .job_statuses(with_timeout(ledger.last_runs()).await?, reader.now);
    let jobs = statuses
        .into_iter()
        .map(|status| {
            job_row(
                &status.job,
                status.last_run.as_ref(),
                status.next_run,
                &reader,
            )
        })
        .collect();
    let of = |status| counts.get(&status).copied().unwrap_or(0);
    let page = OverviewPage {
        attention: attention_items(services, &reader, &of, oldest).await?,
        upstreams: [
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
                label: status_plural_label(status),
                count: of(status),
            })
            .collect(),
        throughput: charts::throughput(&hours, &reader),
        accepted: hours.iter().map(|hour| hour.acknowledged).sum(),
        oldest_wait: charts::oldest_wait(&hours, &reader),
        waiting: oldest.map_or_else(
            || "no order is waiting".into(),
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
    let mut items = Vec::new();
    for circuit in [
        &services.upstreams.shop_circuit,
        &services.upstreams.warehouse_circuit,
    ] {
        items.extend(upstream_attention(circuit));
    }
    let failed = of(SyncStatus::Error);
    if failed > 0 {
        let text = match failed {
            1 => "1 order needs action.".into(),
            _ => format!("{failed} orders need action."),
        };
        items.push(AttentionItem::with_link(
            "bad",
            text,
            "/orders?status=error",
            "Show orders",
        ));
    }
    for run in with_timeout(ledger.undecided_quarantined_runs(inventory::JOB, None, 1)).await? {
        let reasons = run.error_message.unwrap_or_default();
        let text = format!("The inventory feed is held; nothing was written: {reasons}");
        let href = format!("/inventory/runs/{}", run.id);
        items.push(AttentionItem::with_link("bad", text, &href, "Review feed"));
    }
    items.extend(post_send_attention(
        &with_timeout(ledger.count_post_send()).await?,
    ));
    let parcels =
        ledger.parcel_problems(reader.now - PARCEL_PROBLEMS_SHOWN, MAX_LISTED_PARCELS + 1);
    let parcels = with_timeout(parcels).await?;
    let listed = usize::try_from(MAX_LISTED_PARCELS).unwrap_or(usize::MAX);
    for parcel in parcels.iter().take(listed) {
        let why = parcel.message.as_deref().unwrap_or("see the order");
        let text = format!("A parcel of order {} needs attention: {why}", parcel.code);
        let href = order_path(&parcel.code);
        items.push(AttentionItem::with_link("warn", text, &href, "Show order"));
    }
    if parcels.len() > listed {
        items.push(AttentionItem::without_link(
            "warn",
            "More parcels need attention; `veracore-sync sync tracking` lists all of them.",
        ));
    }
    let dead = with_timeout(ledger.count_dead_events()).await?;
    if dead > 0 {
        let text = format!(
            "{dead} events could not be delivered to EVENT_WEBHOOK_URL; `veracore-sync events list --state dead` lists them."
        );
        items.push(AttentionItem::without_link("warn", text));
    }
    if let Some(since) = oldest
        .map(|since| since + services.send_delay())
        .filter(|since| reader.now - *since > LONG_WAIT)
    {
        let text = format!(
            "The oldest waiting order has waited for {}.",
            duration_text(reader.now - since)
        );
        let href = "/orders?status=waiting";
        items.push(AttentionItem::with_link("warn", text, href, "Show orders"));
    }
    Ok(items)
}

fn upstream_attention(circuit: &Circuit) -> Option<AttentionItem> {
    let (CircuitState::Open { reason, .. } | CircuitState::HalfOpen { reason }) = circuit.state()
    else {
        return None;
    };
    let name = circuit.name();
    let text = match reason {
        OpenReason::Unauthorized => {
            format!("{name} refuses our credentials. Calls are paused until they are corrected.")
        }
        OpenReason::Down => {
            format!("{name} is down. Work waits and continues automatically.")
        }
        OpenReason::Throttled => return None,
    };
    let kind = if reason == OpenReason::Unauthorized {
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
            "cancelled in Vendure and must be cancelled at VeraCore manually.",
        ),
        (
            "warn",
            count.shipped_after_cancel,
            "shipped despite a cancellation in Vendure, in the last 30 days.",
        ),
        (
            "warn",
            count.cancelled_at_veracore,
            "cancelled at VeraCore but not in Vendure.",
        ),
        (
            "warn",
            count.changed_since_sent,
            "edited in Vendure after being sent.",
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
            "Show orders",
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
        } => ("warn", "rate-limited"),
        CircuitState::Open { .. } => ("bad", "down"),
        CircuitState::HalfOpen { .. } => ("warn", "being checked"),
        CircuitState::Closed => match circuit.health() {
            HealthState::Unknown => ("dim", "not called yet"),
            HealthState::Up { .. } => ("good", "connected"),
            HealthState::Down { .. } => ("warn", "last call failed"),
        },
    };
    let pause = match circuit.state() {
        CircuitState::Closed => None,
        CircuitState::Open { until, .. } => Some(format!(
            "paused after failures; retrying {}",
            reader.time_tag(until)
        )),
        CircuitState::HalfOpen { .. } => Some("checking with one call".to_owned()),
    };
    let health = match circuit.health() {
        HealthState::Unknown => None,
        HealthState::Up { at } => Some(format!("last response {}", reader.time_tag(at))),
        HealthState::Down { since, problem } => Some(format!(
            "since {}: {}",
            reader.time_tag(since),
            escape_html(&problem)
        )),
    };
    UpstreamCard {
        name: circuit.name(),
        kind,
        state,
        detail: [health, pause]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" · "),
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

fn job_label(job: &str) -> &str {
    match job {
        job if job == Job::Inventory.as_str() => "Inventory",
        job if job == Job::Tracking.as_str() => "Tracking",
        reconcile::JOB => "Daily reconciliation",
        crate::sync::orders::discovery_loop::SWEEP_JOB => "Full order sweep",
        job if job == Job::Maintenance.as_str() => "Maintenance",
        other => other,
    }
}
