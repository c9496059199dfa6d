//! `sync …`: one pass now, of one of the three flows.

use clap::{Args, Subcommand};

use super::{
    Outcome, Output, one_shot,
    sync_inventory::{self, InventoryPass},
    sync_orders::{self, OrdersPass},
    sync_tracking::{self, TrackingPass},
};
use crate::{app::Refused, config::Sources, domain::OrderCode};

#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Find orders and send those that are due
    Orders(OrdersPass),
    /// Bring VeraCore's stock to the shop
    Inventory(InventoryPass),
    /// Bring what VeraCore shipped to the shop
    Tracking(TrackingPass),
}

pub(super) async fn execute(
    sources: Sources,
    output: Output,
    args: SyncArgs,
) -> anyhow::Result<Outcome> {
    let app = one_shot(sources).await?;
    app.ledger.ensure_migrated().await?;
    app.ensure_shop_is_right().await?;
    let outcome = match args.what {
        What::Orders(args) => sync_orders::execute(&app, output, args).await,
        What::Inventory(args) => sync_inventory::execute(&app, output, args).await,
        What::Tracking(args) => sync_tracking::execute(&app, output, args).await,
    };
    // A daemon is told what there is to deliver.
    app.ledger.close().await;
    outcome
}

/// The order that was named, if one was.
pub(super) fn order_code(order: Option<String>) -> Result<Option<OrderCode>, Refused> {
    order
        .map(OrderCode::parse)
        .transpose()
        .map_err(|problem| Refused(format!("--order: {problem}")))
}
