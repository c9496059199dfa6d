//! The loop that discovers orders: frequent polls of the newest, and full sweeps.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::Instant};
use tracing::Instrument as _;

use super::{OrderSync, error::DiscoveryError, newest::DiscoveryState};
use crate::{
    clock::SharedClock,
    ledger::{RunReport, RunStart, Topic},
    lifecycle::TaskGroup,
    sync::upstreams::Upstreams,
    telemetry::{LogOnce, run_span},
};

/// The job name of the full order sweep.
pub const SWEEP_JOB: &str = "sweep_orders";

/// After a failed sweep, in poll intervals.
const SWEEP_RETRY_POLLS: u32 = 3;

/// The intervals of discovery.
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
    clock: SharedClock,
    upstreams: Upstreams,
    tasks: TaskGroup,
) {
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
                    service.ledger().publish(Topic::Orders).await;
                }
            }
            Err(error) => polls.log_failure(&error),
        }
        if sweep_is_due && Instant::now() >= no_sweep_before && !tasks.is_stopping() {
            match run_sweep(&service, &mut state, &clock).await {
                Ok(discovered) => {
                    sweeps.log_recovery();
                    sweep_is_due = false;
                    next_sweep = Instant::now() + intervals.sweep;
                    if discovered > 0 {
                        service.ledger().publish(Topic::Orders).await;
                    }
                }
                Err(DiscoveryError::Stopped) => {}
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

/// A sweep, with its run in the ledger. Returns how many orders it took in.
///
/// # Errors
/// As for [`OrderSync::sweep`].
pub async fn run_sweep(
    service: &OrderSync,
    state: &mut DiscoveryState,
    clock: &SharedClock,
) -> Result<u64, DiscoveryError> {
    let ledger = service.ledger();
    let start = RunStart::Occurrence {
        scheduled_for: clock.now(),
        missed: None,
    };
    let Some(run) = ledger.start_run(None, SWEEP_JOB, start).await? else {
        return service
            .sweep_orders(state)
            .await
            .map(|swept| swept.taken_in);
    };
    let span = run_span(SWEEP_JOB, run.number());
    let outcome = service.sweep_orders(state).instrument(span).await;
    let report = match &outcome {
        Ok(swept) => RunReport::done(serde_json::to_value(swept).unwrap_or_default()),
        Err(error) => RunReport::failed(error.to_string()),
    };
    ledger.finish_run(run, &report).await?;
    outcome.map(|swept| swept.taken_in)
}
