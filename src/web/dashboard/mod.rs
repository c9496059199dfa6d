//! `/` and below: the dashboard, for administrators of the shop who logged in.
//!
//! Pages are made on the server and work without a script; `assets/app.js` only keeps them up to date.
//! Owns what a person sees and the sessions. Decides nothing about an order or a level: what is shown
//! comes from the ledger, what is done goes through `web::actions`.

mod assets;
mod charts;
mod confirmation;
mod form;
mod inventory;
mod labels;
mod live_updates;
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

use std::time::Duration;

use axum::{
    Router,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use self::page::ErrorPage;
use super::{
    WebState,
    access::{READ_ORDERS, UPDATE_ORDERS, UPDATE_SETTINGS, UPDATE_STOCK},
    actions::ActionError,
};
use crate::ledger::LedgerError;

pub(super) use live_updates::LiveUpdates;

/// How long a page waits for the database.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a page waits for what a person asked for; what takes longer goes on behind it.
const ACTION_TIMEOUT: Duration = Duration::from_secs(8);

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
        .route("/settings/pause", post(settings::pause))
        .route("/settings/resume", post(settings::resume))
        .route("/live", get(live_updates::stream))
        .route("/assets/{name}", get(assets::serve))
}

/// Whether whoever asks reads pages.
pub(super) fn accepts_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(axum::http::header::ACCEPT);
    accepted
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"))
}

/// The page for an address at which there is nothing.
pub(super) fn not_found() -> Response {
    ErrorPage::not_found("There is no such page.").into_response()
}

/// What the ledger answers, unless that takes too long.
async fn with_timeout<T>(
    work: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, ErrorPage> {
    match tokio::time::timeout(READ_TIMEOUT, work).await {
        Ok(answer) => Ok(answer.map_err(ActionError::Ledger)?),
        Err(_) => Err(ErrorPage::unavailable(
            "The ledger's database takes too long.",
        )),
    }
}
