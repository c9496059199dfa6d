//! The dashboard at `/`, for administrators of the shop.
//!
//! Pages are rendered on the server and work without a script; `assets/app.js` only keeps them up to
//! date. Nothing is decided here: pages show the ledger, and forms call `web::actions` or, to pause and
//! resume, store `SYNC_ENABLED`.

mod assets;
mod charts;
mod confirmation;
pub(super) mod error_page;
mod inventory;
mod labels;
pub(super) mod live_updates;
mod login;
mod order_detail;
mod order_list;
mod overview;
mod page;
mod session;
mod session_context;
mod settings;
mod time_format;
mod timeline;

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, header},
    routing::{get, post},
};

use self::{
    error_page::{ErrorPage, PageResult, no_such_page},
    session_context::SessionContext,
};
use super::state::WebState;

pub(super) fn router() -> Router<WebState> {
    Router::new()
        .route("/", get(overview::show))
        .route("/login", get(login::show).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/orders", get(order_list::show))
        .route("/orders/{code}", get(order_detail::show))
        .route(
            "/orders/{code}/{action}",
            get(order_detail::confirm).post(order_detail::perform),
        )
        .route("/inventory", get(inventory::show))
        .route("/inventory/sku", get(inventory::sku::show))
        .route("/inventory/sync", post(inventory::sync_stock))
        .route("/tracking/sync", post(inventory::sync_tracking))
        .route("/inventory/runs/{run}", get(inventory::run::show))
        .route(
            "/inventory/runs/{run}/{action}",
            get(inventory::run::confirm).post(inventory::run::decide),
        )
        .route("/settings", get(settings::show))
        .route(
            "/settings/{action}",
            get(async || no_such_page()).post(settings::set_enabled),
        )
        .route("/live", get(live))
        .route("/assets/{name}", get(asset))
}

/// The client is a browser.
pub(super) fn accepts_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT);
    accepted
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"))
}

/// Static assets need no login.
async fn asset(Path(name): Path<String>) -> PageResult {
    assets::find(&name).ok_or_else(no_such_page)
}

async fn live(State(state): State<WebState>, session: SessionContext) -> PageResult {
    session.require_reader()?;
    let stream = state.live_updates.stream(&session.services).await;
    stream.ok_or_else(|| ErrorPage::unavailable("Too many pages are open."))
}
