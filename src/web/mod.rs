//! Inbound: what others ask us over HTTP.
//!
//! Owns the router, the server and who is let in. Must not call the warehouse: it asks `sync`, or
//! reads the ledger; the shop is asked only who a caller is.

mod access;
mod actions;
mod body;
mod dashboard;
mod graphql;
mod health;
mod metrics;
mod request_error;
mod security_headers;
mod server;
mod services;
mod settings;
mod vendure_webhook;
mod veracore_webhooks;

use std::{net::IpAddr, sync::Arc};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    middleware::map_response,
    response::{IntoResponse as _, Response},
};
use tokio::net::TcpListener;

pub use access::CredentialCache;
pub use graphql::sdl;
pub use health::status_line;
pub use services::{CurrentServices, Services};
pub use settings::{SettingView, SettingsError, SettingsService};
pub use veracore_webhooks::{CurrentInbox, webhook_router};

use self::{
    access::FailedAttempts, dashboard::LiveUpdates, graphql::Api, request_error::RequestError,
};
use crate::{ledger::Ledger, lifecycle::TaskGroup};

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PeerIp(IpAddr);

/// What the handlers share.
#[derive(Clone)]
pub struct WebState {
    /// For those who ask how we are, before there are services.
    ledger: Ledger,
    pub services: CurrentServices,
    /// Takes webhooks from the beginning, and asks to be told again as long as nothing can be stored.
    pub inbox: CurrentInbox,
    settings: Arc<dyn SettingsService>,
    failed_credentials: Arc<FailedAttempts>,
    /// Wrong names and passwords: a program with a wrong token does not keep people out.
    failed_logins: Arc<FailedAttempts>,
    live_updates: LiveUpdates,
    api: Api,
    ledger_metrics: metrics::LedgerMetricsCache,
}

impl WebState {
    pub fn new(ledger: Ledger, settings: Arc<dyn SettingsService>) -> Self {
        Self {
            ledger,
            services: CurrentServices::default(),
            inbox: CurrentInbox::default(),
            settings,
            failed_credentials: Arc::default(),
            failed_logins: Arc::default(),
            live_updates: LiveUpdates::default(),
            api: Api::default(),
            ledger_metrics: metrics::LedgerMetricsCache::default(),
        }
    }
}

fn router(state: WebState) -> Router {
    Router::new()
        .merge(health::router())
        .merge(metrics::router())
        .merge(graphql::router())
        .merge(vendure_webhook::router())
        .merge(webhook_router())
        .merge(dashboard::router())
        .fallback(not_found)
        .method_not_allowed_fallback(async || {
            RequestError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "This address takes another method.",
            )
        })
        .layer(map_response(security_headers::add))
        .with_state(state)
}

async fn not_found(headers: HeaderMap) -> Response {
    if dashboard::accepts_html(&headers) {
        return dashboard::not_found();
    }
    RequestError::new(StatusCode::NOT_FOUND, "There is nothing here.").into_response()
}

/// Serves until the stop; answers that are under way are finished.
pub async fn serve(listener: TcpListener, state: WebState, tasks: TaskGroup) {
    server::serve(listener, router(state), tasks).await;
}
