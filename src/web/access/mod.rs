//! Who is let in: the holder of `API_TOKEN`, or whom Vendure knows.
//!
//! Owns the reading of credentials, how long Vendure's word on one is believed, and how often an
//! address may be wrong. Must not keep a credential: only digests of them.

mod failed_attempts;

use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    net::IpAddr,
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

pub(super) use failed_attempts::FailedAttempts;

use super::{request_error::RequestError, services::Services};
use crate::vendure::{CallerCredential, CallerLogin, Permission, StorefrontError};

/// How long Vendure's word is believed: so long a right that was taken away may last.
const IDENTITY_FRESH_FOR: Duration = Duration::from_secs(60);

/// How long it is remembered that somebody was let in: he is asked about again, however often others
/// at his address are wrong.
const IDENTITY_KEPT_FOR: Duration = Duration::from_secs(12 * 60 * 60);

/// How many credentials are remembered at once.
const MAX_CACHED_IDENTITIES: usize = 1000;

/// How many credentials Vendure is asked about at once, and how long one waits for its turn: strangers
/// must not take the shop's attention from the orders.
const MAX_CONCURRENT_LOOKUPS: usize = 2;
const LOOKUP_SLOT_TIMEOUT: Duration = Duration::from_secs(10);

/// No credential is longer.
const MAX_CREDENTIAL_BYTES: usize = 2048;

const API_KEY_HEADER: &str = "vendure-api-key";

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// For the log.
    pub name: String,
    rights: Rights,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rights {
    All,
    Only(BTreeSet<Permission>),
}

impl Principal {
    /// Whether he holds `API_TOKEN`, and with it every right.
    pub fn holds_api_token(&self) -> bool {
        self.rights == Rights::All
    }

    /// Whether he has one of these permissions.
    pub fn has_any_permission(&self, wanted: &[Permission]) -> bool {
        match &self.rights {
            Rights::All => true,
            Rights::Only(rights) => wanted.iter().any(|permission| rights.contains(permission)),
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
enum CachedIdentity {
    /// Whose it is, by Vendure's word of late.
    Fresh(Principal),
    /// Vendure knew it, and must be asked again.
    Stale,
    Unknown,
}

/// What Vendure said of credentials, for one configuration.
pub struct CredentialCache {
    identities: Mutex<HashMap<Fingerprint, (Principal, Instant)>>,
    lookup_slots: Semaphore,
}

impl Default for CredentialCache {
    fn default() -> Self {
        Self {
            identities: Mutex::default(),
            lookup_slots: Semaphore::new(MAX_CONCURRENT_LOOKUPS),
        }
    }
}

impl fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access")
    }
}

/// What a request shows.
enum RequestCredential {
    /// `Authorization: Bearer …`.
    Bearer(String),
    ApiKey(String),
}

fn read_credential(headers: &HeaderMap) -> Option<RequestCredential> {
    let text = |name: &str| -> Option<String> {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?.trim();
        // Two of them are nobody's.
        let fits =
            values.next().is_none() && !value.is_empty() && value.len() <= MAX_CREDENTIAL_BYTES;
        fits.then(|| value.to_owned())
    };
    if headers.contains_key(header::AUTHORIZATION) {
        let value = text(header::AUTHORIZATION.as_str())?;
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim();
        return (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
            .then(|| RequestCredential::Bearer(token.to_owned()));
    }
    text(API_KEY_HEADER).map(RequestCredential::ApiKey)
}

/// Whether the texts are the same, in a time that tells nothing of where they differ.
fn constant_time_eq(a: &str, b: &SecretString) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(a).ct_eq(&digest(b.expose_secret())).into()
}

/// Lets in the holder of `API_TOKEN`, and nobody else.
///
/// # Errors
/// [`Refusal`].
pub(super) fn require_api_token(
    services: &Services,
    failures: &FailedAttempts,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<(), RequestError> {
    let shown = read_credential(headers);
    if let (Some(RequestCredential::Bearer(token)), Some(ours)) = (&shown, &services.api_token)
        && constant_time_eq(token, ours)
    {
        return Ok(());
    }
    // Whoever shows nothing is not guessing.
    if shown.is_some() {
        failures.check(peer, Instant::now())?;
        failures.record(peer, Instant::now());
    }
    Err(RequestError::new(
        StatusCode::UNAUTHORIZED,
        "This needs API_TOKEN as 'Authorization: Bearer …'.",
    ))
}

/// What is said while Vendure cannot be asked.
const VENDURE_UNAVAILABLE: &str = "Vendure, which knows who you are, does not answer.";

/// Lets in the holder of `API_TOKEN`, and whom Vendure knows.
///
/// # Errors
/// [`Refusal`]: nobody knows him, his address was wrong too often, or Vendure cannot be asked.
pub(super) async fn authenticate(
    services: &Services,
    failures: &FailedAttempts,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Principal, RequestError> {
    let Some(shown) = read_credential(headers) else {
        return Err(RequestError::unauthorized());
    };
    if let (RequestCredential::Bearer(token), Some(ours)) = (&shown, &services.api_token)
        && constant_time_eq(token, ours)
    {
        return Ok(Principal {
            name: "API_TOKEN".into(),
            rights: Rights::All,
        });
    }
    let guessing = Some((failures, peer));
    let recognized = identify_caller(services, guessing, shown).await;
    recognized.map_err(|mut refusal| {
        if refusal.message == VENDURE_UNAVAILABLE {
            refusal.message.push_str(" API_TOKEN works without it.");
        }
        refusal
    })
}

/// Who has this session in Vendure. It was sealed by us, so that nobody is guessing.
///
/// # Errors
/// [`Refusal`], as [`admit`].
pub(super) async fn authenticate_session(
    services: &Services,
    token: &SecretString,
) -> Result<Principal, RequestError> {
    let shown = RequestCredential::Bearer(token.expose_secret().to_owned());
    identify_caller(services, None, shown).await
}

/// Who had this session in Vendure when it last answered, with the right to look and no other; for
/// those who want to see why it does not.
pub(super) fn last_known_principal(services: &Services, token: &SecretString) -> Option<Principal> {
    let shown = RequestCredential::Bearer(token.expose_secret().to_owned());
    let before = services
        .credential_cache
        .last_known(&fingerprint(&shown), Instant::now())?;
    let rights = if before.has_any_permission(READ_ORDERS) {
        BTreeSet::from([Permission::ReadOrder])
    } else {
        BTreeSet::new()
    };
    Some(Principal {
        name: before.name,
        rights: Rights::Only(rights),
    })
}

/// A login by name and password: the token of the new session in Vendure.
///
/// # Errors
/// [`Refusal`]: Vendure does not know him, his address was wrong too often, or Vendure cannot be
/// asked.
pub(super) async fn log_in(
    services: &Services,
    failures: &FailedAttempts,
    (username, password): (&str, &SecretString),
    peer: IpAddr,
) -> Result<SecretString, RequestError> {
    failures.check(peer, Instant::now())?;
    let _turn = services.credential_cache.acquire_lookup_slot().await?;
    failures.check(peer, Instant::now())?;
    match services
        .identity_client
        .log_in_caller(username, password)
        .await
    {
        Ok(CallerLogin::Accepted(token)) => Ok(token),
        Ok(CallerLogin::NoToken) => Err(RequestError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Vendure gives no session token: the shop's authOptions.tokenMethod must include 'bearer'.",
        )),
        Ok(CallerLogin::Rejected) => {
            failures.record(peer, Instant::now());
            Err(RequestError::new(
                StatusCode::UNAUTHORIZED,
                "Vendure does not know this name and password.",
            ))
        }
        Err(error) => Err(vendure_unavailable(&error)),
    }
}

/// `guessing`: whose guess it may be, and where they are counted.
async fn identify_caller(
    services: &Services,
    guessing: Option<(&FailedAttempts, IpAddr)>,
    shown: RequestCredential,
) -> Result<Principal, RequestError> {
    let fingerprint = fingerprint(&shown);
    // Only strangers are counted, so that one behind the same proxy does not lock out those who were
    // let in before.
    match services
        .credential_cache
        .lookup(&fingerprint, Instant::now())
    {
        CachedIdentity::Fresh(admitted) => return Ok(admitted),
        CachedIdentity::Stale => {}
        CachedIdentity::Unknown => check_throttle(guessing)?,
    }
    let credential = match shown {
        RequestCredential::Bearer(token) => CallerCredential::Session(token.into()),
        RequestCredential::ApiKey(key) => CallerCredential::ApiKey(key.into()),
    };
    let _turn = services.credential_cache.acquire_lookup_slot().await?;
    // Again: somebody in the same line may have asked for the same, or been wrong meanwhile.
    match services
        .credential_cache
        .lookup(&fingerprint, Instant::now())
    {
        CachedIdentity::Fresh(admitted) => return Ok(admitted),
        CachedIdentity::Stale => {}
        CachedIdentity::Unknown => check_throttle(guessing)?,
    }
    match services.identity_client.identify_caller(&credential).await {
        Ok(Some(caller)) => {
            let admitted = Principal {
                name: caller.name,
                rights: Rights::Only(caller.permissions),
            };
            services
                .credential_cache
                .insert(fingerprint, &admitted, Instant::now());
            Ok(admitted)
        }
        Ok(None) => {
            if let Some((failures, peer)) = guessing {
                failures.record(peer, Instant::now());
            }
            services.credential_cache.remove(&fingerprint);
            Err(RequestError::unauthorized())
        }
        Err(error) => Err(vendure_unavailable(&error)),
    }
}

fn check_throttle(guessing: Option<(&FailedAttempts, IpAddr)>) -> Result<(), RequestError> {
    guessing.map_or(Ok(()), |(failures, peer)| {
        failures.check(peer, Instant::now())
    })
}

fn vendure_unavailable(error: &StorefrontError) -> RequestError {
    tracing::debug!(%error, "a caller could not be looked up");
    vendure_timed_out()
}

/// Vendure was asked and did not say who somebody is.
pub(super) fn vendure_timed_out() -> RequestError {
    RequestError {
        retry_after: Some(Duration::from_secs(10)),
        ..RequestError::new(StatusCode::SERVICE_UNAVAILABLE, VENDURE_UNAVAILABLE)
    }
}

fn fingerprint(shown: &RequestCredential) -> Fingerprint {
    let (kind, text) = match shown {
        RequestCredential::Bearer(token) => (b"session:".as_slice(), token),
        RequestCredential::ApiKey(key) => (b"api-key:".as_slice(), key),
    };
    Sha256::new()
        .chain_update(kind)
        .chain_update(text.as_bytes())
        .finalize()
        .into()
}

impl CredentialCache {
    /// A turn to ask Vendure about somebody.
    async fn acquire_lookup_slot(&self) -> Result<SemaphorePermit<'_>, RequestError> {
        match timeout(LOOKUP_SLOT_TIMEOUT, self.lookup_slots.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(RequestError {
                retry_after: Some(LOOKUP_SLOT_TIMEOUT),
                ..RequestError::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Too many credentials are being looked at; try again shortly.",
                )
            }),
        }
    }

    fn last_known(&self, fingerprint: &Fingerprint, now: Instant) -> Option<Principal> {
        let known = self.identities.lock();
        let (admitted, since) = known.get(fingerprint)?;
        (now.duration_since(*since) < IDENTITY_KEPT_FOR).then(|| admitted.clone())
    }

    fn lookup(&self, fingerprint: &Fingerprint, now: Instant) -> CachedIdentity {
        let known = self.identities.lock();
        match known.get(fingerprint) {
            Some((admitted, since)) if now.duration_since(*since) < IDENTITY_FRESH_FOR => {
                CachedIdentity::Fresh(admitted.clone())
            }
            Some((_, since)) if now.duration_since(*since) < IDENTITY_KEPT_FOR => {
                CachedIdentity::Stale
            }
            _ => CachedIdentity::Unknown,
        }
    }

    fn remove(&self, fingerprint: &Fingerprint) {
        let mut known = self.identities.lock();
        known.remove(fingerprint);
    }

    fn insert(&self, fingerprint: Fingerprint, admitted: &Principal, now: Instant) {
        let mut known = self.identities.lock();
        if known.len() >= MAX_CACHED_IDENTITIES {
            known.retain(|_, (_, since)| now.duration_since(*since) < IDENTITY_KEPT_FOR);
        }
        if known.len() >= MAX_CACHED_IDENTITIES {
            known.clear();
        }
        known.insert(fingerprint, (admitted.clone(), now));
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
