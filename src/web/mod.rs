//! Inbound: what others ask us over HTTP.
//!
//! Owns the router and the server. Must not call the warehouse: it asks `sync`, or reads the
//! ledger.

mod health;
mod webhooks;

use axum::Router;
use tokio::net::TcpListener;

pub use health::Ends;
pub use webhooks::Inboxes;

use crate::{ledger::Ledger, lifecycle::Tasks};

/// What the handlers share.
#[derive(Clone)]
pub struct WebState {
    pub ledger: Ledger,
    pub ends: Ends,
    pub inboxes: Inboxes,
}

pub fn router(state: WebState) -> Router {
    health::router().merge(webhooks::router()).with_state(state)
}

/// Serves until the stop; answers that are under way are finished.
pub async fn serve(listener: TcpListener, state: WebState, tasks: Tasks) {
    let stop = tasks.clone();
    let server = axum::serve(listener, router(state))
        .with_graceful_shutdown(async move { stop.stopped().await });
    if let Err(error) = server.await {
        tracing::error!(%error, "the HTTP server ended");
    }
}
