//! veracore-sync, the program: parse, run, exit status.

use std::process::ExitCode;

use clap::Parser as _;
use veracore_sync::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    cli::execute(Cli::parse()).await
}
