//! The loop that discovers orders: frequent polls of the newest, and full sweeps.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};
use tracing::Instrument as _;

use super::{OrderSync, newest::DiscoveryState};
use crate::{
    ledger::{RunReport, RunStart, Topic},
    sync::{error::SyncError, upstreams::Upstreams},
    telemetry::{LogOnce, run_span},
};

pub const SWEEP_JOB: &str = "sweep_orders";

/// After a failed sweep, in poll intervals.
const SWEEP_RETRY_POLLS: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollIntervals {
    pub poll: Duration,
    pub sweep: Duration,
}

/// Wakes the discovery loop early. Several wake-ups before a poll count as one. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct WorkerWakeup {
    /// Vendure may have new orders. (The ledger notifies of due orders.)
    pub discovery: Arc<Notify>,
}

/// The shortest time between two polls, however often the loop is woken.
const MIN_POLL_GAP: Duration = Duration::from_secs(1);

/// Discovers orders until the process stops: a sweep at the start and at every sweep interval, the
/// newest page in between, and a sweep at once when that page does not explain a change.
pub async fn discover_orders(
    service: OrderSync,
    wakeup: WorkerWakeup,
    intervals: PollIntervals,
    upstreams: Upstreams,
) {
    let tasks = &service.tasks;
    let mut state = DiscoveryState::default();
    let mut polls = LogOnce::new("orders cannot be discovered");
    let mut sweeps = LogOnce::new("the full order sweep failed");
    let mut sweep_is_due = true;
    let mut next_sweep = Instant::now();
    let mut no_sweep_before = Instant::now();
    while !tasks.is_stopping() {
        if !upstreams.shop_circuit.is_closed() {
            tasks.sleep(intervals.poll).await;
            continue;
        }
        sweep_is_due |= Instant::now() >= next_sweep;
        // Also when a sweep is due: if it fails, new orders are found nevertheless.
        match service.poll_newest(&mut state).await {
            Ok(polled) => {
                polls.log_recovery();
                sweep_is_due |= polled.needs_sweep;
                if polled.discovered > 0 {
                    service.ledger.publish(Topic::Orders).await;
                }
            }
            Err(error) => polls.log_failure(&error),
        }
        if sweep_is_due && Instant::now() >= no_sweep_before && !tasks.is_stopping() {
            match run_sweep(&service, &mut state).await {
                Ok(discovered) => {
                    sweeps.log_recovery();
                    sweep_is_due = false;
                    next_sweep = Instant::now() + intervals.sweep;
                    if discovered > 0 {
                        service.ledger.publish(Topic::Orders).await;
                    }
                }
                Err(SyncError::Stopped) => {}
                Err(error) => {
                    sweeps.log_failure(&error);
                    no_sweep_before = Instant::now() + intervals.poll * SWEEP_RETRY_POLLS;
                }
            }
        }
        tasks.sleep(MIN_POLL_GAP.min(intervals.poll)).await;
        tokio::select! {
            () = tasks.sleep(intervals.poll.saturating_sub(MIN_POLL_GAP)) => {}
            () = wakeup.discovery.notified() => state.require_full_page(),
        }
    }
}

/// Sweeps, and records the run in the ledger. Returns the number of discovered orders.
pub async fn run_sweep(service: &OrderSync, state: &mut DiscoveryState) -> Result<u64, SyncError> {
    let start = RunStart::Occurrence {
        scheduled_for: service.clock.now(),
        missed: None,
    };
    let Some(run) = service.ledger.start_run(None, SWEEP_JOB, start).await? else {
        return Ok(service.sweep_orders(state).await?.taken_in);
    };
    let span = run_span(SWEEP_JOB, run.number());
    let outcome = service.sweep_orders(state).instrument(span).await;
    let report = match &outcome {
        Ok(summary) => RunReport::done(serde_json::to_value(summary).unwrap_or_default()),
        Err(error) => RunReport::failed(error.to_string()),
    };
    service.ledger.finish_run(run, &report).await?;
    Ok(outcome?.taken_in)
}
