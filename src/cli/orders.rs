//! `orders …`: looks at the ledger's orders and acts on them.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    args::{parse_order_code, word_parser},
    context::{CommandOutcome, load_app},
    output::{Output, local_time},
    terminal::{Column, Terminal},
};
use crate::{
    app::{App, SetupError},
    config::Sources,
    domain::{OrderCode, OrderRef, SyncStatus, text::one_line},
    ledger::{Attempt, KnownStatus, OperatorOutcome, OrderFilter, RetryMode, SyncRecord, Topic},
};

#[derive(Debug, Args)]
pub(super) struct OrdersArgs {
    #[command(subcommand)]
    command: OrdersCommand,
}

#[derive(Debug, Subcommand)]
enum OrdersCommand {
    /// List orders, newest first
    List {
        /// Only those in this status
        #[arg(long, value_parser = word_parser(SyncStatus::ALL.iter().map(|known| known.as_str()), SyncStatus::parse))]
        status: Option<SyncStatus>,
        /// At most this many
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Print one order's whole history
    Show { code: String },
    /// Try orders again now, with a fresh count of failures; what is in doubt is looked up first
    Retry {
        #[arg(required = true)]
        codes: Vec<String>,
        /// The order that VeraCore has under this number is this very one: take it over. One that
        /// VeraCore does not have is sent
        #[arg(long)]
        adopt: bool,
    },
    /// Take orders out: they are not sent
    Skip {
        #[arg(required = true)]
        codes: Vec<String>,
    },
    /// Send orders that were there before the first start
    Backfill {
        /// Placed on or after this day (in SYNC_TIMEZONE), or this RFC 3339 moment
        #[arg(long, value_name = "DATE")]
        since: String,
        /// Only print which ones
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn execute(
    sources: Sources,
    output: Output,
    args: OrdersArgs,
) -> anyhow::Result<CommandOutcome> {
    let app = load_app(sources).await?;
    match args.command {
        OrdersCommand::List { status, limit } => list(&app, output, status, limit).await,
        OrdersCommand::Show { code } => show(&app, output, &parse_order_code(&code)?).await,
        OrdersCommand::Retry { codes, adopt } => {
            let mode = if adopt {
                RetryMode::Adopt
            } else {
                RetryMode::Again
            };
            let mut verdicts = Vec::new();
            for code in codes {
                let code = parse_order_code(&code)?;
                let verdict = app.ledger.retry_order(&code, mode).await?;
                verdicts.push((code, verdict));
            }
            app.ledger.publish(Topic::Orders).await;
            print_verdicts(output, &verdicts, "it is tried again now")
        }
        OrdersCommand::Skip { codes } => {
            let mut verdicts = Vec::new();
            for code in codes {
                let code = parse_order_code(&code)?;
                let verdict = app.ledger.skip_order(&code).await?;
                verdicts.push((code, verdict));
            }
            print_verdicts(output, &verdicts, "it is taken out")
        }
        OrdersCommand::Backfill { since, dry_run } => {
            let since = parse_since(&since, app.config.schedule.timezone)?;
            backfill(&app, output, since, dry_run).await
        }
    }
}

async fn list(
    app: &App,
    output: Output,
    status: Option<SyncStatus>,
    limit: u32,
) -> anyhow::Result<CommandOutcome> {
    let filter = OrderFilter {
        status,
        limit,
        ..OrderFilter::default()
    };
    let orders = app.ledger.orders(&filter).await?;
    let zone = app.config.schedule.timezone;
    output.print(&json!({ "orders": orders }), || {
        let rows: Vec<Vec<String>> = orders
            .iter()
            .map(|order| {
                vec![
                    order.vendure_order_code.clone(),
                    order.sync_status.to_string(),
                    order
                        .veracore_order_id
                        .clone()
                        .unwrap_or_else(|| "-".into()),
                    order.retry_count.to_string(),
                    local_time(order.next_attempt, zone),
                    order.error_message.clone().unwrap_or_default(),
                ]
            })
            .collect();
        let columns = [
            Column::Key("ORDER"),
            Column::Status("STATUS"),
            Column::Text("VERACORE"),
            Column::Number("FAILURES"),
            Column::Text("NEXT TRY"),
            Column::LongText(""),
        ];
        output.terminal.table(&columns, &rows)
    })?;
    Ok(CommandOutcome::Done)
}

async fn show(app: &App, output: Output, code: &OrderCode) -> anyhow::Result<CommandOutcome> {
    let Some(order) = app.ledger.order(code).await? else {
        anyhow::bail!("there is no order {code} in the ledger");
    };
    let attempts = app.ledger.attempts(order.id).await?;
    let zone = app.config.schedule.timezone;
    output.print(&json!({ "order": order, "attempts": attempts }), || {
        describe(&order, &attempts, zone, output.terminal)
    })?;
    Ok(CommandOutcome::Done)
}

fn describe(order: &SyncRecord, attempts: &[Attempt], zone: Tz, screen: Terminal) -> String {
    let mut text = format!(
        "order {} (Vendure id {})\nstatus: {}\nVeraCore's id: {}\nfailures: {}; last try: {}; next try: {}\n",
        order.vendure_order_code,
        order.vendure_order_id,
        screen.status(order.sync_status.as_str()),
        order.veracore_order_id.as_deref().unwrap_or("-"),
        order.retry_count,
        local_time(order.last_sync_attempt, zone),
        local_time(order.next_attempt, zone),
    );
    if let Some(message) = &order.error_message {
        let category = order
            .error_category
            .map(|c| format!("{c}: "))
            .unwrap_or_default();
        text.push_str(&format!("why: {category}{message}\n"));
    }
    if let Some(since) = order.in_doubt_since {
        text.push_str(&format!(
            "in doubt since: {}\n",
            local_time(Some(since), zone)
        ));
    }
    text.push_str(&describe_post_send(order, zone));
    text.push_str(&format!(
        "\n{}  found\n",
        local_time(Some(order.created_at), zone)
    ));
    for attempt in attempts {
        let outcome = attempt.outcome.as_deref().unwrap_or("no outcome is known");
        let detail = attempt
            .message
            .as_deref()
            .map(|m| format!(": {m}"))
            .unwrap_or_default();
        let at = local_time(Some(attempt.started_at), zone);
        text.push_str(&format!("{at}  {}: {outcome}{detail}\n", attempt.kind));
    }
    text
}

/// What became of it after VeraCore had it.
fn describe_post_send(order: &SyncRecord, zone: Tz) -> String {
    let care = &order.post_send;
    let why = care.cancel_message.as_deref().unwrap_or("-");
    let mut text = String::new();
    if let Some(status) = care.cancel_status {
        text.push_str(&format!(
            "cancelled in Vendure; {}: {why}\n",
            status.label()
        ));
    } else if let Some(at) = care.cancelled_at_veracore {
        let at = local_time(Some(at), zone);
        text.push_str(&format!("cancelled at VeraCore, seen {at}: {why}\n"));
    }
    for part in &care.changed_since_sent {
        text.push_str(&format!("changed in Vendure since it was sent: {part}\n"));
    }
    text
}

fn print_verdicts(
    output: Output,
    verdicts: &[(OrderCode, OperatorOutcome)],
    done: &str,
) -> anyhow::Result<CommandOutcome> {
    let is_done = |verdict: &OperatorOutcome| {
        matches!(
            verdict,
            OperatorOutcome::Done | OperatorOutcome::DoneInDoubt
        )
    };
    let words = |verdict: &OperatorOutcome| match verdict {
        OperatorOutcome::Done => done.to_owned(),
        OperatorOutcome::DoneInDoubt => format!(
            "{done}; but it was sent and the answer was lost: VeraCore may have it, look there"
        ),
        OperatorOutcome::NotFound => "refused: the ledger has no such order".into(),
        OperatorOutcome::AlreadySent { veracore_order_id } => format!(
            "refused: VeraCore has it already ({})",
            veracore_order_id
                .as_deref()
                .unwrap_or("its id is not known")
        ),
        OperatorOutcome::Stopped => {
            "refused: it was cancelled in Vendure and stopped at VeraCore".into()
        }
        OperatorOutcome::Busy => {
            "refused: it is being worked on at this moment; see `orders show`".into()
        }
    };
    let results: Vec<serde_json::Value> = verdicts
        .iter()
        .map(|(code, verdict)| {
            json!({ "order": code, "done": is_done(verdict), "message": words(verdict) })
        })
        .collect();
    output.print(&json!({ "orders": results }), || {
        let lines: Vec<String> = verdicts
            .iter()
            .map(|(code, verdict)| format!("{code}: {}", words(verdict)))
            .collect();
        lines.join("\n")
    })?;
    let all = verdicts.iter().all(|(_, verdict)| is_done(verdict));
    Ok(CommandOutcome::from_ok(all))
}

async fn backfill(
    app: &App,
    output: Output,
    since: DateTime<Utc>,
    dry_run: bool,
) -> anyhow::Result<CommandOutcome> {
    app.ensure_shop_configured().await?;
    if !app.ledger.has_baseline().await? {
        anyhow::bail!(
            "the first start has not been yet: run `veracore-sync sync orders` or `run` first"
        );
    }
    let (orders, _) = app.orders.list_triggered_orders().await?;
    let standing = app.ledger.known_statuses(&orders).await?;
    let orders: Vec<OrderRef> = orders
        .into_iter()
        .filter(|order| {
            order
                .placed_at
                .or(order.created_at)
                .is_some_and(|at| at >= since)
        })
        .filter(|order| {
            standing
                .get(order.id.as_str())
                .is_none_or(KnownStatus::is_backfillable)
        })
        .collect();
    if !dry_run {
        app.ledger.backfill_orders(&orders).await?;
    }
    let codes: Vec<&str> = orders.iter().map(|order| order.code.as_str()).collect();
    output.print(&json!({ "dryRun": dry_run, "orders": codes }), || {
        let verb = if dry_run {
            "would be sent"
        } else {
            "are due now"
        };
        let list = if codes.is_empty() {
            String::new()
        } else {
            format!(": {}", codes.join(", "))
        };
        format!("{} orders {verb}{list}", codes.len())
    })?;
    Ok(CommandOutcome::Done)
}

/// A day's beginning in the zone, or a moment.
fn parse_since(text: &str, zone: Tz) -> Result<DateTime<Utc>, SetupError> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.with_timezone(&Utc));
    }
    let day: NaiveDate = text.parse().map_err(|_| {
        SetupError(format!(
            "--since: '{}' is not a date; give it as 2026-11-21 or 2026-11-21T08:00:00Z",
            one_line(text, 40)
        ))
    })?;
    let midnight = day.and_time(NaiveTime::MIN);
    // Where a clock change skips midnight, the day begins at the hour after it.
    (0..=3)
        .find_map(|hour| {
            (midnight + chrono::TimeDelta::hours(hour))
                .and_local_timezone(zone)
                .earliest()
        })
        .map(|at| at.with_timezone(&Utc))
        .ok_or_else(|| SetupError(format!("--since: the day {text} does not exist in {zone}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz_tests::{assert_one_line, mutated_text};

    proptest! {
        #[test]
        fn days_of_any_kind_are_taken_or_refused(text in mutated_text(&[
            "2026-11-21", "2026-11-21T08:00:00Z", "2018-11-04", "+262142-12-31", "-262143-01-01",
            "9999-12-31T23:59:60-23:59",
        ])) {
            for zone in [chrono_tz::America::Sao_Paulo, chrono_tz::Pacific::Apia, Tz::UTC] {
                if let Err(SetupError(problem)) = parse_since(&text, zone) {
                    assert_one_line(&problem);
                }
            }
        }
    }
}
