//! VeraCore, telling of its own accord: webhooks, signed as it signs them.

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

/// How often anything was told.
static TOLD: AtomicUsize = AtomicUsize::new(1);

/// Sends webhooks to one process.
pub struct Sender {
    http: Client,
    address: SocketAddr,
    clock: SharedClock,
}

/// A webhook, ready to be sent.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub timestamp: Option<String>,
    pub signature: Option<String>,
    pub body: Vec<u8>,
}

impl Sealed {
    pub fn with(secret: &str, timestamp: &str, body: &[u8]) -> Self {
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

impl Sender {
    /// To whoever listens there.
    #[expect(clippy::disallowed_methods, reason = "VeraCore's own way to us")]
    pub fn to(address: SocketAddr, world: &World) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            http: Client::new(),
            address,
            clock: Arc::clone(&world.clock),
        }
    }

    /// To a server of its own in this process.
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

    /// Seconds from now, for a seal.
    pub fn at(&self, seconds: i64) -> String {
        (self.clock.now().timestamp() + seconds).to_string()
    }

    /// Signs a body as of now.
    pub fn sign(&self, body: &[u8]) -> Sealed {
        Sealed::with(WEBHOOK_SECRET, &self.at(0), body)
    }

    /// The status and the sentence that come back.
    pub async fn send(&self, kind: &str, sealed: &Sealed) -> (u16, String) {
        self.try_send(kind, sealed).await.unwrap()
    }

    /// The same; nothing when the receiver dies over it.
    pub async fn try_send(&self, kind: &str, sealed: &Sealed) -> Option<(u16, String)> {
        let url = format!("http://{}/veracore-webhooks/{kind}", self.address);
        let mut request = self.http.post(url).body(sealed.body.clone());
        for (name, value) in [
            ("X-VeraCore-Timestamp", &sealed.timestamp),
            ("X-VeraCore-Signature", &sealed.signature),
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

    /// Signs and sends what must be taken. The same told twice within a second would be a replay: each
    /// has another number of spaces at its end.
    pub async fn tell(&self, kind: &str, body: &Value) {
        let spaces = TOLD.fetch_add(1, Ordering::Relaxed);
        let text = format!("{body}{}", " ".repeat(spaces));
        let answer = self.send(kind, &self.sign(text.as_bytes())).await;
        assert_eq!(answer, (202, String::new()), "{kind}: {body}");
    }
}
