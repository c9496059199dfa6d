//! `stock explain`: how one stock level is calculated.

use chrono_tz::Tz;
use clap::{Args, Subcommand};

use super::{
    context::{CommandOutcome, CommandResult, load_app},
    output::{Output, local_time},
};
use crate::{
    app::SetupError,
    config::Sources,
    domain::{Sku, text::one_line},
    ledger::RecordedStockChange,
    sync::inventory::{CalculationLine, ExplainedLevel, StockArithmetic, StockExplanation},
};

#[derive(Debug, Args)]
pub(super) struct StockArgs {
    #[command(subcommand)]
    command: StockCommand,
}

#[derive(Debug, Subcommand)]
enum StockCommand {
    /// Show how the level of one of the shop's SKUs is calculated, and its recent changes
    Explain { sku: String },
}

pub(super) async fn execute(
    sources: Sources,
    output: Output,
    StockArgs {
        command: StockCommand::Explain { sku },
    }: StockArgs,
) -> CommandResult {
    let sku = Sku::parse(sku).map_err(|problem| SetupError(format!("SKU: {problem}")))?;
    let app = load_app(sources).await?;
    let explanation = app.inventory.explain(&sku).await?;
    let zone = app.config.schedule.timezone;
    output.print(&explanation, || describe(&explanation, zone))?;
    Ok(CommandOutcome::from_ok(explanation.now.is_some()))
}

fn describe(explanation: &StockExplanation, zone: Tz) -> String {
    let mut text = String::new();
    match (&explanation.now, &explanation.problem) {
        (Some(now), _) => text.push_str(&describe_arithmetic(now, zone)),
        (None, Some(problem)) => {
            text.push_str(&format!("the level cannot be calculated now: {problem}\n"));
        }
        (None, None) => {}
    }
    if explanation.changes.is_empty() {
        text.push_str("\nthis installation never changed the stock of this SKU\n");
    } else {
        text.push_str("\nrecent changes, newest first:\n");
        for change in &explanation.changes {
            text.push_str(&describe_recorded_change(change, zone));
        }
    }
    text
}

fn describe_arithmetic(now: &StockArithmetic, zone: Tz) -> String {
    let asked_at = local_time(Some(now.asked_at), zone);
    let mut text = format!("read from VeraCore at {asked_at}\n");
    for level in &now.variants {
        text.push_str(&describe_level(level));
    }
    text
}

fn describe_level(level: &ExplainedLevel) -> String {
    let numbers = &level.numbers;
    let mut text = format!(
        "\n{} (variant {}, VeraCore's {})\n",
        one_line(&numbers.sku, 80),
        numbers.variant,
        one_line(&numbers.veracore_sku, 80)
    );
    let mut lines = level.lines();
    for (units, name) in [(numbers.reserved, "reserved"), (numbers.on_hand, "on hand")] {
        if let (Some(units), Some(available)) = (units, lines.first_mut()) {
            available.label.push_str(&format!(", {units} {name}"));
        }
    }
    for CalculationLine { sign, units, label } in lines {
        text.push_str(&format!("  {sign}{units:>8}  {label}\n"));
    }
    text
}

fn describe_recorded_change(change: &RecordedStockChange, zone: Tz) -> String {
    let outcome = match (change.outcome.as_deref(), &change.message) {
        (Some("written"), _) => String::new(),
        (Some(outcome), Some(message)) => format!(" ({outcome}: {message})"),
        (Some(outcome), None) => format!(" ({outcome})"),
        (None, _) => " (unconfirmed)".into(),
    };
    format!(
        "  {}  {} -> {}{outcome}: {} available - {} safety stock + {} in flight - {} waiting elsewhere - {} left since the read; {} allocated; VeraCore asked at {}, run {}\n",
        local_time(Some(change.intended_at), zone),
        change.before,
        change.after,
        change.available,
        change.safety_stock,
        change.acknowledged,
        change.waiting_elsewhere,
        change.gone,
        change.allocated,
        local_time(Some(change.feed_asked_at), zone),
        change.run.map_or_else(|| "-".into(), |run| run.to_string()),
    )
}
