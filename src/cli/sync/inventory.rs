//! `sync inventory`: one inventory run, or a preview of it.

use clap::Args;

use crate::cli::{
    context::{CommandOutcome, CommandResult},
    output::{Output, progress_callback},
    run_report::{RunReport, completed},
    terminal::{Column, Terminal},
};
use crate::{
    app::{App, SetupError},
    domain::{Sku, text::one_line},
    ledger::StockChange,
    sync::inventory::{InventoryRequest, InventorySummary},
};

#[derive(Debug, Args)]
pub(super) struct SyncInventoryArgs {
    /// Read everything, write nothing, and print each write that would have been made
    #[arg(long)]
    dry_run: bool,
    /// Only this SKU of the shop
    #[arg(long, value_name = "SKU", conflicts_with = "accept_held")]
    sku: Option<String>,
    /// Apply the feed that this run held, after reading it again
    #[arg(long, value_name = "RUN")]
    accept_held: Option<i64>,
}

pub(super) async fn execute(app: &App, output: Output, args: SyncInventoryArgs) -> CommandResult {
    let sku = args
        .sku
        .map(Sku::parse)
        .transpose()
        .map_err(|problem| SetupError(format!("--sku: {problem}")))?;
    let mut request = InventoryRequest {
        sku,
        ..InventoryRequest::default()
    };
    if args.dry_run {
        if let Some(run) = args.accept_held {
            request.accepted_suspicions = app.inventory.quarantined_suspicions(run).await?;
        }
        return preview(app, output, &request).await;
    }
    let on_progress = progress_callback(output, "stock levels");
    let inventory = &app.inventory;
    let attempt = match args.accept_held {
        Some(run) => inventory.accept_quarantined_feed(run, &on_progress).await?,
        None => inventory.run_manually(&request, &on_progress).await?,
    };
    let (run, summary) = completed("an inventory run", attempt)?;
    let report = RunReport::new(Some(run), Some(false), &summary);
    output.print(&report, || describe(&summary, Some(run)))?;
    Ok(command_outcome(&summary))
}

async fn preview(app: &App, output: Output, request: &InventoryRequest) -> CommandResult {
    let (summary, changes) = app.inventory.preview(request).await?;
    let report = RunReport {
        changes: Some(&changes),
        ..RunReport::new(None, Some(true), &summary)
    };
    output.print(&report, || {
        let mut text = describe(&summary, None);
        if !changes.is_empty() {
            text.push_str(&describe_changes(&changes, output.terminal));
        }
        text
    })?;
    Ok(command_outcome(&summary))
}

const fn command_outcome(summary: &InventorySummary) -> CommandOutcome {
    CommandOutcome::from_ok(summary.quarantined.is_none() && summary.counts.failed_count() == 0)
}

fn describe(summary: &InventorySummary, run: Option<i64>) -> String {
    let counts = summary.counts;
    let mut text = String::new();
    if let Some(reasons) = summary.quarantine_reasons() {
        text.push_str(&format!("HELD, nothing was changed: {reasons}\n"));
        if let Some(run) = run {
            text.push_str(&format!(
                "to apply it anyway: veracore-sync sync inventory --accept-held {run}\n"
            ));
        }
    } else if run.is_some() {
        text.push_str(&format!(
            "{} levels written, {} already right, {} refused, {} unconfirmed, {} not tried\n",
            counts.written, counts.unchanged, counts.refused, counts.unknown, counts.untried
        ));
    }
    text.push_str(&format!(
        "{} rows; {} variants not managed; {} not in the feed; {} SKUs without a variant\n",
        summary.rows, summary.left_alone, summary.not_in_feed_count, summary.unmatched_count
    ));
    for near in &summary.near_misses {
        text.push_str(&format!(
            "nearly the same: VeraCore's '{}' and the shop's '{}'\n",
            one_line(&near.veracore_sku, 80),
            one_line(&near.vendure_sku, 80)
        ));
    }
    for row in &summary.bad_rows {
        text.push_str(&format!("skipped: {}\n", one_line(row, 200)));
    }
    text
}

fn describe_changes(changes: &[StockChange], screen: Terminal) -> String {
    let rows = changes.iter().map(|change| {
        [
            one_line(&change.sku, 40),
            change.before.to_string(),
            change.after.to_string(),
            change.available.to_string(),
            change.acknowledged.to_string(),
            change.allocated.to_string(),
        ]
    });
    let columns = [
        Column::Text("WOULD WRITE"),
        Column::Number("ON HAND"),
        Column::Number("THEN"),
        Column::Number("AVAILABLE"),
        Column::Number("IN FLIGHT"),
        Column::Number("ALLOCATED"),
    ];
    screen.table(&columns, rows)
}
