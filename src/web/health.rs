//! `/healthz` and `/readyz`.

use std::time::Duration;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Serialize;

use super::{WebState, live::Services};
use crate::{
    http::{Circuit, CircuitState, HealthState},
    ledger::Ledger,
};

/// Whoever probes has little of it too.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Ready {
    ready: bool,
    database: Database,
    vendure: End,
    veracore: End,
}

/// How the last call went, and whether calls are made at all.
#[derive(Serialize)]
struct End {
    #[serde(flatten)]
    health: HealthState,
    /// `closed`: called as needed; `open`: left alone for now; `half_open`: being probed.
    circuit: &'static str,
}

impl End {
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
struct Database {
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

async fn readyz(State(state): State<WebState>) -> (StatusCode, Json<Ready>) {
    let ready = look(&state).await;
    let status = if ready.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(ready))
}

/// How we are and what is waited for, for whoever looks at the service rather than at the log.
pub async fn in_a_line(state: &WebState) -> String {
    let ready = look(state).await;
    let services = state.live.now();
    let still = services.as_deref().and_then(Services::stands_still);
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

async fn look(state: &WebState) -> Ready {
    let services = state.live.now();
    let services = services.as_deref();
    let ledger = services.map_or(&state.ledger, |services| &services.ledger);
    let ends = services.map(|services| &services.upstreams);
    let problem = problem(ledger, services).await;
    let ready = problem.is_none();
    Ready {
        ready,
        database: Database { ok: ready, problem },
        vendure: End::of(ends.map(|ends| &ends.shop)),
        veracore: End::of(ends.map(|ends| &ends.warehouse)),
    }
}

/// Why we are not ready, if so: the database's state, asked within [`PATIENCE`].
pub(super) async fn problem(ledger: &Ledger, services: Option<&Services>) -> Option<String> {
    let asked = tokio::time::timeout(PATIENCE, async {
        ledger.ensure_migrated().await?;
        ledger.ensure_writable().await
    });
    match asked.await {
        // While orders are parked, nobody finds out whether one can be written down again.
        Ok(Ok(())) => ledger
            .trouble()
            .filter(|_| services.is_none_or(|services| services.upstreams.are_closed())),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("the database did not answer within {PATIENCE:?}")),
    }
}
