//! The loop that delivers events. How many replicas run it does not matter: an event is leased to
//! one of them at a time, and nobody waits for the receiver with a transaction open.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::{
    decide::{LONGEST, after_post},
    receiver::{CONCURRENCY, Receiver},
};
use crate::{
    clock::SharedClock,
    http::CircuitState,
    ledger::{Delivery, DueEvent, Ledger, LedgerError, Word},
    lifecycle::Tasks,
    sync::outage::Outage,
};

/// Outlives a call with its wait for a turn, and the database's answer to that.
const LEASE: Duration = Duration::from_secs(120);

/// The longest sleep between two looks at the outbox while nobody can tell of an event, and the
/// shortest before a try.
const STEP: Duration = Duration::from_secs(1);

/// After a database error.
const PAUSE: Duration = Duration::from_secs(2);

/// Delivers events.
#[derive(Clone)]
pub struct Delivering {
    receiver: Arc<Receiver>,
    ledger: Ledger,
    clock: SharedClock,
}

impl Delivering {
    #[must_use]
    pub const fn new(receiver: Arc<Receiver>, ledger: Ledger, clock: SharedClock) -> Self {
        Self {
            receiver,
            ledger,
            clock,
        }
    }

    /// Takes up to `limit` events whose turn it is; only one while it is not known whether the
    /// receiver is back, and none while it is left alone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim(&self, limit: u32) -> Result<Vec<DueEvent>, LedgerError> {
        let limit = match self.receiver.circuit().state() {
            CircuitState::Closed => limit,
            CircuitState::HalfOpen { .. } => limit.min(1),
            CircuitState::Open { .. } => 0,
        };
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.ledger.claim_due_events(limit, LEASE, LONGEST).await
    }

    /// How long nothing is to be done, if nobody tells of an event.
    async fn nap(&self) -> Duration {
        if !self.receiver.circuit().is_closed() {
            return STEP;
        }
        match self.ledger.next_event().await {
            Ok(next) => self.ledger.nap(next, STEP),
            Err(_) => PAUSE,
        }
    }

    /// One try.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn deliver(&self, event: &DueEvent) -> Result<Delivery, LedgerError> {
        let circuit = self.receiver.circuit();
        let probes = !circuit.is_closed();
        let outcome = self.receiver.post(event).await;
        if probes {
            circuit.was_probed();
        }
        let delivery = after_post(event, &outcome, self.clock.now());
        let recorded = self.ledger.finish_event(event, &delivery).await?;
        if let Delivery::Dead { problem } = &delivery
            && recorded
        {
            tracing::error!(event = %event.id, kind = event.event_type, problem, "VeraCore: an event could not be delivered for days and is given up; `veracore-sync events resend` sends it again");
        }
        Ok(delivery)
    }
}

/// Delivers events until the stop; what is under way is finished then.
pub async fn deliver_events(delivering: Delivering, tasks: Tasks) {
    let mut outages = Outages::new();
    let mut working = JoinSet::new();
    while !tasks.stopping() {
        let free = CONCURRENCY.saturating_sub(working.len());
        let claimed = match delivering.claim(u32::try_from(free).unwrap_or(1)).await {
            Ok(claimed) => {
                outages.ledger.is_over();
                claimed
            }
            Err(error) => {
                outages.ledger.goes_on(&error);
                tasks.sleep(PAUSE).await;
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
            delivering.nap().await
        } else {
            STEP
        };
        let nap = async {
            if all {
                delivering.ledger.told(Word::Events, nap).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = tasks.stopped() => {}
            () = nap => {}
            Some(done) = working.join_next() => outages.note(&delivering, done.ok()).await,
        }
    }
    while let Some(done) = working.join_next().await {
        outages.note(&delivering, done.ok()).await;
    }
}

/// What is told once, however many tries it concerns.
struct Outages {
    ledger: Outage,
    receiver: Outage,
}

impl Outages {
    const fn new() -> Self {
        Self {
            ledger: Outage::of("events cannot be read from the outbox"),
            receiver: Outage::of("an event cannot be delivered to EVENT_WEBHOOK_URL"),
        }
    }

    async fn note(&mut self, delivering: &Delivering, done: Option<Result<Delivery, LedgerError>>) {
        match done {
            // A panic; its event comes back when its lease has run out.
            None => {
                tracing::error!("delivering an event panicked; this is a defect, please report it");
            }
            Some(Err(error)) => self.ledger.goes_on(&error),
            Some(Ok(Delivery::Again { problem, .. })) => self.receiver.goes_on(&problem),
            Some(Ok(Delivery::Dead { .. })) => {}
            // That one was taken does not say that the others are.
            Some(Ok(Delivery::Delivered)) => {
                if self.receiver.is_going_on()
                    && delivering
                        .ledger
                        .has_failing_events()
                        .await
                        .is_ok_and(|any| !any)
                {
                    self.receiver.is_over();
                }
            }
        }
    }
}
