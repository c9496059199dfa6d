//! `/veracore-webhooks/…`: what VeraCore tells of its own accord.
//!
//! Owns what the answers look like. Whose a webhook is and what it says are `sync`'s to find out.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

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
    domain::NewsKind,
    sync::webhooks::{Inbox, Refusal, Seal},
};

/// The largest body that is read: some ten thousand SKUs.
const MAX_BODY: usize = 1 << 20;

/// Bodies that are held at once, and how long one waits for its turn.
const BODIES: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);

/// When a sender may try again what could not be stored.
const AGAIN: &str = "30";

/// The inbox of the configuration in force: its secret may change while the server runs.
#[derive(Clone)]
pub struct Inboxes {
    inbox: Arc<RwLock<Option<Inbox>>>,
    /// Whose a body is shows only when all of it is there.
    bodies: Arc<Semaphore>,
}

impl Default for Inboxes {
    fn default() -> Self {
        Self {
            inbox: Arc::default(),
            bodies: Arc::new(Semaphore::new(BODIES)),
        }
    }
}

impl Inboxes {
    /// From now on this one takes what comes. Before the first one nobody knows the secret.
    pub fn put(&self, inbox: Inbox) {
        *self.inbox.write().unwrap_or_else(PoisonError::into_inner) = Some(inbox);
    }

    fn now(&self) -> Option<Inbox> {
        self.inbox
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl FromRef<WebState> for Inboxes {
    fn from_ref(state: &WebState) -> Self {
        state.inboxes.clone()
    }
}

/// The addresses of webhooks.
pub fn webhooks<S: Clone + Send + Sync + 'static>() -> Router<S>
where
    Inboxes: FromRef<S>,
{
    Router::new().route("/veracore-webhooks/{kind}", post(receive))
}

async fn receive(
    State(inboxes): State<Inboxes>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let seal = Seal {
        timestamp: single(&headers, "x-veracore-timestamp"),
        signature: single(&headers, "x-veracore-signature"),
    };
    let inbox = inboxes.now();
    let kind = NewsKind::parse(&kind);
    // What cannot be right is read to its end, since an answer before that would cut some senders
    // off; but it is not kept.
    let is_kept = kind.is_some()
        && inbox.as_ref().is_some_and(Inbox::is_open)
        && seal.timestamp.is_some()
        && seal.signature.is_some();
    let Ok(Ok(_place)) = timeout(PATIENCE, inboxes.bodies.acquire()).await else {
        return answer(&Refusal::NotStored);
    };
    let read = body::read(body, if is_kept { MAX_BODY } else { 0 }).await;
    let Some(kind) = kind else {
        return refused(StatusCode::NOT_FOUND, "There is no such webhook.");
    };
    let Some(inbox) = inbox else {
        return answer(&Refusal::NotStored);
    };
    if !inbox.is_open() {
        return answer(&Refusal::Closed);
    }
    let body = match read {
        Ok(body) => body,
        Err(refusal) if is_kept => return refused(refusal.status, &refusal.message),
        Err(_) => Bytes::new(),
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
            let again = HeaderValue::from_static(AGAIN);
            response.headers_mut().insert(RETRY_AFTER, again);
            response
        }
    }
}

fn refused(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}
