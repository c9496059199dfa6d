//! `sync orders`: one sweep, and a send of every order that is due.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::cli::{
    args::parse_order_flag,
    context::{CommandOutcome, CommandResult},
    output::Output,
};
use crate::{
    app::App,
    domain::{OrderCode, SyncStatus},
    sync::orders::{
        discovery_loop,
        newest::DiscoveryState,
        preview::SendPreview,
        worker::{self, WorkOutcome},
    },
};

#[derive(Debug, Args)]
pub(super) struct SyncOrdersArgs {
    /// Read everything, write nothing, and print each write that would have been made
    #[arg(long)]
    dry_run: bool,
    /// Only this order
    #[arg(long, value_name = "CODE")]
    order: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrdersRunReport {
    taken_in: u64,
    /// Processed orders, by their new status.
    orders: BTreeMap<SyncStatus, u64>,
    /// Orders whose outcome could not be recorded; the daemon looks them up again.
    unrecorded: u64,
}

pub(super) async fn execute(
    app: &App,
    output: Output,
    SyncOrdersArgs { dry_run, order }: SyncOrdersArgs,
) -> CommandResult {
    let only = parse_order_flag(order)?;
    if dry_run {
        let previews = app.orders.preview_sends(only.as_ref()).await?;
        let report = serde_json::json!({ "dryRun": true, "orders": previews });
        return output.print(&report, || describe(&previews));
    }
    let report = run_once(app, only.as_ref(), output).await?;
    if let Some(code) = &only
        && app.ledger.order(code).await?.is_none()
    {
        anyhow::bail!(
            "order {code} not found: Vendure has none in a trigger state, and the ledger has none"
        );
    }
    output.print(&report, || {
        let counts: Vec<String> = report
            .orders
            .iter()
            .map(|(status, count)| format!("{count} {status}"))
            .collect();
        let processed = if counts.is_empty() {
            "no order was due".into()
        } else {
            counts.join(", ")
        };
        format!("{} new orders found; {processed}", report.taken_in)
    })?;
    let failed = report.orders.contains_key(&SyncStatus::Error) || report.unrecorded > 0;
    Ok(CommandOutcome::from_ok(!failed))
}

async fn run_once(
    app: &App,
    only: Option<&OrderCode>,
    output: Output,
) -> anyhow::Result<OrdersRunReport> {
    let taken_in = discovery_loop::run_sweep(&app.orders, &mut DiscoveryState::default()).await?;
    let due = if only.is_some() {
        1
    } else {
        app.ledger.backlog().await?.due
    };
    let progress = output.progress("orders", due);
    let limit = app.orders.settings.concurrency;
    let mut orders: BTreeMap<SyncStatus, u64> = BTreeMap::new();
    let mut unrecorded = 0;
    let mut unavailable = None;
    let mut tasks = JoinSet::new();
    loop {
        let free = limit.saturating_sub(u32::try_from(tasks.len()).unwrap_or(limit));
        if unavailable.is_none() {
            for order in app.orders.lease_due_orders(free, only).await? {
                let service = app.orders.clone();
                tasks.spawn(async move { worker::process_order(&service, &order).await });
            }
        }
        match tasks.join_next().await {
            None => break,
            Some(Ok(outcome)) => {
                match outcome {
                    WorkOutcome::Recorded(status) => *orders.entry(status).or_default() += 1,
                    // It is logged, and stops no other order.
                    WorkOutcome::Unrecorded => unrecorded += 1,
                    // It fails for every other order, too.
                    WorkOutcome::LedgerUnavailable(error) => {
                        unavailable.get_or_insert(error);
                    }
                }
                progress.inc(1);
            }
            Some(Err(error)) => return Err(error.into()),
        }
    }
    progress.finish_and_clear();
    if let Some(error) = unavailable {
        return Err(error.into());
    }
    Ok(OrdersRunReport {
        taken_in,
        orders,
        unrecorded,
    })
}

fn describe(previews: &[SendPreview]) -> String {
    if previews.is_empty() {
        return "nothing would be written".into();
    }
    let lines: Vec<String> = previews
        .iter()
        .map(|preview| {
            format!(
                "would {} {}: {}",
                preview.would, preview.order, preview.detail
            )
        })
        .collect();
    lines.join("\n")
}
