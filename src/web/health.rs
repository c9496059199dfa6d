//! `/healthz`, `/readyz`, and the status line for the service manager.

use std::time::Duration;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Serialize;

use super::{services::Services, state::WebState};
use crate::{
    http::{Circuit, HealthState},
    ledger::Ledger,
};

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    database: DatabaseStatus,
    vendure: UpstreamReadiness,
    veracore: UpstreamReadiness,
}

/// The last call's outcome, and the circuit.
#[derive(Serialize)]
struct UpstreamReadiness {
    #[serde(flatten)]
    health: HealthState,
    /// `closed`, `open` (calls are paused) or `half_open` (probing).
    circuit: &'static str,
}

impl UpstreamReadiness {
    fn of(circuit: Option<&Circuit>) -> Self {
        Self {
            health: circuit.map_or(HealthState::Unknown, Circuit::health),
            circuit: circuit.map_or("closed", |circuit| circuit.state().as_str()),
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

/// One line about the daemon: what it does, or what it waits for.
pub async fn status_line(state: &WebState) -> String {
    let ready = check_readiness(state).await;
    let services = state.services.current();
    let paused = services.as_deref().and_then(Services::paused_reason);
    let upstreams = [("Vendure", &ready.vendure), ("VeraCore", &ready.veracore)];
    let unavailable = upstreams
        .iter()
        .find(|(_, upstream)| upstream.circuit != "closed");
    match (ready.database.problem, paused, unavailable) {
        (Some(problem), ..) => format!("waiting for the database: {problem}"),
        (None, Some(reason), _) => reason.to_owned(),
        (None, None, Some((name, _))) => {
            format!("waiting for {name}: calls are paused after failures")
        }
        (None, None, None) if services.is_none() => "starting".to_owned(),
        (None, None, None) => "syncing with VeraCore".to_owned(),
    }
}

async fn check_readiness(state: &WebState) -> Readiness {
    let services = state.services.current();
    let services = services.as_deref();
    let ledger = services.map_or(&state.ledger, |services| &services.ledger);
    let upstreams = services.map(|services| &services.upstreams);
    let problem = not_ready_reason(ledger, services).await;
    let ready = problem.is_none();
    Readiness {
        ready,
        database: DatabaseStatus { ok: ready, problem },
        vendure: UpstreamReadiness::of(upstreams.map(|upstreams| &upstreams.shop_circuit)),
        veracore: UpstreamReadiness::of(upstreams.map(|upstreams| &upstreams.warehouse_circuit)),
    }
}

/// Short, because health probes time out quickly.
pub(super) const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the daemon is not ready, if so.
pub(super) async fn not_ready_reason(
    ledger: &Ledger,
    services: Option<&Services>,
) -> Option<String> {
    let checks = tokio::time::timeout(DATABASE_TIMEOUT, async {
        ledger.ensure_migrated().await?;
        ledger.ensure_writable().await
    });
    match checks.await {
        // While upstreams are unavailable, no order is written, so the problem cannot clear.
        Ok(Ok(())) => ledger
            .blocking_problem()
            .filter(|_| services.is_none_or(|services| services.upstreams.are_available())),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!(
            "the database did not answer within {DATABASE_TIMEOUT:?}"
        )),
    }
}
