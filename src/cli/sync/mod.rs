//! `sync`: runs one sync now.

mod inventory;
mod orders;
mod tracking;

use clap::{Args, Subcommand};

use self::{inventory::SyncInventoryArgs, orders::SyncOrdersArgs, tracking::SyncTrackingArgs};
use super::{
    context::{CommandResult, load_app},
    output::Output,
};
use crate::config::Sources;

#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    #[command(subcommand)]
    command: SyncCommand,
}

#[derive(Debug, Subcommand)]
enum SyncCommand {
    /// Discover orders and send those that are due
    Orders(SyncOrdersArgs),
    /// Set the shop's stock from VeraCore's
    Inventory(SyncInventoryArgs),
    /// Fulfill in the shop what VeraCore shipped
    Tracking(SyncTrackingArgs),
}

pub(super) async fn execute(sources: Sources, output: Output, args: SyncArgs) -> CommandResult {
    let app = load_app(sources).await?;
    app.ensure_shop_configured().await?;
    let outcome = match args.command {
        SyncCommand::Orders(args) => orders::execute(&app, output, args).await,
        SyncCommand::Inventory(args) => inventory::execute(&app, output, args).await,
        SyncCommand::Tracking(args) => tracking::execute(&app, output, args).await,
    };
    // Closing publishes what a running daemon has to deliver.
    app.ledger.close().await;
    outcome
}
