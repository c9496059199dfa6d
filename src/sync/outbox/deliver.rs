//! The loop that delivers events. Any number of replicas may run it: an event is leased to one at a
//! time, and no transaction is open during the call.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::{
    receiver::{EventReceiver, MAX_IN_FLIGHT},
    retry::{MAX_DELAY, after_delivery},
};
use crate::{
    clock::SharedClock,
    http::CircuitState,
    ledger::{ClaimedEvent, DeliveryOutcome, Ledger, LedgerError, Topic},
    lifecycle::TaskGroup,
    telemetry::LogOnce,
};

/// Covers a call with its wait for a permit, and the record of its outcome.
const LEASE_TTL: Duration = Duration::from_secs(120);

/// The longest sleep while the ledger cannot notify of events.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// After a database error.
const DB_RETRY_DELAY: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct EventDeliverer {
    pub receiver: Arc<EventReceiver>,
    pub ledger: Ledger,
    pub clock: SharedClock,
}

impl EventDeliverer {
    /// Claims up to `limit` due events: one while the circuit is half-open, none while it is open.
    pub async fn lease_due(&self, limit: u32) -> Result<Vec<ClaimedEvent>, LedgerError> {
        let limit = match self.receiver.circuit().state() {
            CircuitState::Closed => limit,
            CircuitState::HalfOpen { .. } => limit.min(1),
            CircuitState::Open { .. } => 0,
        };
        if limit == 0 {
            return Ok(Vec::new());
        }
        let ledger = &self.ledger;
        ledger.claim_due_events(limit, LEASE_TTL, MAX_DELAY).await
    }

    /// The time until the next event is due.
    async fn idle_delay(&self) -> Duration {
        if !self.receiver.circuit().is_closed() {
            return POLL_INTERVAL;
        }
        match self.ledger.next_event_due_at().await {
            Ok(next) => self.ledger.poll_delay(next, POLL_INTERVAL),
            Err(_) => DB_RETRY_DELAY,
        }
    }

    pub async fn deliver(&self, event: &ClaimedEvent) -> Result<DeliveryOutcome, LedgerError> {
        let circuit = self.receiver.circuit();
        let probes = !circuit.is_closed();
        let outcome = self.receiver.post(event).await;
        if probes {
            circuit.finish_probe();
        }
        let delivery = after_delivery(event, &outcome, self.clock.now());
        let ledger = &self.ledger;
        if ledger.record_delivery_outcome(event, &delivery).await?
            && let DeliveryOutcome::Dead { problem } = &delivery
        {
            tracing::error!(event = %event.id, kind = event.event_type, problem, "VeraCore event given up after days of failed deliveries; `veracore-sync events resend` sends it again");
        }
        Ok(delivery)
    }
}

/// Delivers events until the process stops, and then finishes those in flight.
pub async fn deliver_events(deliverer: EventDeliverer, tasks: TaskGroup) {
    let mut log = DeliveryLog {
        ledger_log: LogOnce::new("events cannot be read from the outbox"),
        receiver_log: LogOnce::new("an event cannot be delivered to EVENT_WEBHOOK_URL"),
    };
    let mut working = JoinSet::new();
    while !tasks.is_stopping() {
        let free = MAX_IN_FLIGHT.saturating_sub(working.len());
        let claimed = match deliverer.lease_due(u32::try_from(free).unwrap_or(1)).await {
            Ok(claimed) => {
                log.ledger_log.log_recovery();
                claimed
            }
            Err(error) => {
                log.ledger_log.log_failure(&error);
                tasks.sleep(DB_RETRY_DELAY).await;
                continue;
            }
        };
        let is_idle = claimed.len() < free;
        for event in claimed {
            let deliverer = deliverer.clone();
            working.spawn(async move { deliverer.deliver(&event).await });
        }
        let delay = if working.is_empty() {
            deliverer.idle_delay().await
        } else {
            POLL_INTERVAL
        };
        tokio::select! {
            () = tasks.wait_for_stop() => {}
            () = deliverer.ledger.wait_for(Topic::Events, delay), if is_idle => {}
            Some(done) = working.join_next() => log.log_result(&deliverer, done.ok()).await,
        }
    }
    while let Some(done) = working.join_next().await {
        log.log_result(&deliverer, done.ok()).await;
    }
}

/// Logs each kind of failure once, however many attempts fail.
struct DeliveryLog {
    ledger_log: LogOnce,
    receiver_log: LogOnce,
}

impl DeliveryLog {
    async fn log_result(
        &mut self,
        deliverer: &EventDeliverer,
        done: Option<Result<DeliveryOutcome, LedgerError>>,
    ) {
        match done {
            // A panic. The event is due again when its lease expires.
            None => {
                tracing::error!("event delivery panicked; this is a defect, please report it");
            }
            Some(Err(error)) => self.ledger_log.log_failure(&error),
            Some(Ok(DeliveryOutcome::Retry { problem, .. })) => {
                self.receiver_log.log_failure(&problem);
            }
            Some(Ok(DeliveryOutcome::Dead { .. })) => {}
            // One delivery does not prove that the other events succeed.
            Some(Ok(DeliveryOutcome::Delivered)) => {
                if self.receiver_log.is_failing()
                    && let Ok(false) = deliverer.ledger.has_failing_events().await
                {
                    self.receiver_log.log_recovery();
                }
            }
        }
    }
}
