//! The command line: one file per command.
//!
//! Owns arguments, output and exit statuses. Behaviour that the daemon needs too belongs to `sync`.

mod args;
mod check;
mod completions;
mod config;
mod context;
mod events;
mod healthcheck;
mod man;
mod migrate;
mod orders;
mod output;
mod reconcile;
mod run;
mod run_report;
mod schedule;
mod status;
mod stock;
mod sync;
mod terminal;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use self::{context::CommandOutcome, output::Output};
use crate::{
    app::SetupError,
    config::{ConfigError, Sources},
};

/// Sends paid orders from a Vendure shop to VeraCore, and brings stock and tracking back.
#[derive(Debug, Parser)]
#[command(name = "veracore-sync", version, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct GlobalArgs {
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Configuration file (TOML); default: the file that CONFIG_FILE names
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon until SIGTERM or SIGINT
    Run,
    /// Apply the database migrations and exit
    Migrate,
    /// Test every dependency and print the fix for each problem
    Check,
    /// Run a sync now
    Sync(sync::SyncArgs),
    /// List, show, retry, skip and backfill orders
    Orders(orders::OrdersArgs),
    /// Explain the shop's stock levels
    Stock(stock::StockArgs),
    /// Compare Vendure, the ledger and VeraCore, and print every difference; changes neither
    Reconcile(reconcile::ReconcileArgs),
    /// Show order counts, job runs and connections
    Status,
    /// Show the next runs of the scheduled jobs, in local time and UTC
    Schedule(schedule::ScheduleArgs),
    /// List events, and send them again
    Events(events::EventsArgs),
    /// Show the configuration, and change the settings stored in the database
    Config(config::ConfigArgs),
    /// Check that the daemon on `HTTP_LISTEN` responds, for containers without curl
    #[command(hide = true)]
    Healthcheck,
    /// Print a shell completion script for commands, options and setting names
    Completions(completions::CompletionsArgs),
    /// Print the man page (roff), or write one for each command
    Man(man::ManArgs),
}

pub fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        // A broken pipe is the reader's choice.
        let _ = error.print();
        if !error.use_stderr() {
            return ExitCode::SUCCESS;
        }
        if std::env::args_os().any(|argument| argument == "--json") {
            let message = error.to_string();
            let message = message
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            let _ = Output::new(true).print(&serde_json::json!({ "error": message }), String::new);
        }
        ExitCode::from(2)
    })
}

/// Runs the command, prints its result and returns its exit status: 0 done, 1 failed, 2 wrong
/// usage or configuration.
pub async fn execute(cli: Cli) -> ExitCode {
    let output = Output::new(cli.global.json);
    let sources = Sources::from_environment(cli.global.config);
    let outcome = match cli.command {
        Command::Run => run::execute(sources).await,
        Command::Migrate => migrate::execute(&sources, output).await,
        Command::Check => check::execute(sources, output).await,
        Command::Sync(args) => sync::execute(sources, output, args).await,
        Command::Orders(args) => orders::execute(sources, output, args).await,
        Command::Stock(args) => stock::execute(sources, output, args).await,
        Command::Reconcile(args) => reconcile::execute(sources, output, &args).await,
        Command::Status => status::execute(sources, output).await,
        Command::Schedule(args) => schedule::execute(sources, output, args).await,
        Command::Config(args) => config::execute(sources, output, args).await,
        Command::Events(args) => events::execute(sources, output, args).await,
        Command::Healthcheck => healthcheck::execute(&sources, output).await,
        Command::Completions(args) => completions::execute(output, Cli::command(), &args),
        Command::Man(args) => man::execute(output, Cli::command(), &args),
    };
    match outcome {
        Ok(CommandOutcome::Done) => ExitCode::SUCCESS,
        Ok(CommandOutcome::Failed) => ExitCode::FAILURE,
        Err(error) => {
            output.print_error(&format!("{error:#}"));
            let misconfigured = error.is::<ConfigError>() || error.is::<SetupError>();
            ExitCode::from(if misconfigured { 2 } else { 1 })
        }
    }
}
