//! The loop that delivers events. How many replicas run it does not matter: an event is leased to
//! one of them at a time, and nobody waits for the receiver with a transaction open.

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

/// Outlives a call with its wait for a turn, and the database's answer to that.
const LEASE_TTL: Duration = Duration::from_secs(120);

/// The longest sleep between two looks at the outbox while nobody can tell of an event, and the
/// shortest before a try.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// After a database error.
const DB_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Delivers events.
#[derive(Clone)]
pub struct EventDeliverer {
    receiver: Arc<EventReceiver>,
    ledger: Ledger,
    clock: SharedClock,
}

impl EventDeliverer {
    pub const fn new(receiver: Arc<EventReceiver>, ledger: Ledger, clock: SharedClock) -> Self {
        Self {
            receiver,
            ledger,
            clock,
        }
    }

    /// Takes up to `limit` events whose turn it is; only one while it is not known whether the
    /// receiver is back, and none while it is left alone.
    pub async fn lease_due(&self, limit: u32) -> Result<Vec<ClaimedEvent>, LedgerError> {
        let limit = match self.receiver.circuit().state() {
            CircuitState::Closed => limit,
            CircuitState::HalfOpen { .. } => limit.min(1),
            CircuitState::Open { .. } => 0,
        };
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.ledger
            .claim_due_events(limit, LEASE_TTL, MAX_DELAY)
            .await
    }

    /// How long nothing is to be done, if nobody tells of an event.
    async fn idle_delay(&self) -> Duration {
        if !self.receiver.circuit().is_closed() {
            return POLL_INTERVAL;
        }
        match self.ledger.next_event_due_at().await {
            Ok(next) => self.ledger.poll_delay(next, POLL_INTERVAL),
            Err(_) => DB_RETRY_DELAY,
        }
    }

    /// One try.
    pub async fn deliver(&self, event: &ClaimedEvent) -> Result<DeliveryOutcome, LedgerError> {
        let circuit = self.receiver.circuit();
        let probes = !circuit.is_closed();
        let outcome = self.receiver.post(event).await;
        if probes {
            circuit.finish_probe();
        }
        let delivery = after_delivery(event, &outcome, self.clock.now());
        let recorded = self
            .ledger
            .record_delivery_outcome(event, &delivery)
            .await?;
        if let DeliveryOutcome::Dead { problem } = &delivery
            && recorded
        {
            tracing::error!(event = %event.id, kind = event.event_type, problem, "VeraCore: an event could not be delivered for days and is given up; `veracore-sync events resend` sends it again");
        }
        Ok(delivery)
    }
}

/// Delivers events until the stop; what is under way is finished then.
pub async fn deliver_events(delivering: EventDeliverer, tasks: TaskGroup) {
    let mut outages = DeliveryLog::new();
    let mut working = JoinSet::new();
    while !tasks.is_stopping() {
        let free = MAX_IN_FLIGHT.saturating_sub(working.len());
        let claimed = match delivering.lease_due(u32::try_from(free).unwrap_or(1)).await {
            Ok(claimed) => {
                outages.ledger_log.log_recovery();
                claimed
            }
            Err(error) => {
                outages.ledger_log.log_failure(&error);
                tasks.sleep(DB_RETRY_DELAY).await;
                continue;
            }
        };
        let all = claimed.len() < free;
        for event in claimed {
            let delivering = delivering.clone();
            working.spawn(async move { delivering.deliver(&event).await });
        }
        // While others are under way, who is free looks again.
        let nap = if working.is_empty() {
            delivering.idle_delay().await
        } else {
            POLL_INTERVAL
        };
        let nap = async {
            if all {
                delivering.ledger.wait_for(Topic::Events, nap).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = tasks.wait_for_stop() => {}
            () = nap => {}
            Some(done) = working.join_next() => outages.log_result(&delivering, done.ok()).await,
        }
    }
    while let Some(done) = working.join_next().await {
        outages.log_result(&delivering, done.ok()).await;
    }
}

/// What is told once, however many tries it concerns.
struct DeliveryLog {
    ledger_log: LogOnce,
    receiver_log: LogOnce,
}

impl DeliveryLog {
    const fn new() -> Self {
        Self {
            ledger_log: LogOnce::new("events cannot be read from the outbox"),
            receiver_log: LogOnce::new("an event cannot be delivered to EVENT_WEBHOOK_URL"),
        }
    }

    async fn log_result(
        &mut self,
        delivering: &EventDeliverer,
        done: Option<Result<DeliveryOutcome, LedgerError>>,
    ) {
        match done {
            // A panic; its event comes back when its lease has run out.
            None => {
                tracing::error!("delivering an event panicked; this is a defect, please report it");
            }
            Some(Err(error)) => self.ledger_log.log_failure(&error),
            Some(Ok(DeliveryOutcome::Retry { problem, .. })) => {
                self.receiver_log.log_failure(&problem)
            }
            Some(Ok(DeliveryOutcome::Dead { .. })) => {}
            // That one was taken does not say that the others are.
            Some(Ok(DeliveryOutcome::Delivered)) => {
                if self.receiver_log.is_failing()
                    && delivering
                        .ledger
                        .has_failing_events()
                        .await
                        .is_ok_and(|any| !any)
                {
                    self.receiver_log.log_recovery();
                }
            }
        }
    }
}
