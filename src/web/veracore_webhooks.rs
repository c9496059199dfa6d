//! `/veracore-webhooks/…`: what VeraCore tells of its own accord.
//!
//! Owns what the answers look like. Whose a webhook is and what it says are `sync`'s to find out.

use parking_lot::RwLock;
use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{FromRef, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::json;
use tokio::{sync::Semaphore, time::timeout};

use super::{WebState, body};
use crate::{
    domain::NoticeKind,
    sync::inbox::{Inbox, SignatureHeaders, WebhookRefusal},
};

/// The largest body that is read: some ten thousand SKUs.
const MAX_BODY: usize = 1 << 20;

/// Bodies that are held at once, and how long one waits for its turn.
const MAX_CONCURRENT_BODIES: usize = 16;
const BODY_SLOT_TIMEOUT: Duration = Duration::from_secs(10);

/// When a sender may try again what could not be stored.
const RETRY_AFTER_SECONDS: &str = "30";

/// The inbox of the configuration in force: its secret may change while the server runs.
#[derive(Clone)]
pub struct CurrentInbox {
    inbox: Arc<RwLock<Option<Inbox>>>,
    /// Whose a body is shows only when all of it is there.
    body_slots: Arc<Semaphore>,
}

impl Default for CurrentInbox {
    fn default() -> Self {
        Self {
            inbox: Arc::default(),
            body_slots: Arc::new(Semaphore::new(MAX_CONCURRENT_BODIES)),
        }
    }
}

impl CurrentInbox {
    /// From now on this one takes what comes. Before the first one nobody knows the secret.
    pub fn replace(&self, inbox: Inbox) {
        *self.inbox.write() = Some(inbox);
    }

    fn current(&self) -> Option<Inbox> {
        self.inbox.read().clone()
    }
}

impl FromRef<WebState> for CurrentInbox {
    fn from_ref(state: &WebState) -> Self {
        state.inbox.clone()
    }
}

/// The addresses of webhooks.
pub fn webhook_router<S: Clone + Send + Sync + 'static>() -> Router<S>
where
    CurrentInbox: FromRef<S>,
{
    Router::new().route("/veracore-webhooks/{kind}", post(receive_webhook))
}

async fn receive_webhook(
    State(inboxes): State<CurrentInbox>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let seal = SignatureHeaders {
        timestamp: single_header(&headers, "x-veracore-timestamp"),
        signature: single_header(&headers, "x-veracore-signature"),
    };
    let inbox = inboxes.current();
    let kind = NoticeKind::parse(&kind);
    // What cannot be right is read to its end, since an answer before that would cut some senders
    // off; but it is not kept.
    let is_kept = kind.is_some()
        && inbox.as_ref().is_some_and(Inbox::is_configured)
        && seal.timestamp.is_some()
        && seal.signature.is_some();
    let Ok(Ok(_place)) = timeout(BODY_SLOT_TIMEOUT, inboxes.body_slots.acquire()).await else {
        return refusal_response(&WebhookRefusal::NotStored);
    };
    let read = body::read(body, if is_kept { MAX_BODY } else { 0 }).await;
    let Some(kind) = kind else {
        return error_response(StatusCode::NOT_FOUND, "There is no such webhook.");
    };
    let Some(inbox) = inbox else {
        return refusal_response(&WebhookRefusal::NotStored);
    };
    if !inbox.is_configured() {
        return refusal_response(&WebhookRefusal::NotConfigured);
    }
    let body = match read {
        Ok(body) => body,
        Err(refusal) if is_kept => return error_response(refusal.status, &refusal.message),
        Err(_) => Bytes::new(),
    };
    match inbox.receive(kind, seal, &body).await {
        Ok(()) => (StatusCode::ACCEPTED, Json(json!({ "stored": true }))).into_response(),
        Err(refusal) => refusal_response(&refusal),
    }
}

/// A header that is there once: of two, nobody knows which one was meant.
fn single_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn refusal_response(refusal: &WebhookRefusal) -> Response {
    let sentence = refusal.to_string();
    match refusal {
        WebhookRefusal::NotConfigured => error_response(StatusCode::NOT_FOUND, &sentence),
        WebhookRefusal::Signature(_) => error_response(StatusCode::UNAUTHORIZED, &sentence),
        WebhookRefusal::Malformed(_) => error_response(StatusCode::BAD_REQUEST, &sentence),
        WebhookRefusal::NotStored => {
            let mut response = error_response(StatusCode::SERVICE_UNAVAILABLE, &sentence);
            let again = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, again);
            response
        }
    }
}

fn error_response(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}
