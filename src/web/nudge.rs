//! `POST /vendure-webhooks/order`: somebody says that there may be new orders. What he sends besides
//! is not read: the shop itself is asked, once however often he says so.

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};

use super::{Peer, WebState, access, body, refusal::Refusal};

/// No nudge is larger.
const LARGEST: usize = 1 << 20;

pub(super) fn router() -> Router<WebState> {
    Router::new().route("/vendure-webhooks/order", post(nudge))
}

async fn nudge(
    State(state): State<WebState>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let services = state.live.now().ok_or_else(Refusal::starting)?;
    access::holder_of_token(&services, &state.failures, &headers, peer)?;
    // An answer before the end of the body would cut some senders off.
    body::read(body, LARGEST).await?;
    services.bells.look.notify_one();
    Ok(StatusCode::ACCEPTED)
}
