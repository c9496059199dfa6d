//! `reconcile`: compares Vendure, the ledger and VeraCore, and prints each difference and its remedy.

use clap::Args;

use super::{
    context::{CommandOutcome, CommandResult, load_app},
    output::{Output, progress_callback},
    run_report::{RunReport, completed},
};
use crate::{
    config::Sources,
    sync::reconcile::{self, Finding, ReconcileSummary},
};

#[derive(Debug, Args)]
pub(super) struct ReconcileArgs {
    /// Days after which VeraCore should have shipped a part of an order
    #[arg(long, value_name = "N", default_value_t = reconcile::NEVER_SHIPPED_DAYS,
        value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
}

pub(super) async fn execute(
    sources: Sources,
    output: Output,
    args: &ReconcileArgs,
) -> CommandResult {
    let app = load_app(sources).await?;
    let on_progress = progress_callback(output, "orders");
    let attempt = app
        .reconciliation
        .run_manually(args.days, &on_progress)
        .await?;
    let (run, summary) = completed("a reconciliation", attempt)?;
    let report = RunReport::new(Some(run), None, &summary);
    output.print(&report, || describe(&summary))?;
    Ok(CommandOutcome::from_ok(summary.is_clean()))
}

fn describe(summary: &ReconcileSummary) -> String {
    let checked = &summary.checked;
    let mut text = format!(
        "compared {} orders in a trigger state in Vendure and {} in the ledger; looked up {} at VeraCore\n",
        checked.in_trigger_states, checked.in_ledger, checked.asked_at_veracore
    );
    if checked.not_asked > 0 {
        text.push_str(&format!(
            "{} more were not looked up at VeraCore (too many for one run, or rate-limited); a later run checks them\n",
            checked.not_asked
        ));
    }
    if summary.is_clean() {
        text.push_str("no differences\n");
    }
    // Sorted by kind.
    for same in summary.findings.chunk_by(|a, b| a.kind == b.kind) {
        text.push_str(&format!("\n{} ({})\n", same[0].kind.as_str(), same.len()));
        for Finding {
            order,
            detail,
            advice,
            ..
        } in same
        {
            text.push_str(&format!("  {order}: {detail}. Fix: {advice}\n"));
        }
    }
    if !summary.failures.is_empty() {
        text.push_str(&format!("\nnot compared ({})\n", summary.failures.len()));
        for failure in &summary.failures {
            text.push_str(&format!("  {}: {}\n", failure.order, failure.problem));
        }
    }
    if checked.not_listed > 0 {
        text.push_str(&format!("\nand {} more\n", checked.not_listed));
    }
    text
}
