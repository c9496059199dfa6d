//! The loop that claims due orders and processes them, up to the concurrency limit.

use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{sync::Semaphore, time::Instant};
use tracing::Instrument as _;

use super::OrderSync;
use crate::{
    domain::SyncStatus,
    ledger::{ClaimedOrder, Ledger, LedgerError, Topic},
    sync::upstreams::Upstreams,
    telemetry::{LogOnce, order_span},
};

/// The longest sleep while the ledger cannot notify of new orders.
const MAX_IDLE_SLEEP: Duration = Duration::from_secs(2);

/// After a database error.
const DB_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Processes due orders until the process stops, and then finishes those in progress.
pub async fn submit_orders(service: OrderSync, upstreams: Upstreams) {
    let (tasks, settings) = (&service.tasks, &service.settings);
    let slots = Arc::new(Semaphore::new(settings.concurrency as usize));
    let health = LedgerHealth::new(service.ledger.clone());
    while !tasks.is_stopping() {
        if !upstreams.are_available() {
            upstreams.wait_until_available(tasks).await;
            continue;
        }
        let mut free = u32::try_from(slots.available_permits()).unwrap_or(1);
        if health.is_failing() {
            // Try one order at a time, and leave the others to replicas that may reach the ledger.
            tasks.sleep(DB_RETRY_DELAY).await;
            free = free.min(1);
        }
        if tasks.is_stopping() {
            return;
        }
        let claimed = match service.lease_due_orders(free, None).await {
            Ok(claimed) => claimed,
            Err(error) => {
                health.record_failure(&error, false);
                continue;
            }
        };
        health.record_leased(claimed.len(), settings.lease_ttl);
        let full = claimed.len() == free as usize;
        for order in claimed {
            // Never waits: there are as many permits as claimed orders.
            let Ok(permit) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            let (service, health) = (service.clone(), health.clone());
            tasks.spawn("submit_order", async move {
                match process_order(&service, &order).await {
                    WorkOutcome::Recorded(_) => health.record_recovery(),
                    WorkOutcome::Unrecorded => {}
                    WorkOutcome::LedgerUnavailable(error) => health.record_failure(&error, true),
                }
                drop(permit);
            });
        }
        if full {
            // Claim again as soon as one order is finished.
            tasks.wait_for(slots.acquire()).await;
        } else {
            let delay = next_poll_delay(&service, health.is_failing()).await;
            let work = service.ledger.wait_for(Topic::Orders, delay);
            tasks.wait_for(work).await;
        }
    }
}

pub enum WorkOutcome {
    Recorded(SyncStatus),
    /// Not recorded, for a reason of this order alone; logged.
    Unrecorded,
    /// The database is unavailable, for every order.
    LedgerUnavailable(LedgerError),
}

/// Makes one attempt at an order, in its own tracing span.
pub async fn process_order(service: &OrderSync, order: &ClaimedOrder) -> WorkOutcome {
    let attempt = async {
        match service.process(order).await {
            Ok(status) => WorkOutcome::Recorded(status),
            Err(LedgerError::LeaseLost { code }) => {
                tracing::warn!(
                    order = code,
                    "VeraCore: order lease expired during the attempt; the next attempt looks it up"
                );
                WorkOutcome::Unrecorded
            }
            Err(error) if error.is_unavailable() => WorkOutcome::LedgerUnavailable(error),
            Err(error) => {
                tracing::error!(order = %order.code, %error, "VeraCore: outcome not recorded; the order is looked up when its lease expires");
                WorkOutcome::Unrecorded
            }
        }
    };
    attempt.instrument(order_span(&order.code)).await
}

/// The health of the ledger as the workers see it: logged once, and published to `/readyz`.
#[derive(Clone)]
struct LedgerHealth {
    ledger: Ledger,
    state: Arc<Mutex<LedgerHealthState>>,
}

struct LedgerHealthState {
    log: LogOnce,
    /// The last time that an intent or outcome could not be written.
    last_write_failure: Option<Instant>,
}

impl LedgerHealth {
    fn new(ledger: Ledger) -> Self {
        let state = LedgerHealthState {
            log: LogOnce::new("orders cannot be processed"),
            last_write_failure: None,
        };
        Self {
            ledger,
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn is_failing(&self) -> bool {
        self.state.lock().log.is_failing()
    }

    fn record_failure(&self, error: &LedgerError, is_write: bool) {
        let mut state = self.state.lock();
        state.log.log_failure(error);
        if is_write {
            state.last_write_failure = Some(Instant::now());
        }
        self.ledger.set_blocking_problem(Some(error.to_string()));
    }

    /// A successful claim does not prove that an intent can be written. After a failed write, an
    /// attempt must succeed first, unless no order is left to try.
    fn record_leased(&self, orders: usize, lease: Duration) {
        let failed_at = self.state.lock().last_write_failure;
        if failed_at.is_none_or(|at| orders == 0 && at.elapsed() > lease + MAX_IDLE_SLEEP) {
            self.record_recovery();
        }
    }

    fn record_recovery(&self) {
        let mut state = self.state.lock();
        state.log.log_recovery();
        state.last_write_failure = None;
        self.ledger.set_blocking_problem(None);
    }
}

async fn next_poll_delay(service: &OrderSync, is_failing: bool) -> Duration {
    let longest = if is_failing {
        MAX_IDLE_SLEEP
    } else {
        service.ledger.poll_interval(MAX_IDLE_SLEEP)
    };
    let until = |at: DateTime<Utc>| (at - service.clock.now()).to_std().unwrap_or_default();
    match service.ledger.backlog().await {
        Ok(backlog) if backlog.due > 0 => Duration::from_millis(50),
        Ok(backlog) => backlog
            .next_due_at
            .map_or(longest, until)
            .clamp(Duration::from_millis(50), longest),
        Err(_) => DB_RETRY_DELAY,
    }
}
