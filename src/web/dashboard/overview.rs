//! The overview: what needs attention, order counts, connections, jobs and charts of the day.

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    charts,
    error_page::{ErrorPage, PageResult, with_timeout},
    labels::{order_path, status_class, status_plural_label},
    page::PageFrame,
    session_context::SessionContext,
    time_format::{TimeFormat, duration_text},
};
use crate::{
    domain::SyncStatus,
    http::{Circuit, CircuitState, HealthState, OpenReason},
    ledger::{PostSendCounts, Run},
    sync::{
        inventory,
        jobs::{Job, status::JobRunStatus},
        reconcile,
    },
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
    fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            link: None,
        }
    }

    fn with_link(self, href: impl Into<String>, label: &'static str) -> Self {
        Self {
            link: Some((href.into(), label)),
            ..self
        }
    }
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: PageFrame,
    times: TimeFormat,
    attention: Vec<AttentionItem>,
    circuits: [Circuit; 2],
    jobs: Vec<JobRunStatus>,
    counts: Vec<(SyncStatus, u64)>,
    throughput: String,
    accepted: u64,
    oldest_wait: String,
    waiting_since: Option<DateTime<Utc>>,
}

pub(super) async fn show(session: SessionContext) -> PageResult {
    session.require_reader()?;
    let services = &session.services;
    let ledger = &services.ledger;
    let times = session.time_format();
    let counts = with_timeout(ledger.count_by_status()).await?;
    let oldest = with_timeout(ledger.oldest_waiting_at()).await?;
    let hours = with_timeout(ledger.hourly_orders()).await?;
    let of = |status| counts.get(&status).copied().unwrap_or(0);
    let page = OverviewPage {
        attention: attention_items(services, &times, &of, oldest).await?,
        circuits: [
            services.upstreams.shop_circuit.clone(),
            services.upstreams.warehouse_circuit.clone(),
        ],
        jobs: services
            .agenda
            .job_statuses(with_timeout(ledger.last_runs()).await?, times.now),
        counts: SyncStatus::ALL
            .iter()
            .map(|status| (*status, of(*status)))
            .collect(),
        throughput: charts::throughput(&hours, &times),
        accepted: hours.iter().map(|hour| hour.acknowledged).sum(),
        oldest_wait: charts::oldest_wait(&hours, &times),
        waiting_since: oldest,
        times,
        frame: session.frame("overview", "Overview"),
    };
    Ok(session.render(&page))
}

async fn attention_items(
    services: &Services,
    times: &TimeFormat,
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
            1 => "1 order needs action.".to_owned(),
            _ => format!("{failed} orders need action."),
        };
        let item = AttentionItem::new("bad", text);
        items.push(item.with_link("/orders?status=error", "Show orders"));
    }
    for run in with_timeout(ledger.undecided_quarantined_runs(inventory::JOB, None, 1)).await? {
        let reasons = run.error_message.unwrap_or_default();
        let text = format!("The inventory feed is held; nothing was written: {reasons}");
        let href = format!("/inventory/runs/{}", run.id);
        items.push(AttentionItem::new("bad", text).with_link(href, "Review feed"));
    }
    items.extend(post_send_attention(
        &with_timeout(ledger.count_post_send()).await?,
    ));
    let parcels = ledger.parcel_problems(times.now - PARCEL_PROBLEMS_SHOWN, MAX_LISTED_PARCELS + 1);
    let parcels = with_timeout(parcels).await?;
    let listed = usize::try_from(MAX_LISTED_PARCELS).unwrap_or(usize::MAX);
    for parcel in parcels.iter().take(listed) {
        let reason = parcel.message.as_deref().unwrap_or("see the order");
        let text = format!(
            "A parcel of order {} needs attention: {reason}",
            parcel.code
        );
        let href = order_path(&parcel.code);
        items.push(AttentionItem::new("warn", text).with_link(href, "Show order"));
    }
    if parcels.len() > listed {
        items.push(AttentionItem::new(
            "warn",
            "More parcels need attention; `veracore-sync sync tracking` lists all of them.",
        ));
    }
    let dead = with_timeout(ledger.count_dead_events()).await?;
    if dead > 0 {
        let text = format!(
            "{dead} events could not be delivered to EVENT_WEBHOOK_URL; `veracore-sync events list --state dead` lists them."
        );
        items.push(AttentionItem::new("warn", text));
    }
    if let Some(since) = oldest
        .map(|since| since + services.send_delay())
        .filter(|since| times.now - *since > LONG_WAIT)
    {
        let text = format!(
            "The oldest waiting order has waited for {}.",
            duration_text(times.now - since)
        );
        let item = AttentionItem::new("warn", text);
        items.push(item.with_link("/orders?status=waiting", "Show orders"));
    }
    Ok(items)
}

fn upstream_attention(circuit: &Circuit) -> Option<AttentionItem> {
    let (CircuitState::Open { reason, .. } | CircuitState::HalfOpen { reason }) = circuit.state()
    else {
        return None;
    };
    let (kind, consequence) = match reason {
        OpenReason::Unauthorized => (
            "bad",
            "refuses our credentials. Calls are paused until they are corrected.",
        ),
        OpenReason::Down => ("warn", "is down. Work waits and continues automatically."),
        OpenReason::Throttled => return None,
    };
    let text = format!("{} {consequence}", circuit.name());
    Some(AttentionItem::new(kind, text))
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
        let subject = match count {
            1 => "order was",
            _ => "orders were",
        };
        AttentionItem::new(kind, format!("{count} {subject} {what}"))
            .with_link("/orders?status=care", "Show orders")
    })
    .collect()
}

/// The CSS class and the label of a connection's state.
fn connection_state(circuit: &Circuit) -> (&'static str, &'static str) {
    let state = circuit.state();
    let (CircuitState::Open { reason, .. } | CircuitState::HalfOpen { reason }) = state else {
        return match circuit.health() {
            HealthState::Unknown => ("dim", "not called yet"),
            HealthState::Up { .. } => ("good", "connected"),
            HealthState::Down { .. } => ("warn", "last call failed"),
        };
    };
    match (reason, state) {
        (OpenReason::Unauthorized, _) => ("bad", "refuses our credentials"),
        (OpenReason::Throttled, _) => ("warn", "rate-limited"),
        (OpenReason::Down, CircuitState::HalfOpen { .. }) => ("warn", "being checked"),
        (OpenReason::Down, _) => ("bad", "down"),
    }
}

/// The CSS class and the label of a job's last run.
fn run_outcome(last: Option<&Run>) -> (&'static str, &'static str) {
    match last.map(|run| (run.outcome.as_deref(), run.ended_at)) {
        None => ("dim", "never ran"),
        Some((None, None)) => ("info", "running"),
        Some((Some("done"), _)) => ("good", "done"),
        Some((Some("held"), _)) => ("bad", "held"),
        Some(_) => ("bad", "failed"),
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
