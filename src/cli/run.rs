//! `run`: the daemon.

use super::Outcome;
use crate::{
    app::Daemon,
    config::Sources,
    lifecycle::{Drained, stop_signal},
};

/// How long work in flight may go on after the signal.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

pub(super) async fn execute(sources: Sources) -> anyhow::Result<Outcome> {
    let daemon = Daemon::start(sources).await?;
    let tasks = daemon.tasks().clone();
    tokio::select! {
        signal = stop_signal() => tracing::info!(signal = signal?, "stopping: no new work is begun, work in flight is finished"),
        () = tasks.stopped() => {}
    }
    tasks.stop();
    match tasks.drain(PATIENCE).await {
        Drained::Fully => tracing::info!("stopped"),
        Drained::TimedOut => {
            tracing::warn!(
                "stopped with work in flight; it is settled from the ledger at the next start"
            );
        }
    }
    Ok(if daemon.end()? {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}
