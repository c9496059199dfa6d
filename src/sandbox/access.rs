//! Access tokens and the `Authorization` header.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};

/// Shared by all sandboxes of a process, so that no sandbox accepts a token of another one.
static TOKENS_ISSUED: AtomicU64 = AtomicU64::new(0);

/// The tokens that have not expired, with their expiry times.
#[derive(Default)]
pub(super) struct Access {
    tokens: HashMap<String, DateTime<Utc>>,
}

impl Access {
    pub fn issue(&mut self, lifetime: Duration, now: DateTime<Utc>) -> String {
        self.tokens.retain(|_, expiry| *expiry > now);
        let serial = TOKENS_ISSUED.fetch_add(1, Ordering::Relaxed) + 1;
        let token = format!("sandbox-{:x}-{serial}", now.timestamp_micros());
        let expiry = TimeDelta::from_std(lifetime)
            .ok()
            .and_then(|lifetime| now.checked_add_signed(lifetime))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.tokens.insert(token.clone(), expiry);
        token
    }

    pub fn is_valid(&self, token: &str, now: DateTime<Utc>) -> bool {
        self.tokens.get(token).is_some_and(|expiry| *expiry > now)
    }

    pub fn expire_all(&mut self) {
        self.tokens.clear();
    }
}

/// The content of an `Authorization` header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential {
    Basic { id: String, secret: String },
    Bearer(String),
}

impl Credential {
    /// `None` for another scheme or a malformed header.
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Bearer(rest.trim().to_owned()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        Some(Self::Basic {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }

    pub fn is_client(&self, client_id: &str, client_secret: &str) -> bool {
        matches!(self, Self::Basic { id, secret } if id == client_id && secret == client_secret)
    }
}
