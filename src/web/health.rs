//! `/healthz` and `/readyz`.

use std::time::Duration;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Serialize;

use super::{WebState, services::Services};
use crate::{
    http::{Circuit, CircuitState, HealthState},
    ledger::Ledger,
};

/// Whoever probes has little of it too.
pub(super) const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    database: DatabaseStatus,
    vendure: UpstreamReadiness,
    veracore: UpstreamReadiness,
}

/// How the last call went, and whether calls are made at all.
#[derive(Serialize)]
struct UpstreamReadiness {
    #[serde(flatten)]
    health: HealthState,
    /// `closed`: called as needed; `open`: left alone for now; `half_open`: being probed.
    circuit: &'static str,
}

impl UpstreamReadiness {
    fn of(circuit: Option<&Circuit>) -> Self {
        let Some(circuit) = circuit else {
            return Self {
                health: HealthState::Unknown,
                circuit: "closed",
            };
        };
        Self {
            health: circuit.health(),
            circuit: match circuit.state() {
                CircuitState::Closed => "closed",
                CircuitState::Open { .. } => "open",
                CircuitState::HalfOpen { .. } => "half_open",
            },
        }
    }
}

#[derive(Serialize)]
struct DatabaseStatus {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub(super) fn router() -> Router<WebState> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(state): State<WebState>) -> (StatusCode, Json<Readiness>) {
    let ready = check_readiness(&state).await;
    let status = if ready.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(ready))
}

/// How we are and what is waited for, for whoever looks at the service rather than at the log.
pub async fn status_line(state: &WebState) -> String {
    let ready = check_readiness(state).await;
    let services = state.services.current();
    let still = services.as_deref().and_then(Services::paused_reason);
    let ends = [("Vendure", &ready.vendure), ("VeraCore", &ready.veracore)];
    let away = ends.iter().find(|(_, end)| end.circuit != "closed");
    match (ready.database.problem, still, away) {
        (Some(problem), ..) => format!("waiting for the database: {problem}"),
        (None, Some(why), _) => why.to_owned(),
        (None, None, Some((name, _))) => format!("waiting for {name}: it is not called for now"),
        (None, None, None) if services.is_none() => "starting".to_owned(),
        (None, None, None) => "carrying orders to VeraCore".to_owned(),
    }
}

async fn check_readiness(state: &WebState) -> Readiness {
    let services = state.services.current();
    let services = services.as_deref();
    let ledger = services.map_or(&state.ledger, |services| &services.ledger);
    let ends = services.map(|services| &services.upstreams);
    let problem = not_ready_reason(ledger, services).await;
    let ready = problem.is_none();
    Readiness {
        ready,
        database: DatabaseStatus { ok: ready, problem },
        vendure: UpstreamReadiness::of(ends.map(|ends| &ends.shop_circuit)),
        veracore: UpstreamReadiness::of(ends.map(|ends| &ends.warehouse_circuit)),
    }
}

/// Why we are not ready, if so: the database's state, asked within [`PATIENCE`].
pub(super) async fn not_ready_reason(
    ledger: &Ledger,
    services: Option<&Services>,
) -> Option<String> {
    let asked = tokio::time::timeout(DATABASE_TIMEOUT, async {
        ledger.ensure_migrated().await?;
        ledger.ensure_writable().await
    });
    match asked.await {
        // While orders are parked, nobody finds out whether one can be written down again.
        Ok(Ok(())) => ledger
            .blocking_problem()
            .filter(|_| services.is_none_or(|services| services.upstreams.are_available())),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!(
            "the database did not answer within {DATABASE_TIMEOUT:?}"
        )),
    }
}
