//! `/healthz` and `/readyz`.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Serialize;

use super::WebState;
use crate::http::{Health, HealthState};

/// What the last calls to both ends told, once there are clients for them.
#[derive(Clone, Default)]
pub struct Ends {
    vendure: Arc<OnceLock<Health>>,
    veracore: Arc<OnceLock<Health>>,
}

impl Ends {
    /// Makes the clients' health known. The first ones count.
    pub fn watch(&self, vendure: Health, veracore: Health) {
        let _ = self.vendure.set(vendure);
        let _ = self.veracore.set(veracore);
    }
}

/// Whoever probes has little of it too.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Ready {
    ready: bool,
    database: Database,
    vendure: HealthState,
    veracore: HealthState,
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
    let asked = tokio::time::timeout(PATIENCE, state.ledger.ensure_migrated()).await;
    let problem = match asked {
        Ok(outcome) => outcome.err().map(|error| error.to_string()),
        Err(_) => Some(format!("the database did not answer within {PATIENCE:?}")),
    };
    let ready = problem.is_none();
    let seen = |health: &OnceLock<Health>| health.get().map(Health::state).unwrap_or_default();
    let body = Ready {
        ready,
        database: Database { ok: ready, problem },
        vendure: seen(&state.ends.vendure),
        veracore: seen(&state.ends.veracore),
    };
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body))
}
