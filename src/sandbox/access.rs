//! Who may call: the one client's credentials, and the tokens given out for them.
//!
//! Owns tokens and their ends. Must not answer anything itself.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};

/// Counts over all sandboxes of a process, so that no sandbox takes another one's token.
static TOKENS_MADE: AtomicU64 = AtomicU64::new(0);

/// Tokens that are still good, and when each ends.
#[derive(Default)]
pub(super) struct Access {
    live: HashMap<String, DateTime<Utc>>,
}

impl Access {
    pub fn issue(&mut self, lifetime: Duration, now: DateTime<Utc>) -> String {
        self.live.retain(|_, end| *end > now);
        let serial = TOKENS_MADE.fetch_add(1, Ordering::Relaxed) + 1;
        let token = format!("sandbox-{:x}-{serial}", now.timestamp_micros());
        let end = TimeDelta::from_std(lifetime)
            .ok()
            .and_then(|lifetime| now.checked_add_signed(lifetime))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.live.insert(token.clone(), end);
        token
    }

    pub fn is_live(&self, token: &str, now: DateTime<Utc>) -> bool {
        self.live.get(token).is_some_and(|end| *end > now)
    }

    pub fn expire_all(&mut self) {
        self.live.clear();
    }
}

/// What an `Authorization` header holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential {
    Basic { id: String, secret: String },
    Bearer(String),
}

impl Credential {
    /// `None` for a header of any other kind, or a broken one.
    pub fn read(header: &str) -> Option<Self> {
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
