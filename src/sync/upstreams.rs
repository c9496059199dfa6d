//! The availability of Vendure and VeraCore: waits, probes, and the events about outages.
//!
//! `http` decides when a circuit opens or closes.

use std::time::Duration;

use serde_json::json;

use crate::{
    domain::OrderCode,
    http::{Circuit, CircuitState, HealthState, OpenReason},
    ledger::{Ledger, LedgerError, UpstreamEvent},
    lifecycle::TaskGroup,
    sync::orders::OrderSync,
};

/// Between two checks of the circuits.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The circuits of both upstreams. Cheap to clone.
#[derive(Clone)]
pub struct Upstreams {
    pub shop_circuit: Circuit,
    pub warehouse_circuit: Circuit,
}

impl Upstreams {
    pub fn are_available(&self) -> bool {
        self.shop_circuit.is_closed() && self.warehouse_circuit.is_closed()
    }

    /// Waits until both are available, or the process stops.
    pub async fn wait_until_available(&self, tasks: &TaskGroup) {
        while !self.are_available() && !tasks.is_stopping() {
            tasks.sleep(CHECK_INTERVAL).await;
        }
    }
}

/// An upstream, and the last event about it.
struct WatchedUpstream {
    circuit: Circuit,
    last_event: Option<UpstreamEvent>,
}

/// Probes half-open upstreams with cheap reads, and records an event when one goes down or comes
/// back, until the process stops. The reads report their outcome to the circuit.
///
/// The shop's probe reads orders in a trigger state: a login that may not read orders does not count
/// as available. VeraCore's looks up `unknown_order`, a code that no shop has.
pub async fn watch_upstreams(service: OrderSync, upstreams: Upstreams, unknown_order: OrderCode) {
    let watched = |circuit| WatchedUpstream {
        circuit,
        last_event: None,
    };
    let (mut shop, mut warehouse) = (
        watched(upstreams.shop_circuit),
        watched(upstreams.warehouse_circuit),
    );
    let (tasks, states) = (&service.tasks, &service.settings.trigger_states);
    while !tasks.is_stopping() {
        if shop.needs_probe() {
            let probe = service.storefront.newest_orders(states, 1);
            shop.probe(probe, tasks).await;
        }
        if warehouse.needs_probe() {
            let probe = service.provider.find_order(&unknown_order);
            warehouse.probe(probe, tasks).await;
        }
        for upstream in [&mut shop, &mut warehouse] {
            if let Err(error) = upstream.record_change(&service.ledger).await {
                tracing::debug!(%error, "upstream event not recorded; retrying");
            }
        }
        tasks.sleep(CHECK_INTERVAL).await;
    }
}

impl WatchedUpstream {
    fn needs_probe(&self) -> bool {
        matches!(self.circuit.state(), CircuitState::HalfOpen { .. })
    }

    async fn probe<T>(&self, probe: impl Future<Output = T>, tasks: &TaskGroup) {
        tokio::select! {
            () = tasks.wait_for_stop() => {}
            _ = probe => self.circuit.finish_probe(),
        }
    }

    /// Records the current event, unless it is the last one.
    async fn record_change(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        let Some(event) = self
            .current_event()
            .filter(|event| self.last_event != Some(*event))
        else {
            return Ok(());
        };
        let problem = self.circuit.problem();
        let name = self.circuit.name();
        let data = json!({ "upstream": name, "problem": problem });
        ledger.record_upstream_event(event, name, &data).await?;
        self.last_event = Some(event);
        Ok(())
    }

    /// `None` before the first call, and while a rate limit is honored.
    fn current_event(&self) -> Option<UpstreamEvent> {
        match self.circuit.state() {
            CircuitState::Open { reason, .. } | CircuitState::HalfOpen { reason } => {
                (reason != OpenReason::Throttled).then_some(UpstreamEvent::Down)
            }
            CircuitState::Closed => {
                matches!(self.circuit.health(), HealthState::Up { .. }).then_some(UpstreamEvent::Up)
            }
        }
    }
}
