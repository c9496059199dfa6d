//! `sync tracking`: one tracking run, or a preview of it.

use clap::Args;

use crate::cli::{
    args::parse_order_flag,
    context::{CommandOutcome, CommandResult},
    output::{Output, progress_callback},
    run_report::{RunReport, completed},
    terminal::{Column, Terminal},
};
use crate::{
    app::App,
    sync::tracking::{ParcelPreview, TrackingSummary},
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

pub(super) async fn execute(app: &App, output: Output, args: SyncTrackingArgs) -> CommandResult {
    let only = parse_order_flag(args.order)?;
    if args.dry_run {
        let (summary, packages) = app.tracking.preview(only.as_ref()).await?;
        let report = RunReport {
            packages: Some(&packages),
            ..RunReport::new(None, Some(true), &summary)
        };
        return output.print(&report, || describe_previews(&packages, output.terminal));
    }
    let on_progress = progress_callback(output, "orders");
    let attempt = app.tracking.run_manually(only.as_ref(), &on_progress);
    let (run, summary) = completed("a tracking run", attempt.await?)?;
    let report = RunReport::new(Some(run), Some(false), &summary);
    output.print(&report, || describe(&summary))?;
    let is_ok = summary.error_count() == 0 && summary.busy == 0;
    Ok(CommandOutcome::from_ok(is_ok))
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
    let rows = packages.iter().map(|preview| {
        [
            preview.would.to_owned(),
            preview.order.clone(),
            preview.parcel.clone(),
            preview.detail.clone(),
        ]
    });
    let columns = [
        Column::Text("WOULD"),
        Column::Key("ORDER"),
        Column::Text("PARCEL"),
        Column::LongText(""),
    ];
    screen.table(&columns, rows)
}
