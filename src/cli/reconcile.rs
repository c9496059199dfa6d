//! `reconcile`: whether Vendure, the ledger and VeraCore tell the same story, and what to do where
//! they do not.

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::{Outcome, Output, one_shot, output::progress_of};
use crate::{
    config::Sources,
    sync::{
        passes::{self, Ran},
        reconcile::{self, Finding, Reconciliation, Summary},
    },
};

#[derive(Debug, Args)]
pub(super) struct ReconcileArgs {
    /// After so many days something of an order should have left VeraCore
    #[arg(long, value_name = "N", default_value_t = reconcile::DAYS,
        value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
}

#[derive(Serialize)]
struct Printed<'a> {
    run: i64,
    #[serde(flatten)]
    summary: &'a Summary,
}

pub(super) async fn execute(
    sources: Sources,
    output: Output,
    args: &ReconcileArgs,
) -> anyhow::Result<Outcome> {
    let app = one_shot(sources).await?;
    app.ledger.ensure_migrated().await?;
    let service = &app.reconciliation;
    let on_progress = progress_of(output, "orders");
    let ran = passes::on_wish(&app.ledger, &app.clock, reconcile::JOB, async |_| {
        let outcome = service.pass(args.days, &on_progress).await;
        let report = Reconciliation::report(&outcome);
        (outcome, report)
    })
    .await?;
    let (run, summary) = match ran {
        Ran::Through(run, outcome) => (run.number(), outcome?),
        Ran::Busy => bail!("a reconciliation is going on already; try again when it is done"),
        Ran::Dropped => bail!("the database was away for too long; the pass was dropped half-way"),
    };
    let printed = Printed {
        run,
        summary: &summary,
    };
    output.print(&printed, || describe(&summary))?;
    Ok(if summary.is_clean() {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

fn describe(summary: &Summary) -> String {
    let checked = &summary.checked;
    let mut text = format!(
        "{} orders in a trigger state in Vendure and {} of the ledger compared; VeraCore asked for {}\n",
        checked.in_trigger_states, checked.in_ledger, checked.asked_at_veracore
    );
    if checked.not_asked > 0 {
        text.push_str(&format!(
            "VeraCore was not asked for {} more: too many for one pass, or it rations calls; their turn comes on another day\n",
            checked.not_asked
        ));
    }
    if summary.is_clean() {
        text.push_str("nothing is off\n");
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
            text.push_str(&format!("  {order}: {detail}. To do: {advice}\n"));
        }
    }
    if !summary.failures.is_empty() {
        text.push_str(&format!(
            "\ncould not be compared ({})\n",
            summary.failures.len()
        ));
        for failure in &summary.failures {
            text.push_str(&format!("  {}: {}\n", failure.order, failure.problem));
        }
    }
    if checked.not_listed > 0 {
        text.push_str(&format!("\nand {} more\n", checked.not_listed));
    }
    text
}
