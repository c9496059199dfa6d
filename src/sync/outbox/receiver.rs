//! The client of the events' receiver: one signed POST per event.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use url::Url;

use crate::{
    clock::SharedClock,
    domain::text::hex,
    http::{CallError, CallKind, Circuit, Upstream, UpstreamLimits, hmac_sha256},
    ledger::ClaimedEvent,
    telemetry::metrics::UpstreamLabel,
};

/// Only the status of a response matters; a larger body counts as a failure.
const MAX_RESPONSE_BYTES: usize = 1 << 20;

const OPERATION: &str = "deliver_event";

pub const MAX_IN_FLIGHT: usize = 4;

/// Where events are posted, and what signs them.
pub struct EventReceiver {
    upstream: Upstream,
    url: Url,
    secret: SecretString,
    clock: SharedClock,
}

impl EventReceiver {
    pub fn new(
        url: Url,
        secret: SecretString,
        timeout: Duration,
        clock: SharedClock,
    ) -> Result<Self, reqwest::Error> {
        let limits = UpstreamLimits {
            timeout,
            connect_timeout: timeout,
            max_body_bytes: MAX_RESPONSE_BYTES,
            max_concurrency: MAX_IN_FLIGHT,
            max_per_second: None,
        };
        Ok(Self {
            upstream: Upstream::new(
                "the receiver of events",
                UpstreamLabel::Events,
                limits,
                clock.clone(),
            )?,
            url,
            secret,
            clock,
        })
    }

    pub fn circuit(&self) -> Circuit {
        self.upstream.circuit()
    }

    pub(super) async fn post(&self, event: &ClaimedEvent) -> Result<(), CallError> {
        let body = event_body(event);
        let timestamp = self.clock.now().timestamp();
        let signature = sign(&self.secret, timestamp, &body);
        let request = self
            .upstream
            .request(Method::POST, self.url.clone())
            .header("content-type", "application/json")
            .header("x-sync-timestamp", timestamp)
            .header("x-sync-signature", signature)
            .body(body);
        let answer = self
            .upstream
            .send(OPERATION, CallKind::IdempotentWrite, request)
            .await?;
        // Not the body of a failure: it may contain anything.
        answer.error_for_status(|_| String::new()).map(drop)
    }
}

fn event_body(event: &ClaimedEvent) -> String {
    let ClaimedEvent {
        id,
        event_type,
        occurred_at,
        data,
        ..
    } = event;
    json!({ "id": id, "type": event_type, "occurredAt": format_timestamp(*occurred_at), "data": data })
        .to_string()
}

fn format_timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `sha256=` and the HMAC-SHA256 of `timestamp.body` in hex.
fn sign(secret: &SecretString, timestamp: i64, body: &str) -> String {
    let (key, timestamp) = (secret.expose_secret().as_bytes(), timestamp.to_string());
    let mac = hmac_sha256(key, &[timestamp.as_bytes(), b".", body.as_bytes()]);
    format!("sha256={}", hex(&mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The other side's values are from `openssl dgst -sha256 -hmac` and from Python's `hmac`.
    #[test]
    fn the_signature_is_what_others_compute() {
        let secret = SecretString::from("the-secret-of-the-receiver");
        assert_eq!(
            sign(
                &secret,
                1_764_072_000,
                r#"{"id":"1","type":"order.accepted"}"#
            ),
            "sha256=c11523459b2d2c9dee891bbec6f6c261fcd5b2f519ae1897832a0cb391b86691"
        );
        let long = SecretString::from("k".repeat(200));
        assert_eq!(
            sign(&long, 0, "Grüße"),
            "sha256=e3b05f13906618b8677f2aa44e3e74a06256980f8d2a082d2e6d9131e62e7141"
        );
    }
}
