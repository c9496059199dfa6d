//! `status`: counts by status, the jobs' runs, and how both ends are.

use chrono::TimeDelta;
use chrono_tz::Tz;
use serde::Serialize;

use super::{
    Outcome, Output, one_shot,
    output::local,
    screen::{Column, Paint, Screen},
};
use crate::{
    app::{self, App},
    config::Sources,
    ledger::{AftercareCount, Backlog, Run, StatusCount},
    sync::{reconcile, schedule::Job},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    orders: StatusCount,
    sent_orders: AftercareCount,
    due_now: u64,
    next_due: Option<chrono::DateTime<chrono::Utc>>,
    jobs: Vec<JobStatus>,
    vendure: End,
    veracore: End,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobStatus {
    job: String,
    last_run: Option<Run>,
    next_run: Option<chrono::DateTime<chrono::Utc>>,
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
        jobs: jobs(&app, app.ledger.last_runs().await?),
        vendure: End::of(vendure),
        veracore: End::of(veracore),
    };
    let zone = app.config.schedule.timezone;
    output.print(&status, || describe(&status, zone, output.screen))?;
    Ok(Outcome::Done)
}

fn jobs(app: &App, runs: Vec<Run>) -> Vec<JobStatus> {
    let sweep = app.config.orders.sweep_interval;
    let after = |run: &Run, every| Some(run.scheduled_for + every);
    let next = |run: &Run| match run.job.as_str() {
        "sweep_orders" => after(run, TimeDelta::from_std(sweep).ok()?),
        "tidy_ledger" => after(run, TimeDelta::days(1)),
        reconcile::JOB if app.config.server.sync_enabled => {
            reconcile::next_run(app.clock.now(), app.config.schedule.timezone)
        }
        _ => None,
    };
    let mut jobs: Vec<JobStatus> = runs
        .into_iter()
        .map(|run| JobStatus {
            next_run: next(&run),
            job: run.job.clone(),
            last_run: Some(run),
        })
        .collect();
    // These have a next run also when they never ran, unless nothing is moved at all.
    let calendar = app::calendar(&app.config.schedule);
    for scheduled in Job::ALL {
        let name = scheduled.as_str();
        let next_run = app
            .config
            .server
            .sync_enabled
            .then(|| calendar.next_after(scheduled, app.clock.now()))
            .flatten();
        match jobs.iter_mut().find(|job| job.job == name) {
            Some(job) => job.next_run = next_run,
            None => jobs.push(JobStatus {
                job: name.to_owned(),
                last_run: None,
                next_run,
            }),
        }
    }
    jobs.sort_by(|a, b| a.job.cmp(&b.job));
    jobs
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
