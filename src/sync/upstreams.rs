//! Waiting for an end that is away: while its circuit is open, nothing is begun that needs it.
//!
//! Owns the probes and the events that tell of an outage. Must not decide when a circuit opens or
//! closes: that is `http`'s.

use std::{future::Future, sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    domain::{OrderCode, OrderState},
    fulfillment::FulfillmentProvider,
    http::{Circuit, CircuitState, HealthState, OpenReason},
    ledger::{Ledger, LedgerError, UpstreamEvent},
    lifecycle::TaskGroup,
    vendure::Storefront,
};

/// How often it is looked whether a probe is due.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The circuits of both ends. Cheap to clone.
#[derive(Clone)]
pub struct Upstreams {
    pub shop_circuit: Circuit,
    pub warehouse_circuit: Circuit,
}

impl Upstreams {
    /// Whether both may be called.
    #[must_use]
    pub fn are_available(&self) -> bool {
        self.shop_circuit.is_closed() && self.warehouse_circuit.is_closed()
    }

    /// Waits until both may be called, or for the stop.
    pub async fn wait_until_available(&self, tasks: &TaskGroup) {
        while !self.are_available() && !tasks.is_stopping() {
            tasks.sleep(CHECK_INTERVAL).await;
        }
    }
}

/// What is asked of an end to see whether it is back: cheap, and of no consequence.
pub struct Probes {
    pub storefront: Arc<dyn Storefront>,
    /// Of the orders that are looked for: whoever may not read these is of no use.
    pub trigger_states: Vec<OrderState>,
    pub provider: Arc<dyn FulfillmentProvider>,
    /// The number of an order that no shop has.
    pub unknown_order: OrderCode,
}

/// An end, and what was last told of it.
struct WatchedUpstream {
    circuit: Circuit,
    last_event: Option<UpstreamEvent>,
}

/// Probes an end whose pause is over, and tells by events that one went down or came back, until
/// the stop. Calls note by themselves how they went, so that what a probe answers is of no interest.
pub async fn watch_upstreams(
    upstreams: Upstreams,
    probes: Probes,
    ledger: Ledger,
    tasks: TaskGroup,
) {
    let end = |circuit| WatchedUpstream {
        circuit,
        last_event: None,
    };
    let (mut shop, mut warehouse) = (
        end(upstreams.shop_circuit),
        end(upstreams.warehouse_circuit),
    );
    while !tasks.is_stopping() {
        if shop.needs_probe() {
            let probe = probes.storefront.newest_orders(&probes.trigger_states, 1);
            shop.probe(probe, &tasks).await;
        }
        if warehouse.needs_probe() {
            let probe = probes.provider.find_order(&probes.unknown_order);
            warehouse.probe(probe, &tasks).await;
        }
        for end in [&mut shop, &mut warehouse] {
            if let Err(error) = end.record_change(&ledger).await {
                tracing::debug!(%error, "an upstream's event waits for the database");
            }
        }
        tasks.sleep(CHECK_INTERVAL).await;
    }
}

impl WatchedUpstream {
    fn needs_probe(&self) -> bool {
        matches!(self.circuit.state(), CircuitState::HalfOpen { .. })
    }

    /// What it answers is noted by the call itself.
    async fn probe<T>(&self, probe: impl Future<Output = T>, tasks: &TaskGroup) {
        tokio::select! {
            () = tasks.wait_for_stop() => {}
            _ = probe => self.circuit.finish_probe(),
        }
    }

    /// Raises an event when it is another one than the last, of whichever process.
    async fn record_change(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        let Some(event) = self.current_event() else {
            return Ok(());
        };
        if self.last_event == Some(event) {
            return Ok(());
        }
        let problem = self.circuit.problem();
        let name = self.circuit.name();
        let data = json!({ "upstream": name, "problem": problem });
        ledger.record_upstream_event(event, name, &data).await?;
        self.last_event = Some(event);
        Ok(())
    }

    /// What can be said of it; nothing before the first call, and nothing of a pause it asked for.
    fn current_event(&self) -> Option<UpstreamEvent> {
        match self.circuit.state() {
            CircuitState::Open { reason: why, .. } | CircuitState::HalfOpen { reason: why } => {
                (why != OpenReason::Throttled).then_some(UpstreamEvent::Down)
            }
            CircuitState::Closed => {
                matches!(self.circuit.health(), HealthState::Up { .. }).then_some(UpstreamEvent::Up)
            }
        }
    }
}
