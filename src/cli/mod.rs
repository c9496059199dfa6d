//! The command line: one file a command.
//!
//! Owns arguments, output and exit statuses. Must not hold behaviour that a daemon needs too.

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

/// Carries paid orders from a Vendure shop to VeraCore, and stock and tracking back.
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
    /// The configuration file (TOML); else the one that CONFIG_FILE names
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon until SIGTERM or SIGINT
    Run,
    /// Bring the ledger's tables up to date, and stop
    Migrate,
    /// Test every dependency, and say how to fix what is wrong
    Check,
    /// Make one pass now
    Sync(sync::SyncArgs),
    /// Look at the ledger's orders, and act on them
    Orders(orders::OrdersArgs),
    /// Look at the shop's stock levels
    Stock(stock::StockArgs),
    /// Compare Vendure, the ledger and VeraCore, and tell what is off; writes to neither end
    Reconcile(reconcile::ReconcileArgs),
    /// Tell how many orders stand where, the jobs' runs, and how both ends are
    Status,
    /// Tell when the scheduled jobs run next, local and UTC
    Schedule(schedule::ScheduleArgs),
    /// Look at the events that others are told of, and have them sent again
    Events(events::EventsArgs),
    /// Look at the configuration, and at what of it is stored in the database
    Config(config::ConfigArgs),
    /// Ask the daemon on `HTTP_LISTEN` whether it lives, for containers that have no curl
    #[command(hide = true)]
    Healthcheck,
    /// Print what a shell needs to complete commands, options and names of settings
    Completions(completions::CompletionsArgs),
    /// Print the manual page (roff), or write one for each command
    Man(man::ManArgs),
}

/// The command line of this process.
pub fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        // Clap has nothing better to do about a broken pipe either.
        let _ = error.print();
        if !error.use_stderr() {
            return ExitCode::SUCCESS;
        }
        if std::env::args_os().any(|argument| argument == "--json") {
            let words = error.to_string();
            let words = words
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            let _ = Output::new(true).print(&serde_json::json!({ "error": words }), String::new);
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
