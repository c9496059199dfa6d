//! `run`: the daemon.

use std::time::Duration;

use super::context::CommandOutcome;
use crate::{
    app::Daemon,
    config::Sources,
    lifecycle::{DrainOutcome, ServiceNotifier, StopSignals},
};

/// How long work in flight may go on after the signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn execute(sources: Sources) -> anyhow::Result<CommandOutcome> {
    // Before anything else: the start may wait for the database.
    let mut signals = StopSignals::listen()?;
    let supervisor = ServiceNotifier::new(sources.env.contains_key("NOTIFY_SOCKET"));
    let daemon = tokio::select! {
        daemon = Daemon::start(sources, supervisor.clone()) => daemon?,
        _ = signals.wait() => return Ok(CommandOutcome::Done),
    };
    let tasks = daemon.tasks().clone();
    tokio::select! {
        signal = signals.wait() => {
            tracing::info!(signal, "stopping: no new work is begun, work in flight is finished");
        }
        () = tasks.wait_for_stop() => {}
    }
    tasks.stop();
    supervisor.notify_stopping().await;
    match tasks.drain(DRAIN_TIMEOUT).await {
        DrainOutcome::Completed => tracing::info!("stopped"),
        DrainOutcome::TimedOut => {
            tracing::warn!(
                "stopped with work in flight; it is settled from the ledger when its leases have run out"
            );
        }
    }
    supervisor.close();
    Ok(CommandOutcome::from_ok(daemon.into_outcome()?))
}
