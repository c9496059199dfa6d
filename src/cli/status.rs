//! `status`: order counts, job runs and connections.

use chrono_tz::Tz;
use serde::Serialize;

use super::{
    context::{CommandResult, load_app},
    output::{Output, local_time},
    terminal::{Column, Terminal, TextStyle},
};
use crate::{
    config::Sources,
    ledger::{PostSendCounts, StatusCounts},
    sync::jobs::status::JobRunStatus,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusReport {
    orders: StatusCounts,
    sent_orders: PostSendCounts,
    due_now: u64,
    next_due: Option<chrono::DateTime<chrono::Utc>>,
    jobs: Vec<JobRunStatus>,
    vendure: UpstreamStatus,
    veracore: UpstreamStatus,
}

/// The connection to an upstream, tested now.
#[derive(Serialize)]
struct UpstreamStatus {
    ok: bool,
    detail: String,
}

impl UpstreamStatus {
    fn from_result<T>(outcome: Result<T, impl ToString>) -> Self {
        Self {
            ok: outcome.is_ok(),
            detail: outcome.map_or_else(|error| error.to_string(), |_| "connected".into()),
        }
    }
}

pub(super) async fn execute(sources: Sources, output: Output) -> CommandResult {
    let app = load_app(sources).await?;
    let orders = app.ledger.count_by_status().await?;
    let sent_orders = app.ledger.count_post_send().await?;
    let backlog = app.ledger.backlog().await?;
    let (vendure, veracore) = tokio::join!(
        app.storefront.profile(),
        app.provider.find_order(&app.probe_order)
    );
    let status = StatusReport {
        orders,
        sent_orders,
        due_now: backlog.due,
        next_due: backlog.next_due_at,
        jobs: app
            .agenda()
            .job_statuses(app.ledger.last_runs().await?, app.clock.now()),
        vendure: UpstreamStatus::from_result(vendure),
        veracore: UpstreamStatus::from_result(veracore),
    };
    let zone = app.config.schedule.timezone;
    output.print(&status, || describe(&status, zone, output.terminal))
}

/// Sent orders that need attention; empty if there are none.
fn describe_attention(count: &PostSendCounts) -> String {
    let lines = [
        (
            count.being_stopped,
            "cancelled in Vendure, being cancelled at VeraCore",
        ),
        (
            count.to_stop_by_hand,
            "cancelled in Vendure, to be cancelled at VeraCore manually",
        ),
        (
            count.shipped_after_cancel,
            "shipped although cancelled in Vendure, in the last 30 days",
        ),
        (
            count.cancelled_at_veracore,
            "cancelled at VeraCore but not in Vendure",
        ),
        (
            count.changed_since_sent,
            "edited in Vendure after they were sent",
        ),
    ];
    let lines: String = lines
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}\n"))
        .collect();
    if lines.is_empty() {
        lines
    } else {
        lines + "\n"
    }
}

fn describe(status: &StatusReport, zone: Tz, screen: Terminal) -> String {
    let counts = status.orders.iter();
    let rows = counts.map(|(status, count)| [status.to_string(), count.to_string()]);
    let mut text = screen.table(&[Column::Status("ORDERS"), Column::Number("COUNT")], rows);
    text.push_str(&format!(
        "\ndue now: {}; next due: {}\n\n",
        status.due_now,
        local_time(status.next_due, zone)
    ));
    text.push_str(&describe_attention(&status.sent_orders));
    let rows = status.jobs.iter().map(|job| {
        let last = job.last_run.as_ref();
        let outcome = last.map_or("-", |run| run.outcome.as_deref().unwrap_or("running"));
        [
            job.job.clone(),
            local_time(last.map(|run| run.started_at), zone),
            outcome.to_owned(),
            local_time(job.next_run, zone),
            last.and_then(|run| run.error_message.clone())
                .unwrap_or_default(),
        ]
    });
    let columns = [
        Column::Key("JOB"),
        Column::Text("LAST RUN"),
        Column::Status("OUTCOME"),
        Column::Text("NEXT RUN"),
        Column::LongText(""),
    ];
    text.push_str(&screen.table(&columns, rows));
    for (name, upstream) in [("Vendure", &status.vendure), ("VeraCore", &status.veracore)] {
        let paint = if upstream.ok {
            TextStyle::Green
        } else {
            TextStyle::Red
        };
        let detail = screen.styled(&upstream.detail, paint);
        text.push_str(&format!("\n{name}: {detail}"));
    }
    text
}
