//! `sync …`: one pass now, of one of the three flows.

use clap::{Args, Subcommand};

use super::{
    CommandOutcome, Output, load_app,
    sync_inventory::{self, SyncInventoryArgs},
    sync_orders::{self, SyncOrdersArgs},
    sync_tracking::{self, SyncTrackingArgs},
};
use crate::{app::SetupError, config::Sources, domain::OrderCode};

#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    #[command(subcommand)]
    command: SyncCommand,
}

#[derive(Debug, Subcommand)]
enum SyncCommand {
    /// Find orders and send those that are due
    Orders(SyncOrdersArgs),
    /// Bring VeraCore's stock to the shop
    Inventory(SyncInventoryArgs),
    /// Bring what VeraCore shipped to the shop
    Tracking(SyncTrackingArgs),
}

pub(super) async fn execute(
    sources: Sources,
    output: Output,
    args: SyncArgs,
) -> anyhow::Result<CommandOutcome> {
    let app = load_app(sources).await?;
    app.ledger.ensure_migrated().await?;
    app.ensure_shop_configured().await?;
    let outcome = match args.command {
        SyncCommand::Orders(args) => sync_orders::execute(&app, output, args).await,
        SyncCommand::Inventory(args) => sync_inventory::execute(&app, output, args).await,
        SyncCommand::Tracking(args) => sync_tracking::execute(&app, output, args).await,
    };
    // A daemon is told what there is to deliver.
    app.ledger.close().await;
    outcome
}

/// The order that was named, if one was.
pub(super) fn parse_order_flag(order: Option<String>) -> Result<Option<OrderCode>, SetupError> {
    order
        .map(OrderCode::parse)
        .transpose()
        .map_err(|problem| SetupError(format!("--order: {problem}")))
}
