//! `status`: counts by status, the jobs' runs, and how both ends are.

use chrono_tz::Tz;
use serde::Serialize;

use super::{
    Outcome, Output, one_shot,
    output::local,
    screen::{Column, Paint, Screen},
};
use crate::{
    config::Sources,
    ledger::{AftercareCount, Backlog, StatusCount},
    sync::agenda::JobStanding,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    orders: StatusCount,
    sent_orders: AftercareCount,
    due_now: u64,
    next_due: Option<chrono::DateTime<chrono::Utc>>,
    jobs: Vec<JobStanding>,
    vendure: End,
    veracore: End,
}

/// Whether an end answers, asked just now.
#[derive(Serialize)]
struct End {
    ok: bool,
    detail: String,
}

impl End {
    fn of<T>(outcome: Result<T, impl ToString>) -> Self {
        match outcome {
            Ok(_) => Self {
                ok: true,
                detail: "answers".into(),
            },
            Err(error) => Self {
                ok: false,
                detail: error.to_string(),
            },
        }
    }
}

pub(super) async fn execute(sources: Sources, output: Output) -> anyhow::Result<Outcome> {
    let app = one_shot(sources).await?;
    app.ledger.ensure_migrated().await?;
    let orders = app.ledger.count_by_status().await?;
    let sent_orders = app.ledger.count_in_care().await?;
    let Backlog { due, next } = app.ledger.backlog().await?;
    let (vendure, veracore) = tokio::join!(
        app.storefront.profile(),
        app.provider.find_order(app.probe_number())
    );
    let status = Status {
        orders,
        sent_orders,
        due_now: due,
        next_due: next,
        jobs: app
            .agenda()
            .standings(app.ledger.last_runs().await?, app.clock.now()),
        vendure: End::of(vendure),
        veracore: End::of(veracore),
    };
    let zone = app.config.schedule.timezone;
    output.print(&status, || describe(&status, zone, output.screen))?;
    Ok(Outcome::Done)
}

/// Orders that VeraCore has and somebody should look at; nothing where there are none.
fn attention(count: &AftercareCount) -> String {
    let lines = [
        (
            count.being_stopped,
            "cancelled in Vendure, being stopped at VeraCore",
        ),
        (
            count.to_stop_by_hand,
            "cancelled in Vendure, to be stopped at VeraCore by hand",
        ),
        (
            count.shipped_after_cancel,
            "shipped though cancelled in Vendure, in the last 30 days",
        ),
        (
            count.cancelled_at_veracore,
            "cancelled at VeraCore, though not in Vendure",
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

fn describe(status: &Status, zone: Tz, screen: Screen) -> String {
    let rows: Vec<Vec<String>> = status
        .orders
        .iter()
        .map(|(status, count)| vec![status.to_string(), count.to_string()])
        .collect();
    let mut text = screen.table(&[Column::Word("ORDERS"), Column::Number("COUNT")], &rows);
    text.push_str(&format!(
        "\ndue now: {}; next due: {}\n\n",
        status.due_now,
        local(status.next_due, zone)
    ));
    text.push_str(&attention(&status.sent_orders));
    let rows: Vec<Vec<String>> = status
        .jobs
        .iter()
        .map(|job| {
            let last = job.last_run.as_ref();
            let outcome = last.map_or("-", |run| run.outcome.as_deref().unwrap_or("running"));
            let problem = last
                .and_then(|run| run.error_message.clone())
                .unwrap_or_default();
            vec![
                job.job.clone(),
                local(last.map(|run| run.started_at), zone),
                outcome.into(),
                local(job.next_run, zone),
                problem,
            ]
        })
        .collect();
    let columns = [
        Column::Key("JOB"),
        Column::Text("LAST RUN"),
        Column::Word("OUTCOME"),
        Column::Text("NEXT RUN"),
        Column::Sentence(""),
    ];
    text.push_str(&screen.table(&columns, &rows));
    for (name, end) in [("Vendure", &status.vendure), ("VeraCore", &status.veracore)] {
        let paint = if end.ok { Paint::Green } else { Paint::Red };
        let detail = screen.paint(&end.detail, paint);
        text.push_str(&format!("\n{name}: {detail}"));
    }
    text
}
