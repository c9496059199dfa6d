//! `sync tracking`: one tracking run, or a preview of it.

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use crate::cli::{
    args::parse_order_flag,
    context::CommandOutcome,
    output::{Output, progress_callback},
    terminal::{Column, Terminal},
};
use crate::{
    app::App,
    sync::{
        jobs::run_once::RunAttempt,
        tracking::{ParcelPreview, TrackingSummary},
    },
};

#[derive(Debug, Args)]
pub(super) struct SyncTrackingArgs {
    /// Read everything, write nothing, and print each write that would have been made
    #[arg(long)]
    dry_run: bool,
    /// Only this order
    #[arg(long, value_name = "CODE")]
    order: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrackingRunReport<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<i64>,
    dry_run: bool,
    #[serde(flatten)]
    summary: &'a TrackingSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<&'a [ParcelPreview]>,
}

pub(super) async fn execute(
    app: &App,
    output: Output,
    args: SyncTrackingArgs,
) -> anyhow::Result<CommandOutcome> {
    let only = parse_order_flag(args.order)?;
    if args.dry_run {
        let (summary, packages) = app.tracking.preview(only.as_ref()).await?;
        let printed = TrackingRunReport {
            run: None,
            dry_run: true,
            summary: &summary,
            packages: Some(&packages),
        };
        output.print(&printed, || describe_previews(&packages, output.terminal))?;
        return Ok(CommandOutcome::Done);
    }
    let on_progress = progress_callback(output, "orders");
    let attempt = app
        .tracking
        .run_manually(only.as_ref(), &on_progress)
        .await?;
    let (run, summary) = match attempt {
        RunAttempt::Completed(run, outcome) => (run, outcome?),
        RunAttempt::NotStarted => {
            bail!("a tracking run is already in progress; try again when it is done")
        }
        RunAttempt::LeaseLost => {
            bail!("the database was unavailable for too long; the run was stopped halfway")
        }
    };
    let printed = TrackingRunReport {
        run: Some(run.number()),
        dry_run: false,
        summary: &summary,
        packages: None,
    };
    output.print(&printed, || describe(&summary))?;
    Ok(if summary.error_count() > 0 || summary.busy > 0 {
        CommandOutcome::Failed
    } else {
        CommandOutcome::Done
    })
}

fn describe(summary: &TrackingSummary) -> String {
    let mut text = format!(
        "{} parcels reported; {} orders checked: {} fulfillments created, {} already fulfilled, {} waiting, {} void\n",
        summary.shipments,
        summary.orders_checked,
        summary.fulfilled,
        summary.linked + summary.covered,
        summary.waiting,
        summary.void
    );
    if summary.busy > 0 {
        text.push_str(&format!(
            "{} orders are being processed by another run\n",
            summary.busy
        ));
    }
    if summary.unknown_orders > 0 {
        text.push_str(&format!(
            "{} parcels belong to orders that this installation did not send\n",
            summary.unknown_orders
        ));
    }
    for problem in &summary.problems {
        text.push_str(&format!(
            "needs attention: order {}, parcel {}: {}\n",
            problem.order, problem.parcel, problem.problem
        ));
    }
    for failure in &summary.failures {
        text.push_str(&format!(
            "retried later: order {}: {}\n",
            failure.order, failure.problem
        ));
    }
    for row in &summary.bad_row_examples {
        text.push_str(&format!("skipped: {row}\n"));
    }
    text
}

fn describe_previews(packages: &[ParcelPreview], screen: Terminal) -> String {
    if packages.is_empty() {
        return "nothing would be written".into();
    }
    let rows: Vec<Vec<String>> = packages
        .iter()
        .map(|preview| {
            vec![
                preview.would.to_owned(),
                preview.order.clone(),
                preview.parcel.clone(),
                preview.detail.clone(),
            ]
        })
        .collect();
    let columns = [
        Column::Text("WOULD"),
        Column::Key("ORDER"),
        Column::Text("PARCEL"),
        Column::LongText(""),
    ];
    screen.table(&columns, &rows)
}
