//! Who is let in: the holder of `API_TOKEN`, or whom Vendure knows.
//!
//! Owns the reading of credentials, how long Vendure's word on one is believed, and how often an
//! address may be wrong. Must not keep a credential: only digests of them.

mod failures;

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};

pub(super) use failures::Failures;

use super::{live::Services, refusal::Refusal};
use crate::vendure::{Credential, LogIn, Permission, StorefrontError};

/// How long Vendure's word is believed: so long a right that was taken away may last.
const BELIEVED: Duration = Duration::from_secs(60);

/// How long it is remembered that somebody was let in: he is asked about again, however often others
/// at his address are wrong.
const REMEMBERED_FOR: Duration = Duration::from_secs(12 * 60 * 60);

/// How many credentials are remembered at once.
const REMEMBERED: usize = 1000;

/// How many credentials Vendure is asked about at once, and how long one waits for its turn: strangers
/// must not take the shop's attention from the orders.
const ASKED_AT_ONCE: usize = 2;
const TURN_PATIENCE: Duration = Duration::from_secs(10);

/// No credential is longer.
const LONGEST: usize = 2048;

const API_KEY_HEADER: &str = "vendure-api-key";

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// For the log.
    pub name: String,
    rights: Rights,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rights {
    All,
    These(BTreeSet<Permission>),
}

impl Admitted {
    /// Whether he holds `API_TOKEN`, and with it every right.
    #[must_use]
    pub fn holds_api_token(&self) -> bool {
        self.rights == Rights::All
    }

    /// Whether he has one of these permissions.
    #[must_use]
    pub fn has_any(&self, wanted: &[Permission]) -> bool {
        match &self.rights {
            Rights::All => true,
            Rights::These(rights) => wanted.iter().any(|permission| rights.contains(permission)),
        }
    }
}

/// What each thing takes: one of these permissions, at whichever door.
pub(super) const READ_ORDERS: &[Permission] = &[Permission::ReadOrder];
pub(super) const UPDATE_ORDERS: &[Permission] = &[Permission::UpdateOrder];
pub(super) const UPDATE_STOCK: &[Permission] =
    &[Permission::UpdateCatalog, Permission::UpdateStockLocation];
pub(super) const UPDATE_SETTINGS: &[Permission] = &[Permission::UpdateSettings];

type Fingerprint = [u8; 32];

/// What is remembered of a credential.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    /// Whose it is, by Vendure's word of late.
    Now(Admitted),
    /// Vendure knew it, and must be asked again.
    Before,
    Never,
}

/// What Vendure said of credentials, for one configuration.
pub struct Access {
    known: Mutex<HashMap<Fingerprint, (Admitted, Instant)>>,
    turns: Semaphore,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            turns: Semaphore::new(ASKED_AT_ONCE),
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access")
    }
}

/// What a request shows.
enum Shown {
    /// `Authorization: Bearer …`.
    Bearer(String),
    ApiKey(String),
}

fn shown(headers: &HeaderMap) -> Option<Shown> {
    let text = |name: &str| -> Option<String> {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?.trim();
        // Two of them are nobody's.
        let fits = values.next().is_none() && !value.is_empty() && value.len() <= LONGEST;
        fits.then(|| value.to_owned())
    };
    if headers.contains_key(header::AUTHORIZATION) {
        let value = text(header::AUTHORIZATION.as_str())?;
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim();
        return (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
            .then(|| Shown::Bearer(token.to_owned()));
    }
    text(API_KEY_HEADER).map(Shown::ApiKey)
}

/// Whether the texts are the same, in a time that tells nothing of where they differ.
fn is_same(a: &str, b: &SecretString) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(a).ct_eq(&digest(b.expose_secret())).into()
}

/// Lets in the holder of `API_TOKEN`, and nobody else.
///
/// # Errors
/// [`Refusal`].
pub(super) fn holder_of_token(
    services: &Services,
    failures: &Failures,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<(), Refusal> {
    let shown = shown(headers);
    if let (Some(Shown::Bearer(token)), Some(ours)) = (&shown, &services.api_token)
        && is_same(token, ours)
    {
        return Ok(());
    }
    // Whoever shows nothing is not guessing.
    if shown.is_some() {
        failures.check(peer, Instant::now())?;
        failures.note(peer, Instant::now());
    }
    Err(Refusal::new(
        StatusCode::UNAUTHORIZED,
        "This needs API_TOKEN as 'Authorization: Bearer …'.",
    ))
}

/// What is said while Vendure cannot be asked.
const NOT_ANSWERING: &str = "Vendure, which knows who you are, does not answer.";

/// Lets in the holder of `API_TOKEN`, and whom Vendure knows.
///
/// # Errors
/// [`Refusal`]: nobody knows him, his address was wrong too often, or Vendure cannot be asked.
pub(super) async fn admit(
    services: &Services,
    failures: &Failures,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Admitted, Refusal> {
    let Some(shown) = shown(headers) else {
        return Err(Refusal::unknown());
    };
    if let (Shown::Bearer(token), Some(ours)) = (&shown, &services.api_token)
        && is_same(token, ours)
    {
        return Ok(Admitted {
            name: "API_TOKEN".into(),
            rights: Rights::All,
        });
    }
    let guessing = Some((failures, peer));
    let recognized = recognize(services, guessing, shown).await;
    recognized.map_err(|mut refusal| {
        if refusal.message == NOT_ANSWERING {
            refusal.message.push_str(" API_TOKEN works without it.");
        }
        refusal
    })
}

/// Who has this session in Vendure. It was sealed by us, so that nobody is guessing.
///
/// # Errors
/// [`Refusal`], as [`admit`].
pub(super) async fn holder_of_session(
    services: &Services,
    token: &SecretString,
) -> Result<Admitted, Refusal> {
    let shown = Shown::Bearer(token.expose_secret().to_owned());
    recognize(services, None, shown).await
}

/// Who had this session in Vendure when it last answered, with the right to look and no other; for
/// those who want to see why it does not.
pub(super) fn former_holder_of_session(
    services: &Services,
    token: &SecretString,
) -> Option<Admitted> {
    let shown = Shown::Bearer(token.expose_secret().to_owned());
    let before = services
        .access
        .remembered(&fingerprint(&shown), Instant::now())?;
    let rights = if before.has_any(READ_ORDERS) {
        BTreeSet::from([Permission::ReadOrder])
    } else {
        BTreeSet::new()
    };
    Some(Admitted {
        name: before.name,
        rights: Rights::These(rights),
    })
}

/// A login by name and password: the token of the new session in Vendure.
///
/// # Errors
/// [`Refusal`]: Vendure does not know him, his address was wrong too often, or Vendure cannot be
/// asked.
pub(super) async fn log_in(
    services: &Services,
    failures: &Failures,
    (username, password): (&str, &SecretString),
    peer: IpAddr,
) -> Result<SecretString, Refusal> {
    failures.check(peer, Instant::now())?;
    let _turn = services.access.turn().await?;
    failures.check(peer, Instant::now())?;
    match services.vendure.log_in_as(username, password).await {
        Ok(LogIn::Known(token)) => Ok(token),
        Ok(LogIn::WithoutToken) => Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Vendure gives no session token: the shop's authOptions.tokenMethod must include 'bearer'.",
        )),
        Ok(LogIn::Unknown) => {
            failures.note(peer, Instant::now());
            Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "Vendure does not know this name and password.",
            ))
        }
        Err(error) => Err(not_answering(&error)),
    }
}

/// `guessing`: whose guess it may be, and where they are counted.
async fn recognize(
    services: &Services,
    guessing: Option<(&Failures, IpAddr)>,
    shown: Shown,
) -> Result<Admitted, Refusal> {
    let fingerprint = fingerprint(&shown);
    // Only strangers are counted, so that one behind the same proxy does not lock out those who were
    // let in before.
    match services.access.known(&fingerprint, Instant::now()) {
        Known::Now(admitted) => return Ok(admitted),
        Known::Before => {}
        Known::Never => check(guessing)?,
    }
    let credential = match shown {
        Shown::Bearer(token) => Credential::Session(token.into()),
        Shown::ApiKey(key) => Credential::ApiKey(key.into()),
    };
    let _turn = services.access.turn().await?;
    // Again: somebody in the same line may have asked for the same, or been wrong meanwhile.
    match services.access.known(&fingerprint, Instant::now()) {
        Known::Now(admitted) => return Ok(admitted),
        Known::Before => {}
        Known::Never => check(guessing)?,
    }
    match services.vendure.identify(&credential).await {
        Ok(Some(caller)) => {
            let admitted = Admitted {
                name: caller.name,
                rights: Rights::These(caller.permissions),
            };
            services
                .access
                .remember(fingerprint, &admitted, Instant::now());
            Ok(admitted)
        }
        Ok(None) => {
            if let Some((failures, peer)) = guessing {
                failures.note(peer, Instant::now());
            }
            services.access.forget(&fingerprint);
            Err(Refusal::unknown())
        }
        Err(error) => Err(not_answering(&error)),
    }
}

fn check(guessing: Option<(&Failures, IpAddr)>) -> Result<(), Refusal> {
    guessing.map_or(Ok(()), |(failures, peer)| {
        failures.check(peer, Instant::now())
    })
}

fn not_answering(error: &StorefrontError) -> Refusal {
    tracing::debug!(%error, "a caller could not be looked up");
    not_answering_in_time()
}

/// Vendure was asked and did not say who somebody is.
pub(super) fn not_answering_in_time() -> Refusal {
    Refusal {
        retry_after: Some(Duration::from_secs(10)),
        ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NOT_ANSWERING)
    }
}

fn fingerprint(shown: &Shown) -> Fingerprint {
    let (kind, text) = match shown {
        Shown::Bearer(token) => (b"session:".as_slice(), token),
        Shown::ApiKey(key) => (b"api-key:".as_slice(), key),
    };
    Sha256::new()
        .chain_update(kind)
        .chain_update(text.as_bytes())
        .finalize()
        .into()
}

impl Access {
    /// A turn to ask Vendure about somebody.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        match timeout(TURN_PATIENCE, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Refusal {
                retry_after: Some(TURN_PATIENCE),
                ..Refusal::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Too many credentials are being looked at; try again shortly.",
                )
            }),
        }
    }

    fn remembered(&self, fingerprint: &Fingerprint, now: Instant) -> Option<Admitted> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (admitted, since) = known.get(fingerprint)?;
        (now.duration_since(*since) < REMEMBERED_FOR).then(|| admitted.clone())
    }

    fn known(&self, fingerprint: &Fingerprint, now: Instant) -> Known {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(fingerprint) {
            Some((admitted, since)) if now.duration_since(*since) < BELIEVED => {
                Known::Now(admitted.clone())
            }
            Some((_, since)) if now.duration_since(*since) < REMEMBERED_FOR => Known::Before,
            _ => Known::Never,
        }
    }

    fn forget(&self, fingerprint: &Fingerprint) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(fingerprint);
    }

    fn remember(&self, fingerprint: Fingerprint, admitted: &Admitted, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, (_, since)| now.duration_since(*since) < REMEMBERED_FOR);
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(fingerprint, (admitted.clone(), now));
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
