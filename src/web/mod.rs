//! Inbound HTTP: the router, the server and access control.
//!
//! Handlers ask `sync` or read the ledger. They never call VeraCore, and ask Vendure only who a caller
//! is.

mod access;
mod actions;
mod dashboard;
mod graphql;
mod health;
mod metrics;
mod request;
mod request_error;
mod security_headers;
mod server;
mod services;
mod settings;
mod state;
mod vendure_webhook;
mod veracore_webhooks;

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    middleware::map_response,
    response::{IntoResponse as _, Response},
};
use tokio::net::TcpListener;

pub use access::Authenticator;
pub use graphql::schema::sdl;
pub use health::status_line;
pub use services::{CurrentServices, Services};
pub use settings::{SettingView, SettingsError, SettingsService};
pub use state::WebState;
pub use veracore_webhooks::{CurrentInbox, webhook_router};

use self::request_error::RequestError;
use crate::lifecycle::TaskGroup;

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
                "Method not allowed for this URL.",
            )
        })
        .layer(map_response(security_headers::add))
        .with_state(state)
}

async fn not_found(headers: HeaderMap) -> Response {
    if dashboard::accepts_html(&headers) {
        return dashboard::error_page::no_such_page().into_response();
    }
    RequestError::new(StatusCode::NOT_FOUND, "Not found.").into_response()
}

/// Serves until the stop, and finishes requests in progress.
pub async fn serve(listener: TcpListener, state: WebState, tasks: TaskGroup) {
    server::serve(listener, router(state), tasks).await;
}
