//! `POST /vendure-webhooks/order`: somebody says that there may be new orders. What he sends besides
//! is not read: the shop itself is asked, once however often he says so.

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};

use super::{PeerIp, WebState, access, body, request_error::RequestError};

/// No nudge is larger.
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
    let services = state
        .services
        .current()
        .ok_or_else(RequestError::starting)?;
    access::require_api_token(&services, &state.failed_credentials, &headers, peer)?;
    // An answer before the end of the body would cut some senders off.
    body::read(body, MAX_BODY).await?;
    services.wakeup.discovery.notify_one();
    Ok(StatusCode::ACCEPTED)
}
