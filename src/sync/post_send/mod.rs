//! Orders after VeraCore has them: cancelled in the shop, they are stopped at VeraCore as far as that
//! can be; cancelled at VeraCore, that is told; edited in the shop, they are shown to differ. Nothing
//! is ever sent again.
//!
//! `difference` and `decide` hold the rules, both pure; `look` reads the shop, `cancel` takes the
//! steps of a cancellation at VeraCore, and `shop` tells the shop of VeraCore's own cancellations.

mod cancel;
mod cancel_plan;
pub mod changes;
mod check;
mod provider_cancellations;

use tokio::{task::JoinSet, time::Instant};

pub use check::PostSendSummary;
pub(super) use provider_cancellations::{record_late_shipments, record_provider_cancellations};

use super::{
    orders::{OrderSync, discovery_loop::PollIntervals, error::DiscoveryError},
    upstreams::Upstreams,
};
use crate::{lifecycle::TaskGroup, telemetry::LogOnce, vendure::StorefrontError};

/// How many orders are looked at in one go; those that were not looked at the longest come first.
pub const MAX_CHECKED_ORDERS: u32 = 1000;

/// After a look that failed, in poll intervals.
const CHECK_RETRY_POLLS: u32 = 3;

/// Whole orders that the shop is asked for at once.
const READ_BATCH_SIZE: usize = 50;

/// The latest cancellations that are looked at each time.
const MAX_LATEST_CANCELLATIONS: u32 = 50;

/// Cancellations that are seen to in one go.
const CANCELLATION_BATCH_SIZE: u32 = 50;

/// Looks after sent orders until the stop: for the latest cancellations as often as for new orders, at
/// all of them as often as the shop is swept, and at cancellations whenever a step of them is due.
pub async fn watch_sent_orders(
    service: OrderSync,
    intervals: PollIntervals,
    upstreams: Upstreams,
    tasks: TaskGroup,
) {
    let mut quick = LogOnce::new("Vendure cannot be asked for cancelled orders");
    let mut looks = LogOnce::new("orders that VeraCore has cannot be compared with the shop's");
    let mut steps = LogOnce::new("cancelled orders cannot be stopped at VeraCore");
    let mut telling = LogOnce::new("Vendure cannot be told what VeraCore cancelled");
    let mut next_look = Instant::now();
    while !tasks.is_stopping() {
        if upstreams.shop_circuit.is_closed() {
            let service = service.clone();
            run_isolated(
                &mut quick,
                async move { service.find_cancelled_orders().await },
            )
            .await;
        }
        if upstreams.shop_circuit.is_closed() && Instant::now() >= next_look {
            let service = service.clone();
            let through =
                run_isolated(&mut looks, async move { service.check_sent_orders().await }).await;
            let pause = if through {
                intervals.sweep
            } else {
                intervals.poll * CHECK_RETRY_POLLS
            };
            next_look = Instant::now() + pause;
        }
        if upstreams.warehouse_circuit.is_closed() && !tasks.is_stopping() {
            let service = service.clone();
            run_isolated(&mut steps, async move {
                Ok(service.process_cancellations().await?)
            })
            .await;
        }
        if upstreams.are_available() && !tasks.is_stopping() {
            let service = service.clone();
            run_isolated(&mut telling, async move {
                Ok(service.cancel_orders_in_shop().await?)
            })
            .await;
        }
        tasks.sleep(intervals.poll).await;
    }
}

/// Does it so that a panic over one order ends nothing but this round, and tells how it went. Whether
/// it was done.
async fn run_isolated<T: Send + 'static>(
    outage: &mut LogOnce,
    work: impl Future<Output = Result<T, DiscoveryError>> + Send + 'static,
) -> bool {
    let mut round = JoinSet::new();
    round.spawn(work);
    match round.join_next().await {
        Some(Ok(Ok(_))) | None => {
            outage.log_recovery();
            return true;
        }
        Some(Ok(Err(error))) if is_logged_elsewhere(&error) => {
            tracing::debug!(%error, "VeraCore: sent orders are looked after later");
        }
        Some(Ok(Err(error))) => outage.log_failure(&error),
        Some(Err(error)) => outage.log_failure(&error),
    }
    false
}

/// An end or a database that is away is told of by those who carry orders.
fn is_logged_elsewhere(error: &DiscoveryError) -> bool {
    match error {
        DiscoveryError::Storefront(error) => matches!(error, StorefrontError::Call(_)),
        DiscoveryError::Ledger(error) => error.is_unavailable(),
        DiscoveryError::Stopped => true,
        DiscoveryError::EndlessList { .. } => false,
    }
}
