//! The loop that checks sent orders until the process stops.

use tokio::{task::JoinSet, time::Instant};

use crate::{
    sync::{
        error::SyncError,
        orders::{OrderSync, discovery_loop::PollIntervals},
        upstreams::Upstreams,
    },
    telemetry::LogOnce,
    vendure::StorefrontError,
};

/// After a failed check, in poll intervals.
const CHECK_RETRY_POLLS: u32 = 3;

/// Looks for new cancellations at the poll interval, checks all sent orders at the sweep interval,
/// and takes the steps of cancellations when they are due.
pub async fn watch_sent_orders(service: OrderSync, intervals: PollIntervals, upstreams: Upstreams) {
    let mut new_cancels = LogOnce::new("cannot read cancelled orders from Vendure");
    let mut checks = LogOnce::new("cannot compare VeraCore's orders with Vendure's");
    let mut cancels = LogOnce::new("cannot cancel orders at VeraCore");
    let mut shop_cancels = LogOnce::new("cannot cancel in Vendure what VeraCore cancelled");
    let mut next_check = Instant::now();
    let tasks = &service.tasks;
    while !tasks.is_stopping() {
        if upstreams.shop_circuit.is_closed() {
            let service = service.clone();
            let find = async move { service.find_cancelled_orders().await };
            run_isolated(&mut new_cancels, find).await;
        }
        if upstreams.shop_circuit.is_closed() && Instant::now() >= next_check {
            let service = service.clone();
            let check = async move { service.check_sent_orders().await };
            let is_done = run_isolated(&mut checks, check).await;
            let pause = if is_done {
                intervals.sweep
            } else {
                intervals.poll * CHECK_RETRY_POLLS
            };
            next_check = Instant::now() + pause;
        }
        if upstreams.warehouse_circuit.is_closed() && !tasks.is_stopping() {
            let service = service.clone();
            let cancel = async move { Ok(service.process_cancellations().await?) };
            run_isolated(&mut cancels, cancel).await;
        }
        if upstreams.are_available() && !tasks.is_stopping() {
            let service = service.clone();
            let cancel = async move { Ok(service.cancel_orders_in_shop().await?) };
            run_isolated(&mut shop_cancels, cancel).await;
        }
        tasks.sleep(intervals.poll).await;
    }
}

/// Runs the work in a task of its own, so that a panic ends only this round. Returns whether it
/// succeeded.
async fn run_isolated<T: Send + 'static>(
    log: &mut LogOnce,
    work: impl Future<Output = Result<T, SyncError>> + Send + 'static,
) -> bool {
    let mut round = JoinSet::new();
    round.spawn(work);
    match round.join_next().await {
        Some(Ok(Ok(_))) | None => {
            log.log_recovery();
            return true;
        }
        Some(Ok(Err(error))) if is_logged_elsewhere(&error) => {
            tracing::debug!(%error, "VeraCore: sent orders not checked; retrying");
        }
        Some(Ok(Err(error))) => log.log_failure(&error),
        Some(Err(error)) => log.log_failure(&error),
    }
    false
}

/// The workers that send orders log an unavailable upstream or database.
fn is_logged_elsewhere(error: &SyncError) -> bool {
    match error {
        SyncError::Storefront(error) => matches!(error, StorefrontError::Call(_)),
        SyncError::Stopped => true,
        error => error.is_ledger_unavailable(),
    }
}
