//! Access control: admits the holder of `API_TOKEN` and callers whom Vendure knows.
//!
//! Keeps digests of credentials only, never a credential.

mod failed_attempts;

use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
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

use super::{request::single_header, request_error::RequestError};
use crate::vendure::{Credential, LoginOutcome, Permission, StorefrontError, VendureClient};

/// Lifetime of a looked-up identity. A permission that was taken away lasts this long at most.
const IDENTITY_FRESH_FOR: Duration = Duration::from_secs(60);

/// A credential that was admitted once is exempt from the throttle of its address for this long.
const IDENTITY_KEPT_FOR: Duration = Duration::from_secs(12 * 60 * 60);

const MAX_CACHED_IDENTITIES: usize = 1000;

/// Limits concurrent lookups: strangers must not slow the shop down.
const MAX_CONCURRENT_LOOKUPS: usize = 2;
const LOOKUP_SLOT_TIMEOUT: Duration = Duration::from_secs(10);

const MAX_CREDENTIAL_BYTES: usize = 2048;

const API_KEY_HEADER: &str = "vendure-api-key";

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub name: String,
    rights: Rights,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rights {
    All,
    Only(BTreeSet<Permission>),
}

impl Principal {
    /// `API_TOKEN` carries every permission.
    pub fn holds_api_token(&self) -> bool {
        self.rights == Rights::All
    }

    pub fn has_any_permission(&self, wanted: &[Permission]) -> bool {
        match &self.rights {
            Rights::All => true,
            Rights::Only(rights) => wanted.iter().any(|permission| rights.contains(permission)),
        }
    }
}

/// Permissions of which an operation needs one, in the API and the dashboard alike.
pub(super) const READ_ORDERS: &[Permission] = &[Permission::ReadOrder];
pub(super) const UPDATE_ORDERS: &[Permission] = &[Permission::UpdateOrder];
pub(super) const UPDATE_STOCK: &[Permission] =
    &[Permission::UpdateCatalog, Permission::UpdateStockLocation];
pub(super) const UPDATE_SETTINGS: &[Permission] = &[Permission::UpdateSettings];

type Fingerprint = [u8; 32];

#[derive(Debug, PartialEq, Eq)]
enum CachedIdentity {
    Fresh(Principal),
    /// Vendure knew the credential, and must be asked again.
    Stale,
    Unknown,
}

/// Identities that Vendure confirmed, by credential.
struct CredentialCache {
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

enum RequestCredential {
    /// `Authorization: Bearer …`.
    Bearer(String),
    ApiKey(String),
}

/// Reads the credential. A header that appears twice counts as none.
fn read_credential(headers: &HeaderMap) -> Option<RequestCredential> {
    let text = |name: &str| -> Option<String> {
        let value = single_header(headers, name)?.trim();
        let fits = !value.is_empty() && value.len() <= MAX_CREDENTIAL_BYTES;
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

fn constant_time_eq(a: &str, b: &SecretString) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(a).ct_eq(&digest(b.expose_secret())).into()
}

const VENDURE_UNAVAILABLE: &str = "Vendure is unavailable, so your login cannot be verified.";

/// Authenticates callers, for one configuration.
pub struct Authenticator {
    client: Arc<VendureClient>,
    api_token: Option<SecretString>,
    /// Names the shop and channel whose identities the cache holds.
    realm: String,
    cache: Arc<CredentialCache>,
}

impl Authenticator {
    pub fn new(client: Arc<VendureClient>, api_token: Option<SecretString>, realm: String) -> Self {
        Self {
            client,
            api_token,
            realm,
            cache: Arc::default(),
        }
    }

    /// Takes over the known identities, if they are of the same shop and channel.
    pub(super) fn inherit(&mut self, previous: &Self) {
        if self.realm == previous.realm {
            self.cache = Arc::clone(&previous.cache);
        }
    }

    fn is_api_token(&self, credential: &RequestCredential) -> bool {
        matches!(
            (credential, &self.api_token),
            (RequestCredential::Bearer(token), Some(ours)) if constant_time_eq(token, ours)
        )
    }

    /// Admits the holder of `API_TOKEN` and nobody else.
    pub(super) fn require_api_token(
        &self,
        failures: &FailedAttempts,
        headers: &HeaderMap,
        peer: IpAddr,
    ) -> Result<(), RequestError> {
        if let Some(credential) = read_credential(headers) {
            if self.is_api_token(&credential) {
                return Ok(());
            }
            failures.check(peer, Instant::now())?;
            failures.record(peer, Instant::now());
        }
        Err(RequestError::new(
            StatusCode::UNAUTHORIZED,
            "Send API_TOKEN as 'Authorization: Bearer …'.",
        ))
    }

    /// Admits the holder of `API_TOKEN`, and administrators and API keys that Vendure knows.
    pub(super) async fn authenticate(
        &self,
        failures: &FailedAttempts,
        headers: &HeaderMap,
        peer: IpAddr,
    ) -> Result<Principal, RequestError> {
        let Some(credential) = read_credential(headers) else {
            return Err(RequestError::unauthorized());
        };
        if self.is_api_token(&credential) {
            return Ok(Principal {
                name: "API_TOKEN".into(),
                rights: Rights::All,
            });
        }
        let identified = self.identify(Some((failures, peer)), credential).await;
        identified.map_err(|mut error| {
            if error.message == VENDURE_UNAVAILABLE {
                error.message.push_str(" API_TOKEN still works.");
            }
            error
        })
    }

    /// The owner of a Vendure session. We sealed the token ourselves, so this is not a guess.
    pub(super) async fn authenticate_session(
        &self,
        token: &SecretString,
    ) -> Result<Principal, RequestError> {
        self.identify(None, session_credential(token)).await
    }

    /// The last known owner of a Vendure session, reduced to the permission to read. Lets people see
    /// the dashboard during a Vendure outage.
    pub(super) fn last_known_principal(&self, token: &SecretString) -> Option<Principal> {
        let fingerprint = fingerprint(&session_credential(token));
        let before = self.cache.last_known(&fingerprint, Instant::now())?;
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

    /// Logs in to Vendure. Returns the token of the new session.
    pub(super) async fn log_in(
        &self,
        failures: &FailedAttempts,
        (username, password): (&str, &SecretString),
        peer: IpAddr,
    ) -> Result<SecretString, RequestError> {
        failures.check(peer, Instant::now())?;
        let _slot = self.cache.acquire_lookup_slot().await?;
        failures.check(peer, Instant::now())?;
        match self.client.log_in_caller(username, password).await {
            Ok(LoginOutcome::Accepted(token)) => Ok(token),
            Ok(LoginOutcome::NoToken) => Err(RequestError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Vendure returned no session token. Add 'bearer' to authOptions.tokenMethod in the shop's configuration.",
            )),
            Ok(LoginOutcome::Rejected(_)) => {
                failures.record(peer, Instant::now());
                Err(wrong_login())
            }
            Err(error) => Err(vendure_unavailable(&error)),
        }
    }

    /// Looks up a credential. `guess`: where and for which address a wrong one is counted.
    async fn identify(
        &self,
        guess: Option<(&FailedAttempts, IpAddr)>,
        credential: RequestCredential,
    ) -> Result<Principal, RequestError> {
        let fingerprint = fingerprint(&credential);
        if let Some(principal) = self.cached(&fingerprint, guess)? {
            return Ok(principal);
        }
        let _slot = self.cache.acquire_lookup_slot().await?;
        // Again: another request may have looked it up, or failed, during the wait.
        if let Some(principal) = self.cached(&fingerprint, guess)? {
            return Ok(principal);
        }
        let credential = match credential {
            RequestCredential::Bearer(token) => Credential::Session(token.into()),
            RequestCredential::ApiKey(key) => Credential::ApiKey(key.into()),
        };
        match self.client.identify_caller(&credential).await {
            Ok(Some(caller)) => {
                let principal = Principal {
                    name: caller.name,
                    rights: Rights::Only(caller.permissions),
                };
                let cache = &self.cache;
                cache.insert(fingerprint, &principal, Instant::now());
                Ok(principal)
            }
            Ok(None) => {
                if let Some((failures, peer)) = guess {
                    failures.record(peer, Instant::now());
                }
                self.cache.remove(&fingerprint);
                Err(RequestError::unauthorized())
            }
            Err(error) => Err(vendure_unavailable(&error)),
        }
    }

    /// A fresh identity from the cache. Throttles unknown credentials only, so that a stranger behind
    /// the same proxy does not lock out known callers.
    fn cached(
        &self,
        fingerprint: &Fingerprint,
        guess: Option<(&FailedAttempts, IpAddr)>,
    ) -> Result<Option<Principal>, RequestError> {
        match (self.cache.lookup(fingerprint, Instant::now()), guess) {
            (CachedIdentity::Fresh(principal), _) => return Ok(Some(principal)),
            (CachedIdentity::Unknown, Some((failures, peer))) => {
                failures.check(peer, Instant::now())?;
            }
            _ => {}
        }
        Ok(None)
    }
}

fn session_credential(token: &SecretString) -> RequestCredential {
    RequestCredential::Bearer(token.expose_secret().to_owned())
}

pub(super) fn wrong_login() -> RequestError {
    RequestError::new(
        StatusCode::UNAUTHORIZED,
        "Vendure does not accept this name and password.",
    )
}

fn vendure_unavailable(error: &StorefrontError) -> RequestError {
    tracing::debug!(%error, "caller lookup failed");
    vendure_timed_out()
}

pub(super) fn vendure_timed_out() -> RequestError {
    RequestError::new(StatusCode::SERVICE_UNAVAILABLE, VENDURE_UNAVAILABLE)
        .with_retry_after(Duration::from_secs(10))
}

fn fingerprint(credential: &RequestCredential) -> Fingerprint {
    let (kind, text) = match credential {
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
    async fn acquire_lookup_slot(&self) -> Result<SemaphorePermit<'_>, RequestError> {
        match timeout(LOOKUP_SLOT_TIMEOUT, self.lookup_slots.acquire()).await {
            Ok(Ok(slot)) => Ok(slot),
            _ => Err(RequestError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many logins are being verified. Try again shortly.",
            )
            .with_retry_after(LOOKUP_SLOT_TIMEOUT)),
        }
    }

    fn last_known(&self, fingerprint: &Fingerprint, now: Instant) -> Option<Principal> {
        let known = self.identities.lock();
        let (principal, since) = known.get(fingerprint)?;
        (now.duration_since(*since) < IDENTITY_KEPT_FOR).then(|| principal.clone())
    }

    fn lookup(&self, fingerprint: &Fingerprint, now: Instant) -> CachedIdentity {
        let known = self.identities.lock();
        match known.get(fingerprint) {
            Some((principal, since)) if now.duration_since(*since) < IDENTITY_FRESH_FOR => {
                CachedIdentity::Fresh(principal.clone())
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

    fn insert(&self, fingerprint: Fingerprint, principal: &Principal, now: Instant) {
        let mut known = self.identities.lock();
        if known.len() >= MAX_CACHED_IDENTITIES {
            known.retain(|_, (_, since)| now.duration_since(*since) < IDENTITY_KEPT_FOR);
        }
        if known.len() >= MAX_CACHED_IDENTITIES {
            known.clear();
        }
        known.insert(fingerprint, (principal.clone(), now));
    }
}

#[cfg(test)]
mod tests;
