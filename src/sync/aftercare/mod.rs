//! Orders after VeraCore has them: cancelled in the shop, they are stopped at VeraCore as far as that
//! can be; cancelled at VeraCore, that is told; edited in the shop, they are shown to differ. Nothing
//! is ever sent again.
//!
//! `difference` and `decide` hold the rules, both pure; `look` reads the shop, `cancel` takes the
//! steps of a cancellation at VeraCore, and `shop` tells the shop of VeraCore's own cancellations.

mod cancel;
mod decide;
pub mod difference;
mod look;
mod shop;

use tokio::{task::JoinSet, time::Instant};

pub use look::Looked;
pub(super) use shop::{note_shipped, note_words};

use super::{
    orders::{OrderSync, discover::DiscoverError},
    outage::Outage,
    runner::Intervals,
    upstreams::Upstreams,
};
use crate::{lifecycle::Tasks, vendure::StorefrontError};

/// How many orders are looked at in one go; those that were not looked at the longest come first.
pub const MOST_LOOKED_AT: u32 = 1000;

/// After a look that failed, in poll intervals.
const FAILED_LOOK_PAUSE: u32 = 3;

/// Whole orders that the shop is asked for at once.
const BATCH: usize = 50;

/// The latest cancellations that are looked at each time.
const LATEST: u32 = 50;

/// Cancellations that are seen to in one go.
const AT_ONCE: u32 = 50;

/// Looks after sent orders until the stop: for the latest cancellations as often as for new orders, at
/// all of them as often as the shop is swept, and at cancellations whenever a step of them is due.
pub async fn care_for_sent_orders(
    service: OrderSync,
    intervals: Intervals,
    upstreams: Upstreams,
    tasks: Tasks,
) {
    let mut quick = Outage::of("Vendure cannot be asked for cancelled orders");
    let mut looks = Outage::of("orders that VeraCore has cannot be compared with the shop's");
    let mut steps = Outage::of("cancelled orders cannot be stopped at VeraCore");
    let mut telling = Outage::of("Vendure cannot be told what VeraCore cancelled");
    let mut next_look = Instant::now();
    while !tasks.stopping() {
        if upstreams.shop.is_closed() {
            let service = service.clone();
            apart(
                &mut quick,
                async move { service.look_for_cancelled().await },
            )
            .await;
        }
        if upstreams.shop.is_closed() && Instant::now() >= next_look {
            let service = service.clone();
            let through = apart(&mut looks, async move { service.look_after_sent().await }).await;
            let pause = if through {
                intervals.sweep
            } else {
                intervals.poll * FAILED_LOOK_PAUSE
            };
            next_look = Instant::now() + pause;
        }
        if upstreams.warehouse.is_closed() && !tasks.stopping() {
            let service = service.clone();
            apart(&mut steps, async move {
                Ok(service.step_cancellations().await?)
            })
            .await;
        }
        if upstreams.are_closed() && !tasks.stopping() {
            let service = service.clone();
            apart(
                &mut telling,
                async move { Ok(service.tell_the_shop().await?) },
            )
            .await;
        }
        tasks.sleep(intervals.poll).await;
    }
}

/// Does it so that a panic over one order ends nothing but this round, and tells how it went. Whether
/// it was done.
async fn apart<T: Send + 'static>(
    outage: &mut Outage,
    work: impl Future<Output = Result<T, DiscoverError>> + Send + 'static,
) -> bool {
    let mut round = JoinSet::new();
    round.spawn(work);
    match round.join_next().await {
        Some(Ok(Ok(_))) | None => {
            outage.is_over();
            return true;
        }
        Some(Ok(Err(error))) if is_told_elsewhere(&error) => {
            tracing::debug!(%error, "VeraCore: sent orders are looked after later");
        }
        Some(Ok(Err(error))) => outage.goes_on(&error),
        Some(Err(error)) => outage.goes_on(&error),
    }
    false
}

/// An end or a database that is away is told of by those who carry orders.
fn is_told_elsewhere(error: &DiscoverError) -> bool {
    match error {
        DiscoverError::Storefront(error) => matches!(error, StorefrontError::Call(_)),
        DiscoverError::Ledger(error) => error.is_away(),
        DiscoverError::Stopped => true,
        DiscoverError::Endless { .. } => false,
    }
}
