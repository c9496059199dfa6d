//! Waiting for an end that is away: while its circuit is open, nothing is begun that needs it.
//!
//! Owns the probes and the events that tell of an outage. Must not decide when a circuit opens or
//! closes: that is `http`'s.

use std::{future::Future, sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    domain::{OrderCode, OrderState},
    fulfillment::FulfillmentProvider,
    http::{Circuit, CircuitState, HealthState, Why},
    ledger::{Ledger, LedgerError, UpstreamEvent},
    lifecycle::Tasks,
    vendure::Storefront,
};

/// How often it is looked whether a probe is due.
const STEP: Duration = Duration::from_millis(500);

/// The circuits of both ends. Cheap to clone.
#[derive(Clone)]
pub struct Upstreams {
    pub shop: Circuit,
    pub warehouse: Circuit,
}

impl Upstreams {
    /// Whether both may be called.
    #[must_use]
    pub fn are_closed(&self) -> bool {
        self.shop.is_closed() && self.warehouse.is_closed()
    }

    /// Waits until both may be called, or for the stop.
    pub async fn closed(&self, tasks: &Tasks) {
        while !self.are_closed() && !tasks.stopping() {
            tasks.sleep(STEP).await;
        }
    }
}

/// What is asked of an end to see whether it is back: cheap, and of no consequence.
pub struct Probes {
    pub storefront: Arc<dyn Storefront>,
    /// Of the orders that are looked for: whoever may not read these is of no use.
    pub states: Vec<OrderState>,
    pub provider: Arc<dyn FulfillmentProvider>,
    /// The number of an order that no shop has.
    pub number: OrderCode,
}

/// An end, and what was last told of it.
struct End {
    circuit: Circuit,
    told: Option<UpstreamEvent>,
}

/// Probes an end whose pause is over, and tells by events that one went down or came back, until
/// the stop. Calls note by themselves how they went, so that what a probe answers is of no interest.
pub async fn watch_upstreams(upstreams: Upstreams, probes: Probes, ledger: Ledger, tasks: Tasks) {
    let end = |circuit| End {
        circuit,
        told: None,
    };
    let (mut shop, mut warehouse) = (end(upstreams.shop), end(upstreams.warehouse));
    while !tasks.stopping() {
        if shop.is_to_be_probed() {
            let probe = probes.storefront.newest_orders(&probes.states, 1);
            shop.probe(probe, &tasks).await;
        }
        if warehouse.is_to_be_probed() {
            let probe = probes.provider.find_order(&probes.number);
            warehouse.probe(probe, &tasks).await;
        }
        for end in [&mut shop, &mut warehouse] {
            if let Err(error) = end.tell(&ledger).await {
                tracing::debug!(%error, "an upstream's event waits for the database");
            }
        }
        tasks.sleep(STEP).await;
    }
}

impl End {
    fn is_to_be_probed(&self) -> bool {
        matches!(self.circuit.state(), CircuitState::HalfOpen { .. })
    }

    /// What it answers is noted by the call itself.
    async fn probe<T>(&self, probe: impl Future<Output = T>, tasks: &Tasks) {
        tokio::select! {
            () = tasks.stopped() => {}
            _ = probe => self.circuit.was_probed(),
        }
    }

    /// Raises an event when it is another one than the last, of whichever process.
    async fn tell(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        let Some(event) = self.event() else {
            return Ok(());
        };
        if self.told == Some(event) {
            return Ok(());
        }
        let problem = self.circuit.problem();
        let name = self.circuit.name();
        let data = json!({ "upstream": name, "problem": problem });
        ledger.raise_upstream_event(event, name, &data).await?;
        self.told = Some(event);
        Ok(())
    }

    /// What can be said of it; nothing before the first call, and nothing of a pause it asked for.
    fn event(&self) -> Option<UpstreamEvent> {
        match self.circuit.state() {
            CircuitState::Open { why, .. } | CircuitState::HalfOpen { why } => {
                (why != Why::Throttled).then_some(UpstreamEvent::Down)
            }
            CircuitState::Closed => {
                matches!(self.circuit.health(), HealthState::Up { .. }).then_some(UpstreamEvent::Up)
            }
        }
    }
}
