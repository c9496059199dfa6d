//! `/veracore-webhooks/…`: what VeraCore tells of its own accord.
//!
//! Owns what the answers look like. Whose a webhook is and what it says are `sync`'s to find out.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Path, Request, State},
    http::{HeaderMap, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::json;

use super::WebState;
use crate::{
    domain::NewsKind,
    sync::webhooks::{Inbox, Refusal, Seal},
};

/// The largest body that is read: some ten thousand SKUs.
const MAX_BODY: usize = 1 << 20;

/// How long a body may take: whoever sends slowly holds a connection.
const PATIENCE: Duration = Duration::from_secs(20);

/// When a sender may try again what could not be stored.
const AGAIN: &str = "30";

/// The inbox of the configuration in force: its secret may change while the server runs.
#[derive(Clone)]
pub struct Inboxes(Arc<RwLock<Inbox>>);

impl Inboxes {
    #[must_use]
    pub fn of(inbox: Inbox) -> Self {
        Self(Arc::new(RwLock::new(inbox)))
    }

    /// From now on this one takes what comes.
    pub fn replace(&self, inbox: Inbox) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = inbox;
    }

    fn now(&self) -> Inbox {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

pub(super) fn router() -> Router<WebState> {
    Router::new()
        .route("/veracore-webhooks/{kind}", post(receive))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn receive(
    State(state): State<WebState>,
    Path(kind): Path<String>,
    request: Request,
) -> Response {
    let inbox = state.inboxes.now();
    let Some(kind) = NewsKind::parse(&kind) else {
        return refused(StatusCode::NOT_FOUND, "There is no such webhook.");
    };
    if !inbox.is_open() {
        return answer(&Refusal::Closed);
    }
    let headers = request.headers().clone();
    let read = tokio::time::timeout(PATIENCE, Bytes::from_request(request, &()));
    let body = match read.await {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let most = format!("The body is larger than {MAX_BODY} bytes.");
            return refused(StatusCode::PAYLOAD_TOO_LARGE, &most);
        }
        Ok(Err(_)) => return refused(StatusCode::BAD_REQUEST, "The body broke off."),
        Err(_) => return refused(StatusCode::REQUEST_TIMEOUT, "The body took too long."),
    };
    let seal = Seal {
        timestamp: single(&headers, "x-veracore-timestamp"),
        signature: single(&headers, "x-veracore-signature"),
    };
    match inbox.receive(kind, seal, &body).await {
        Ok(()) => (StatusCode::ACCEPTED, Json(json!({ "stored": true }))).into_response(),
        Err(refusal) => answer(&refusal),
    }
}

/// A header that is there once: of two, nobody knows which one was meant.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn answer(refusal: &Refusal) -> Response {
    let sentence = refusal.to_string();
    match refusal {
        Refusal::Closed => refused(StatusCode::NOT_FOUND, &sentence),
        Refusal::Unsigned(_) => refused(StatusCode::UNAUTHORIZED, &sentence),
        Refusal::Bad(_) => refused(StatusCode::BAD_REQUEST, &sentence),
        Refusal::NotStored => {
            let mut response = refused(StatusCode::SERVICE_UNAVAILABLE, &sentence);
            let again = axum::http::HeaderValue::from_static(AGAIN);
            response.headers_mut().insert(RETRY_AFTER, again);
            response
        }
    }
}

fn refused(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}
