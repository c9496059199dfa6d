//! `POST /vendure-webhooks/order`: wakes order discovery.
//!
//! The body is ignored: discovery asks Vendure, once for any number of calls.

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};

use super::{
    request::read_body,
    request_error::RequestError,
    state::{PeerIp, WebState},
};

const MAX_BODY: usize = 1 << 20;

pub(super) fn router() -> Router<WebState> {
    Router::new().route("/vendure-webhooks/order", post(receive_order_webhook))
}

async fn receive_order_webhook(
    State(state): State<WebState>,
    ConnectInfo(PeerIp(peer)): ConnectInfo<PeerIp>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, RequestError> {
    let services = state.services.require()?;
    services
        .authenticator
        .require_api_token(&state.failed_credentials, &headers, peer)?;
    // Some senders fail if the response comes before the end of the body.
    read_body(body, MAX_BODY).await?;
    services.wakeup.discovery.notify_one();
    Ok(StatusCode::ACCEPTED)
}
