//! What runs until the stop: the lease driver, which keeps as many orders in work as allowed and no
//! more claimed than in work, and the loop that looks for orders. Must not decide about an order.

use parking_lot::{Mutex, MutexGuard};
use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::Instant};
use tracing::Instrument as _;

use super::OrderSync;
use crate::{
    clock::SharedClock,
    domain::SyncStatus,
    ledger::{ClaimedOrder, Ledger, LedgerError, Topic},
    lifecycle::TaskGroup,
    sync::upstreams::Upstreams,
    telemetry::{LogOnce, order_span},
};

/// The longest sleep between two looks at the ledger while nobody can tell of orders that another
/// process found.
const MAX_IDLE_SLEEP: Duration = Duration::from_secs(2);

/// After a database error.
const DB_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Works on due orders until the stop; orders in work are finished then, none is begun.
pub async fn submit_orders(
    service: OrderSync,
    clock: SharedClock,
    upstreams: Upstreams,
    tasks: TaskGroup,
) {
    let slots = Arc::new(Semaphore::new(service.settings().concurrency as usize));
    let trouble = LedgerHealth::new(service.ledger().clone());
    while !tasks.is_stopping() {
        if !upstreams.are_available() {
            upstreams.wait_until_available(&tasks).await;
            continue;
        }
        let mut free = u32::try_from(slots.available_permits()).unwrap_or(1);
        if trouble.is_failing() {
            // One order is tried now and then, and no other is taken from whoever could send it.
            tasks.sleep(DB_RETRY_DELAY).await;
            free = free.min(1);
        }
        if tasks.is_stopping() {
            return;
        }
        let claimed = match service.lease_due_orders(free, None).await {
            Ok(claimed) => claimed,
            Err(error) => {
                trouble.record_failure(&error, false);
                continue;
            }
        };
        trouble.record_leased(claimed.len(), service.settings().lease_ttl);
        let full = claimed.len() == free as usize;
        for order in claimed {
            // There are as many permits as orders were claimed: this never waits.
            let Ok(permit) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            let (service, trouble) = (service.clone(), trouble.clone());
            tasks.spawn("submit_order", async move {
                match process_order(&service, &order).await {
                    WorkOutcome::Recorded(_) => trouble.record_recovery(),
                    WorkOutcome::Unrecorded => {}
                    WorkOutcome::LedgerUnavailable(error) => trouble.record_failure(&error, true),
                }
                drop(permit);
            });
        }
        if full {
            // As soon as one is done there may be more to claim.
            tokio::select! {
                () = tasks.wait_for_stop() => {}
                permit = slots.acquire() => drop(permit),
            }
        } else {
            let nap = next_poll_delay(&service, &clock, trouble.is_failing()).await;
            tokio::select! {
                () = tasks.wait_for_stop() => {}
                () = service.ledger().wait_for(Topic::Orders, nap) => {}
            }
        }
    }
}

/// What came of working on an order.
pub enum WorkOutcome {
    /// Where it stands now.
    Recorded(SyncStatus),
    /// What was done about it could not be recorded; that was logged, and stops no other order.
    Unrecorded,
    /// The database is away, or takes nothing: so it is for every order.
    LedgerUnavailable(LedgerError),
}

/// Works on one order, whatever happens to it.
pub async fn process_order(service: &OrderSync, order: &ClaimedOrder) -> WorkOutcome {
    process_in_span(service, order)
        .instrument(order_span(&order.code))
        .await
}

async fn process_in_span(service: &OrderSync, order: &ClaimedOrder) -> WorkOutcome {
    match service.process(order).await {
        Ok(status) => WorkOutcome::Recorded(status),
        Err(LedgerError::LeaseLost { code }) => {
            tracing::warn!(
                order = code,
                "VeraCore: the order's lease ran out while it was worked on; the next holder looks into it"
            );
            WorkOutcome::Unrecorded
        }
        Err(error) if error.is_unavailable() => WorkOutcome::LedgerUnavailable(error),
        Err(error) => {
            tracing::error!(order = %order.code, %error, "VeraCore: what was done about the order could not be recorded; it is looked into when its lease has run out");
            WorkOutcome::Unrecorded
        }
    }
}

/// That the ledger cannot be read or written, as those find who work on orders: told once, and kept
/// where `/readyz` finds it.
#[derive(Clone)]
struct LedgerHealth {
    ledger: Ledger,
    state: Arc<Mutex<LedgerHealthState>>,
}

struct LedgerHealthState {
    log: LogOnce,
    /// When an order's intent or outcome could last not be written.
    last_write_failure: Option<Instant>,
}

impl LedgerHealth {
    fn new(ledger: Ledger) -> Self {
        let state = LedgerHealthState {
            log: LogOnce::new("orders cannot be worked on"),
            last_write_failure: None,
        };
        Self {
            ledger,
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, LedgerHealthState> {
        self.state.lock()
    }

    fn is_failing(&self) -> bool {
        self.lock_state().log.is_failing()
    }

    fn record_failure(&self, error: &LedgerError, at_work: bool) {
        let mut state = self.lock_state();
        state.log.log_failure(error);
        if at_work {
            state.last_write_failure = Some(Instant::now());
        }
        self.ledger.set_blocking_problem(Some(error.to_string()));
    }

    /// Orders could be claimed. That alone does not say that an intent can be written: an order that
    /// could not be worked on must be, unless it comes back no more.
    fn record_leased(&self, orders: usize, lease: Duration) {
        let at_work = self.lock_state().last_write_failure;
        if at_work.is_none_or(|at| orders == 0 && at.elapsed() > lease + MAX_IDLE_SLEEP) {
            self.record_recovery();
        }
    }

    fn record_recovery(&self) {
        let mut state = self.lock_state();
        state.log.log_recovery();
        state.last_write_failure = None;
        self.ledger.set_blocking_problem(None);
    }
}

async fn next_poll_delay(service: &OrderSync, clock: &SharedClock, in_trouble: bool) -> Duration {
    let longest = if in_trouble {
        MAX_IDLE_SLEEP
    } else {
        service.ledger().poll_interval(MAX_IDLE_SLEEP)
    };
    match service.ledger().backlog().await {
        Ok(backlog) if backlog.due > 0 => Duration::from_millis(50),
        Ok(backlog) => backlog
            .next_due_at
            .map_or(longest, |at| {
                (at - clock.now()).to_std().unwrap_or_default()
            })
            .clamp(Duration::from_millis(50), longest),
        Err(_) => DB_RETRY_DELAY,
    }
}
