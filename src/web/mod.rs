//! Inbound: what others ask us over HTTP.
//!
//! Owns the router, the server and who is let in. Must not call the warehouse: it asks `sync`, or
//! reads the ledger; the shop is asked only who a caller is.

mod access;
mod actions;
mod body;
mod dashboard;
mod graphql;
mod headers;
mod health;
mod live;
mod metrics;
mod nudge;
mod refusal;
mod server;
mod settings;
mod webhooks;

use std::{net::IpAddr, sync::Arc};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    middleware::map_response,
    response::{IntoResponse as _, Response},
};
use tokio::net::TcpListener;

pub use access::Access;
pub use graphql::sdl;
pub use health::in_a_line;
pub use live::{Live, Services};
pub use settings::{DeskError, SettingsDesk, ShownSetting};
pub use webhooks::{Inboxes, webhooks};

use self::{access::Failures, dashboard::Viewers, graphql::Api, refusal::Refusal};
use crate::{ledger::Ledger, lifecycle::Tasks};

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Peer(IpAddr);

/// What the handlers share.
#[derive(Clone)]
pub struct WebState {
    /// For those who ask how we are, before there are services.
    ledger: Ledger,
    pub live: Live,
    /// Takes webhooks from the beginning, and asks to be told again as long as nothing can be stored.
    pub inboxes: Inboxes,
    desk: Arc<dyn SettingsDesk>,
    failures: Arc<Failures>,
    /// Wrong names and passwords: a program with a wrong token does not keep people out.
    wrong_logins: Arc<Failures>,
    viewers: Viewers,
    api: Api,
    scrape: metrics::Scrape,
}

impl WebState {
    pub fn new(ledger: Ledger, desk: Arc<dyn SettingsDesk>) -> Self {
        Self {
            ledger,
            live: Live::default(),
            inboxes: Inboxes::default(),
            desk,
            failures: Arc::default(),
            wrong_logins: Arc::default(),
            viewers: Viewers::default(),
            api: Api::default(),
            scrape: metrics::Scrape::default(),
        }
    }
}

fn router(state: WebState) -> Router {
    Router::new()
        .merge(health::router())
        .merge(metrics::router())
        .merge(graphql::router())
        .merge(nudge::router())
        .merge(webhooks())
        .merge(dashboard::router())
        .fallback(nothing_here)
        .method_not_allowed_fallback(async || {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "This address takes another method.",
            )
        })
        .layer(map_response(headers::add))
        .with_state(state)
}

async fn nothing_here(headers: HeaderMap) -> Response {
    if dashboard::wants_pages(&headers) {
        return dashboard::nothing_here();
    }
    Refusal::new(StatusCode::NOT_FOUND, "There is nothing here.").into_response()
}

/// Serves until the stop; answers that are under way are finished.
pub async fn serve(listener: TcpListener, state: WebState, tasks: Tasks) {
    server::serve(listener, router(state), tasks).await;
}
