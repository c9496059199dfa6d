//! The loop that looks for orders.

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

/// The name of the look at all orders in a trigger state, in the table of runs.
pub const SWEEP_JOB: &str = "sweep_orders";

/// After a sweep that failed, in poll intervals.
const SWEEP_RETRY_POLLS: u32 = 3;

/// How often orders are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollIntervals {
    pub poll: Duration,
    pub sweep: Duration,
}

/// What wakes those who wait. Several rings before one of them looks count as one. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct WorkerWakeup {
    /// There may be new orders in the shop. (Of orders that are due tells the ledger.)
    pub discovery: Arc<Notify>,
}

/// Between two looks for orders, however often the bell rings.
const MIN_POLL_GAP: Duration = Duration::from_secs(1);

/// Looks for orders until the stop: a sweep at the start and at every sweep interval, the newest
/// page in between, and a sweep at once when that page does not explain what changed.
pub async fn discover_orders(
    service: OrderSync,
    bells: WorkerWakeup,
    intervals: PollIntervals,
    clock: SharedClock,
    upstreams: Upstreams,
    tasks: TaskGroup,
) {
    let mut watch = DiscoveryState::default();
    let mut outage = LogOnce::new("orders cannot be looked for");
    let mut sweeps = LogOnce::new("not all orders can be gone through");
    let mut sweep_is_due = true;
    let mut next_sweep = Instant::now();
    let mut not_before = Instant::now();
    while !tasks.is_stopping() {
        if !upstreams.shop_circuit.is_closed() {
            tasks.sleep(intervals.poll).await;
            continue;
        }
        sweep_is_due |= Instant::now() >= next_sweep;
        // Also when a sweep is due: should it fail half-way, new orders are found all the same.
        match service.poll_newest(&mut watch).await {
            Ok(looked) => {
                outage.log_recovery();
                sweep_is_due |= looked.needs_sweep;
                if looked.discovered > 0 {
                    service.ledger().publish(Topic::Orders).await;
                }
            }
            Err(error) => outage.log_failure(&error),
        }
        if sweep_is_due && Instant::now() >= not_before && !tasks.is_stopping() {
            match run_sweep(&service, &mut watch, &clock).await {
                Ok(taken_in) => {
                    sweeps.log_recovery();
                    sweep_is_due = false;
                    next_sweep = Instant::now() + intervals.sweep;
                    if taken_in > 0 {
                        service.ledger().publish(Topic::Orders).await;
                    }
                }
                Err(DiscoveryError::Stopped) => {}
                Err(error) => {
                    sweeps.log_failure(&error);
                    not_before = Instant::now() + intervals.poll * SWEEP_RETRY_POLLS;
                }
            }
        }
        tasks.sleep(MIN_POLL_GAP.min(intervals.poll)).await;
        tokio::select! {
            () = tasks.sleep(intervals.poll.saturating_sub(MIN_POLL_GAP)) => {}
            () = bells.discovery.notified() => watch.require_full_page(),
        }
    }
}

/// A sweep, with its run in the ledger. Returns how many orders it took in.
///
/// # Errors
/// As for [`OrderSync::sweep`].
pub async fn run_sweep(
    service: &OrderSync,
    watch: &mut DiscoveryState,
    clock: &SharedClock,
) -> Result<u64, DiscoveryError> {
    let ledger = service.ledger();
    let start = RunStart::Occurrence {
        scheduled_for: clock.now(),
        missed: None,
    };
    let Some(started) = ledger.start_run(None, SWEEP_JOB, start).await? else {
        return service
            .sweep_orders(watch)
            .await
            .map(|swept| swept.taken_in);
    };
    let span = run_span(SWEEP_JOB, started.id.number());
    let outcome = service.sweep_orders(watch).instrument(span).await;
    let report = match &outcome {
        Ok(swept) => RunReport::done(serde_json::to_value(swept).unwrap_or_default()),
        Err(error) => RunReport::failed(error.to_string()),
    };
    ledger.finish_run(started.id, &report).await?;
    outcome.map(|swept| swept.taken_in)
}
