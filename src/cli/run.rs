//! `run`: the daemon.

use std::time::Duration;

use super::Outcome;
use crate::{
    app::Daemon,
    config::Sources,
    lifecycle::{Drained, StopSignals, Supervisor},
};

/// How long work in flight may go on after the signal.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn execute(sources: Sources) -> anyhow::Result<Outcome> {
    // Before anything else: the start may wait for the database.
    let mut signals = StopSignals::listen()?;
    let supervisor = Supervisor::new(sources.env.contains_key("NOTIFY_SOCKET"));
    let daemon = tokio::select! {
        daemon = Daemon::start(sources, supervisor.clone()) => daemon?,
        _ = signals.wait() => return Ok(Outcome::Done),
    };
    let tasks = daemon.tasks().clone();
    tokio::select! {
        signal = signals.wait() => {
            tracing::info!(signal, "stopping: no new work is begun, work in flight is finished");
        }
        () = tasks.stopped() => {}
    }
    tasks.stop();
    supervisor.stopping().await;
    match tasks.drain(PATIENCE).await {
        Drained::Fully => tracing::info!("stopped"),
        Drained::TimedOut => {
            tracing::warn!(
                "stopped with work in flight; it is settled from the ledger when its leases have run out"
            );
        }
    }
    supervisor.farewell();
    Ok(if daemon.end()? {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}
