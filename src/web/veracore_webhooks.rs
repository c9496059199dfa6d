//! `/veracore-webhooks/…`: receives webhooks from VeraCore.
//!
//! `sync` verifies and reads them; this module only answers.

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

use super::request::{read_body, single_header};
use crate::{
    domain::NoticeKind,
    sync::inbox::{Inbox, SignatureHeaders, WebhookRefusal},
};

/// About ten thousand SKUs.
const MAX_BODY: usize = 1 << 20;

const MAX_CONCURRENT_BODIES: usize = 16;
const BODY_SLOT_TIMEOUT: Duration = Duration::from_secs(10);

/// For a sender whose webhook could not be stored.
const RETRY_AFTER_SECONDS: &str = "30";

/// The inbox of the configuration in force.
#[derive(Clone)]
pub struct CurrentInbox {
    inbox: Arc<RwLock<Option<Inbox>>>,
    /// Limits bodies in memory: a signature can be verified only with the whole body.
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
    pub fn replace(&self, inbox: Inbox) {
        *self.inbox.write() = Some(inbox);
    }

    fn current(&self) -> Option<Inbox> {
        self.inbox.read().clone()
    }
}

pub fn webhook_router<S: Clone + Send + Sync + 'static>() -> Router<S>
where
    CurrentInbox: FromRef<S>,
{
    Router::new().route("/veracore-webhooks/{kind}", post(receive_webhook))
}

async fn receive_webhook(
    State(current): State<CurrentInbox>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let signature = SignatureHeaders {
        timestamp: single_header(&headers, "x-veracore-timestamp"),
        signature: single_header(&headers, "x-veracore-signature"),
    };
    let inbox = current.current();
    let kind = NoticeKind::parse(&kind);
    // Some senders fail if the response comes before the end of the body, so a body is always read.
    let is_kept = kind.is_some()
        && inbox.as_ref().is_some_and(Inbox::is_configured)
        && signature.timestamp.is_some()
        && signature.signature.is_some();
    let Ok(Ok(_slot)) = timeout(BODY_SLOT_TIMEOUT, current.body_slots.acquire()).await else {
        return refusal_response(&WebhookRefusal::NotStored);
    };
    let read = read_body(body, if is_kept { MAX_BODY } else { 0 }).await;
    let Some(kind) = kind else {
        return error_response(StatusCode::NOT_FOUND, "Unknown webhook.");
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
    match inbox.receive(kind, signature, &body).await {
        Ok(()) => (StatusCode::ACCEPTED, Json(json!({ "stored": true }))).into_response(),
        Err(refusal) => refusal_response(&refusal),
    }
}

fn refusal_response(refusal: &WebhookRefusal) -> Response {
    let message = refusal.to_string();
    match refusal {
        WebhookRefusal::NotConfigured => error_response(StatusCode::NOT_FOUND, &message),
        WebhookRefusal::Signature(_) => error_response(StatusCode::UNAUTHORIZED, &message),
        WebhookRefusal::Malformed(_) => error_response(StatusCode::BAD_REQUEST, &message),
        WebhookRefusal::NotStored => {
            let mut response = error_response(StatusCode::SERVICE_UNAVAILABLE, &message);
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, seconds);
            response
        }
    }
}

fn error_response(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
