//! `sync tracking`: one pass over what VeraCore shipped now, or what it would do.

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::{
    Outcome, Output,
    output::progress_of,
    screen::{Column, Screen},
    sync::order_code,
};
use crate::{
    app::App,
    sync::{
        passes::Ran,
        tracking::{OrderPreview, Summary},
    },
};

/// Which orders, and whether in earnest.
#[derive(Debug, Args)]
pub(super) struct TrackingPass {
    /// Read everything, write nothing, and print each write that would have been made
    #[arg(long)]
    dry_run: bool,
    /// Only this order
    #[arg(long, value_name = "CODE")]
    order: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<i64>,
    dry_run: bool,
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<&'a [OrderPreview]>,
}

pub(super) async fn execute(
    app: &App,
    output: Output,
    args: TrackingPass,
) -> anyhow::Result<Outcome> {
    let only = order_code(args.order)?;
    if args.dry_run {
        let (summary, packages) = app.tracking.preview(only.as_ref()).await?;
        let printed = Printed {
            run: None,
            dry_run: true,
            summary: &summary,
            packages: Some(&packages),
        };
        output.print(&printed, || describe_previews(&packages, output.screen))?;
        return Ok(Outcome::Done);
    }
    let on_progress = progress_of(output, "orders");
    let ran = app
        .tracking
        .pass_on_wish(only.as_ref(), &on_progress)
        .await?;
    let (run, summary) = match ran {
        Ran::Through(run, outcome) => (run, outcome?),
        Ran::Busy => bail!("a pass over tracking is going on already; try again when it is done"),
        Ran::Dropped => bail!("the database was away for too long; the pass was dropped half-way"),
    };
    let printed = Printed {
        run: Some(run.number()),
        dry_run: false,
        summary: &summary,
        packages: None,
    };
    output.print(&printed, || describe(&summary))?;
    Ok(if summary.errors() > 0 || summary.busy > 0 {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

fn describe(summary: &Summary) -> String {
    let mut text = format!(
        "{} packages told of; {} orders looked at: {} fulfillments made, {} were there already, {} waiting, {} void\n",
        summary.shipments,
        summary.orders_checked,
        summary.fulfilled,
        summary.recognized + summary.covered,
        summary.waiting,
        summary.void
    );
    if summary.busy > 0 {
        text.push_str(&format!(
            "{} orders are worked on by somebody else\n",
            summary.busy
        ));
    }
    if summary.unknown_orders > 0 {
        text.push_str(&format!(
            "{} orders that this installation did not send\n",
            summary.unknown_orders
        ));
    }
    for problem in &summary.problems {
        text.push_str(&format!(
            "needs a person: order {}, package {}: {}\n",
            problem.order, problem.package, problem.problem
        ));
    }
    for failure in &summary.failures {
        text.push_str(&format!(
            "tried again later: order {}: {}\n",
            failure.order, failure.problem
        ));
    }
    for row in &summary.bad_row_examples {
        text.push_str(&format!("left out: {row}\n"));
    }
    text
}

fn describe_previews(packages: &[OrderPreview], screen: Screen) -> String {
    if packages.is_empty() {
        return "nothing would be written".into();
    }
    let rows: Vec<Vec<String>> = packages
        .iter()
        .map(|preview| {
            vec![
                preview.would.to_owned(),
                preview.order.clone(),
                preview.package.clone(),
                preview.detail.clone(),
            ]
        })
        .collect();
    let columns = [
        Column::Text("WOULD"),
        Column::Key("ORDER"),
        Column::Text("PACKAGE"),
        Column::Sentence(""),
    ];
    screen.table(&columns, &rows)
}
