//! veracore-sync, the program: parse, run, exit status.

use std::process::ExitCode;

use veracore_sync::cli;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::parse() {
        Ok(cli) => cli::execute(cli).await,
        Err(status) => status,
    }
}
