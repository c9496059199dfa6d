//! `orders`: lists, shows, retries, skips and backfills orders.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    args::{parse_order_code, word_parser},
    context::{CommandResult, load_app},
    output::{Output, local_time},
    terminal::{Column, Terminal},
};
use crate::{
    app::{App, SetupError},
    config::Sources,
    domain::{OrderCode, OrderRef, SyncStatus, text::one_line},
    ledger::{
        Attempt, KnownStatus, LedgerError, OperatorOutcome, OrderFilter, RetryMode, SyncRecord,
        Topic,
    },
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
        /// Only orders in this status
        #[arg(long, value_parser = word_parser(SyncStatus::ALL.iter().map(|known| known.as_str()), SyncStatus::parse))]
        status: Option<SyncStatus>,
        /// At most this many
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show an order's whole history
    Show { code: String },
    /// Retry orders now, with a fresh attempt count; orders in doubt are looked up first
    Retry {
        #[arg(required = true)]
        codes: Vec<String>,
        /// Treat the order that VeraCore has under this number as this one; if VeraCore has none,
        /// the order is sent
        #[arg(long)]
        adopt: bool,
    },
    /// Skip orders: they are never sent
    Skip {
        #[arg(required = true)]
        codes: Vec<String>,
    },
    /// Send orders that were skipped at the first start
    Backfill {
        /// Placed on or after this date (in SYNC_TIMEZONE) or RFC 3339 timestamp
        #[arg(long, value_name = "DATE")]
        since: String,
        /// Only print the orders
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn execute(sources: Sources, output: Output, args: OrdersArgs) -> CommandResult {
    let app = load_app(sources).await?;
    match args.command {
        OrdersCommand::List { status, limit } => list(&app, output, status, limit).await,
        OrdersCommand::Show { code } => show(&app, output, &parse_order_code(&code)?).await,
        OrdersCommand::Retry { codes, adopt } => {
            let mode = match adopt {
                true => RetryMode::Adopt,
                false => RetryMode::Again,
            };
            let retry = async |code: &_| app.ledger.retry_order(code, mode).await;
            let outcomes = change_orders(&codes, "queued for retry", retry).await?;
            app.ledger.publish(Topic::Orders).await;
            output.print_outcomes(("orders", "order"), &outcomes)
        }
        OrdersCommand::Skip { codes } => {
            let skip = async |code: &_| app.ledger.skip_order(code).await;
            let outcomes = change_orders(&codes, "skipped", skip).await?;
            output.print_outcomes(("orders", "order"), &outcomes)
        }
        OrdersCommand::Backfill { since, dry_run } => {
            let since = parse_since(&since, app.config.schedule.timezone)?;
            backfill(&app, output, since, dry_run).await
        }
    }
}

async fn list(app: &App, output: Output, status: Option<SyncStatus>, limit: u32) -> CommandResult {
    let filter = OrderFilter {
        status,
        limit,
        ..OrderFilter::default()
    };
    let orders = app.ledger.orders(&filter).await?;
    let zone = app.config.schedule.timezone;
    output.print(&json!({ "orders": orders }), || {
        let rows = orders.iter().map(|order| {
            [
                order.vendure_order_code.clone(),
                order.sync_status.to_string(),
                order.veracore_order_id.as_deref().unwrap_or("-").to_owned(),
                order.retry_count.to_string(),
                local_time(order.next_attempt, zone),
                order.error_message.clone().unwrap_or_default(),
            ]
        });
        let columns = [
            Column::Key("ORDER"),
            Column::Status("STATUS"),
            Column::Text("VERACORE"),
            Column::Number("ATTEMPTS"),
            Column::Text("NEXT ATTEMPT"),
            Column::LongText(""),
        ];
        output.terminal.table(&columns, rows)
    })
}

async fn show(app: &App, output: Output, code: &OrderCode) -> CommandResult {
    let Some(order) = app.ledger.order(code).await? else {
        anyhow::bail!("order {code} not found");
    };
    let attempts = app.ledger.attempts(order.id).await?;
    let zone = app.config.schedule.timezone;
    output.print(&json!({ "order": order, "attempts": attempts }), || {
        describe(&order, &attempts, zone, output.terminal)
    })
}

fn describe(order: &SyncRecord, attempts: &[Attempt], zone: Tz, screen: Terminal) -> String {
    let mut text = format!(
        "order {} (Vendure ID {})\nstatus: {}\nVeraCore ID: {}\nfailed attempts: {}; last attempt: {}; next attempt: {}\n",
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
        text.push_str(&format!("reason: {category}{message}\n"));
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
        let outcome = attempt.outcome.as_deref().unwrap_or("no outcome recorded");
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

/// Cancellations and edits after the order was sent.
fn describe_post_send(order: &SyncRecord, zone: Tz) -> String {
    let post_send = &order.post_send;
    let reason = post_send.cancel_message.as_deref().unwrap_or("-");
    let mut text = String::new();
    if let Some(status) = post_send.cancel_status {
        text.push_str(&format!(
            "cancelled in Vendure; {}: {reason}\n",
            status.label()
        ));
    } else if let Some(at) = post_send.cancelled_at_veracore {
        let at = local_time(Some(at), zone);
        text.push_str(&format!("cancelled at VeraCore, noticed {at}: {reason}\n"));
    }
    for part in &post_send.changed_since_sent {
        text.push_str(&format!("edited in Vendure after it was sent: {part}\n"));
    }
    text
}

/// Changes each order. Returns its code, whether it was changed, and a message.
async fn change_orders(
    codes: &[String],
    done: &str,
    change: impl AsyncFn(&OrderCode) -> Result<OperatorOutcome, LedgerError>,
) -> anyhow::Result<Vec<(String, bool, String)>> {
    let mut outcomes = Vec::new();
    for code in codes {
        let code = parse_order_code(code)?;
        let (is_done, message) = match change(&code).await? {
            OperatorOutcome::Done => (true, done.to_owned()),
            OperatorOutcome::DoneInDoubt => (
                true,
                format!(
                    "{done}; its last send is unconfirmed, so VeraCore may have it: check there"
                ),
            ),
            OperatorOutcome::NotFound => (false, "refused: order not found".into()),
            OperatorOutcome::AlreadySent { veracore_order_id } => {
                let id = veracore_order_id.as_deref().unwrap_or("ID unknown");
                (false, format!("refused: VeraCore already has it ({id})"))
            }
            OperatorOutcome::Stopped => (
                false,
                "refused: it was cancelled in Vendure and at VeraCore".into(),
            ),
            OperatorOutcome::Busy => (
                false,
                "refused: it is being processed right now; see `orders show`".into(),
            ),
        };
        outcomes.push((code.to_string(), is_done, message));
    }
    Ok(outcomes)
}

async fn backfill(app: &App, output: Output, since: DateTime<Utc>, dry_run: bool) -> CommandResult {
    app.ensure_shop_configured().await?;
    if !app.ledger.has_baseline().await? {
        anyhow::bail!(
            "there was no first start yet: run `veracore-sync run` or `sync orders` first"
        );
    }
    let (orders, _) = app.orders.list_triggered_orders().await?;
    let statuses = app.ledger.known_statuses(&orders).await?;
    let orders: Vec<OrderRef> = orders
        .into_iter()
        .filter(|order| {
            order
                .placed_at
                .or(order.created_at)
                .is_some_and(|at| at >= since)
        })
        .filter(|order| {
            statuses
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
            "are queued"
        };
        let list = if codes.is_empty() {
            String::new()
        } else {
            format!(": {}", codes.join(", "))
        };
        format!("{} orders {verb}{list}", codes.len())
    })
}

/// A timestamp, or the start of a day in the time zone.
fn parse_since(text: &str, zone: Tz) -> Result<DateTime<Utc>, SetupError> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.with_timezone(&Utc));
    }
    let day: NaiveDate = text.parse().map_err(|_| {
        SetupError(format!(
            "--since: '{}' is not a date; write it as 2026-11-21 or 2026-11-21T08:00:00Z",
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
