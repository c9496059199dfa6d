//! `run`: runs the daemon until a signal stops it.

use std::time::Duration;

use super::context::{CommandOutcome, CommandResult};
use crate::{
    app::Daemon,
    config::Sources,
    lifecycle::{DrainOutcome, ServiceNotifier, StopSignals},
};

/// The time that work in flight has to finish after the signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn execute(sources: Sources) -> CommandResult {
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
            tracing::info!(signal, "stopping: finishing work in flight, starting no new work");
        }
        () = tasks.wait_for_stop() => {}
    }
    tasks.stop();
    supervisor.notify_stopping().await;
    match tasks.drain(DRAIN_TIMEOUT).await {
        DrainOutcome::Completed => tracing::info!("stopped"),
        DrainOutcome::TimedOut => {
            tracing::warn!(
                "stopped with work in flight; the ledger settles it when its leases expire"
            );
        }
    }
    supervisor.close();
    Ok(CommandOutcome::from_ok(daemon.into_outcome()?))
}
