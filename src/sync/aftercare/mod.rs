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

use super::{orders::OrderSync, outage::Outage, runner::Intervals, upstreams::Upstreams};
use crate::lifecycle::Tasks;

/// How many orders are looked at in one go; those that were not looked at the longest come first.
pub const MOST_LOOKED_AT: u32 = 1000;

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
            quick.note(apart(async move { service.look_for_cancelled().await }).await);
        }
        if upstreams.shop.is_closed() && Instant::now() >= next_look {
            next_look = Instant::now() + intervals.sweep;
            let service = service.clone();
            looks.note(apart(async move { service.look_after_sent().await }).await);
        }
        if upstreams.warehouse.is_closed() && !tasks.stopping() {
            let service = service.clone();
            steps.note(apart(async move { service.step_cancellations().await }).await);
        }
        if upstreams.are_closed() && !tasks.stopping() {
            let service = service.clone();
            telling.note(apart(async move { service.tell_the_shop().await }).await);
        }
        tasks.sleep(intervals.poll).await;
    }
}

/// So that a panic over one order ends nothing but this round.
async fn apart<T: Send + 'static, E: std::fmt::Display + Send + 'static>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<(), String> {
    let mut round = JoinSet::new();
    round.spawn(work);
    match round.join_next().await {
        Some(Ok(Ok(_))) | None => Ok(()),
        Some(Ok(Err(error))) => Err(error.to_string()),
        Some(Err(error)) => Err(error.to_string()),
    }
}
