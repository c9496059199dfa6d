//! Sends VeraCore's webhooks, with its signatures.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Client;
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use veracore_sync::{
    clock::SharedClock,
    lifecycle::TaskGroup,
    sync::inbox::Inbox,
    web::{self, CurrentInbox},
};

use super::World;

pub const WEBHOOK_SECRET: &str = "a secret of VeraCore's and ours";

/// The number of webhooks delivered.
static SENT: AtomicUsize = AtomicUsize::new(1);

/// Sends webhooks to one process.
pub struct WebhookSender {
    http: Client,
    address: SocketAddr,
    clock: SharedClock,
}

/// A webhook with its headers.
#[derive(Debug, Clone)]
pub struct SignedWebhook {
    pub timestamp: Option<String>,
    pub signature: Option<String>,
    pub body: Vec<u8>,
}

impl SignedWebhook {
    pub fn new(secret: &str, timestamp: &str, body: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{timestamp}.").as_bytes());
        mac.update(body);
        let digits: String = mac
            .finalize()
            .into_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            timestamp: Some(timestamp.into()),
            signature: Some(format!("sha256={digits}")),
            body: body.into(),
        }
    }
}

impl WebhookSender {
    /// A sender to a process.
    #[expect(clippy::disallowed_methods, reason = "the tests' own client")]
    pub fn to(address: SocketAddr, world: &World) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            http: Client::new(),
            address,
            clock: Arc::clone(&world.clock),
        }
    }

    /// A sender to an inbox, behind its own server in this process.
    pub async fn to_inbox(inbox: Inbox, world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inboxes = CurrentInbox::default();
        inboxes.replace(inbox);
        let router = web::webhook_router().with_state(inboxes);
        TaskGroup::new().spawn("serve_webhooks", async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self::to(address, world)
    }

    /// The timestamp this many seconds from now.
    pub fn at(&self, seconds: i64) -> String {
        (self.clock.now().timestamp() + seconds).to_string()
    }

    /// Signs a body with the current time.
    pub fn sign(&self, body: &[u8]) -> SignedWebhook {
        SignedWebhook::new(WEBHOOK_SECRET, &self.at(0), body)
    }

    /// Sends a webhook; returns the status and error message of the response.
    pub async fn send(&self, kind: &str, webhook: &SignedWebhook) -> (u16, String) {
        self.try_send(kind, webhook).await.unwrap()
    }

    /// The same; `None` if the receiver crashes.
    pub async fn try_send(&self, kind: &str, webhook: &SignedWebhook) -> Option<(u16, String)> {
        let url = format!("http://{}/veracore-webhooks/{kind}", self.address);
        let mut request = self.http.post(url).body(webhook.body.clone());
        for (name, value) in [
            ("X-VeraCore-Timestamp", &webhook.timestamp),
            ("X-VeraCore-Signature", &webhook.signature),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        Some((status, body["error"].as_str().unwrap_or_default().into()))
    }

    /// Signs and sends a webhook that must be accepted. A different number of trailing spaces keeps
    /// equal bodies within one second from being refused as replays.
    pub async fn deliver(&self, kind: &str, body: &Value) {
        let spaces = SENT.fetch_add(1, Ordering::Relaxed);
        let text = format!("{body}{}", " ".repeat(spaces));
        let answer = self.send(kind, &self.sign(text.as_bytes())).await;
        assert_eq!(answer, (202, String::new()), "{kind}: {body}");
    }
}
