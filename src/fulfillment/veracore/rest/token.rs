//! OAuth2 tokens: caching and renewal.
//!
//! One renewal runs at a time; calls that need a token wait for it and share its result.

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::super::common::{
    credentials::{Credentials, credentials_refused},
    error_body::ErrorBody,
    fields::{self, JsonField},
    refusal_message,
};
use crate::{
    clock::SharedClock,
    fulfillment::ProviderError,
    http::{CallError, CallKind, HttpResponse, Upstream},
};

const OPERATION: &str = "get_token";

/// The lifetime of a token if `expires_in` is missing or invalid. If it is shorter, a 401 renews it.
const DEFAULT_LIFETIME_SECS: i64 = 300;
const MAX_LIFETIME_SECS: i64 = 24 * 3600;

/// A token is renewed a tenth of its lifetime before it expires, at most this early.
const MAX_RENEWAL_MARGIN_SECS: i64 = 60;

/// The time until the next attempt after an early renewal failed and the old token still works.
const RENEWAL_RETRY_DELAY: TimeDelta = TimeDelta::seconds(10);

/// Fresh tokens, refused one after the other, after which the credentials count as refused. One
/// can expire between its renewal and its use, several in a row cannot.
const MAX_REFUSED_TOKENS: u32 = 3;

#[derive(Clone)]
pub(super) struct Token {
    pub value: SecretString,
    /// The number of the renewal that fetched it.
    generation: u64,
    renew_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

pub(super) struct TokenCache {
    url: Url,
    clock: SharedClock,
    state: Mutex<TokenState>,
    /// Locked during a renewal.
    renewal_lock: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct TokenState {
    /// The number of finished renewals, successful or not.
    generation: u64,
    current: Option<Token>,
    /// The error of the last renewal; `None` if it succeeded.
    last_failure: Option<ProviderError>,
    /// The fresh tokens that were refused since a call was last accepted.
    refused_count: u32,
    /// The newest of them, as several calls may use the same one.
    last_refused_generation: u64,
}

impl TokenState {
    /// The result of the last renewal: its token, an older one that is still valid, or its error.
    fn renewal_result(&mut self, now: DateTime<Utc>) -> Result<Token, ProviderError> {
        match (&mut self.current, &self.last_failure) {
            (Some(token), None) => Ok(token.clone()),
            (Some(token), Some(ProviderError::NoToken(_))) if now < token.expires_at => {
                token.renew_at = (now + RENEWAL_RETRY_DELAY).min(token.expires_at);
                Ok(token.clone())
            }
            (_, Some(failure)) => Err(failure.clone()),
            // Not reached: this is only called after a renewal.
            (None, None) => Err(credentials_refused("there is no token")),
        }
    }
}

impl TokenCache {
    pub(super) fn new(url: Url, clock: SharedClock) -> Self {
        Self {
            url,
            clock,
            state: Mutex::default(),
            renewal_lock: tokio::sync::Mutex::default(),
        }
    }

    /// A token that should be valid, renewed if needed. VeraCore has rejected `refused`.
    pub(super) async fn valid_token(
        &self,
        upstream: &Upstream,
        credentials: &Credentials,
        refused: Option<&Token>,
    ) -> Result<Token, ProviderError> {
        let seen = {
            let now = self.clock.now();
            let mut state = self.state.lock();
            if let Some(refused) = refused {
                // Another call may already have fetched a newer one: keep it.
                state
                    .current
                    .take_if(|t| t.generation == refused.generation);
            }
            match &state.current {
                Some(token) if now < token.renew_at => return Ok(token.clone()),
                _ => state.generation,
            }
        };
        let _renewal = self.renewal_lock.lock().await;
        {
            let mut state = self.state.lock();
            if state.generation > seen {
                return state.renewal_result(self.clock.now());
            }
        }
        let fetched = self.fetch(upstream, credentials, seen + 1).await;
        let mut state = self.state.lock();
        state.generation += 1;
        match fetched {
            Ok(token) => {
                state.current = Some(token);
                state.last_failure = None;
            }
            Err(failure) => state.last_failure = Some(failure),
        }
        state.renewal_result(self.clock.now())
    }

    /// Records that VeraCore has accepted a call.
    pub(super) fn record_accepted(&self) {
        self.state.lock().refused_count = 0;
    }

    /// Records that VeraCore has refused a fresh token. Returns whether it refuses them all, which
    /// says that the credentials are wrong. A token that expired during the call says nothing.
    pub(super) fn record_refused(&self, token: &Token) -> bool {
        let mut state = self.state.lock();
        if self.clock.now() < token.expires_at && token.generation > state.last_refused_generation {
            state.last_refused_generation = token.generation;
            state.refused_count += 1;
        }
        state.refused_count >= MAX_REFUSED_TOKENS
    }

    async fn fetch(
        &self,
        upstream: &Upstream,
        credentials: &Credentials,
        generation: u64,
    ) -> Result<Token, ProviderError> {
        // Counted from before the call, so that the token never expires earlier than expected.
        let requested_at = self.clock.now();
        let request = upstream
            .request(Method::POST, self.url.clone())
            .form(&[("grant_type", "client_credentials"), ("scope", "api")]);
        let response = upstream
            .send(OPERATION, CallKind::Login, credentials.apply_to(request))
            .await
            .map_err(ProviderError::NoToken)?;
        let secret = credentials.client_secret.expose_secret();
        let basic = credentials.basic_auth_value();
        let message = |response: &HttpResponse| {
            ErrorBody::parse(&response.body).masked_message(&[secret, &basic])
        };
        if matches!(response.status, 400 | 401 | 403) {
            let message = refusal_message(response.status, &message(&response));
            upstream.mark_unauthorized(&message);
            return Err(credentials_refused(&message));
        }
        let response = response
            .error_for_status(message)
            .map_err(ProviderError::NoToken)?;
        let (value, lifetime) = read_token(&response).map_err(ProviderError::NoToken)?;
        let margin = (lifetime * 100).min(MAX_RENEWAL_MARGIN_SECS * 1000);
        Ok(Token {
            value,
            generation,
            renew_at: requested_at + TimeDelta::milliseconds(lifetime * 1000 - margin),
            expires_at: requested_at + TimeDelta::seconds(lifetime),
        })
    }
}

/// Reads the token and its lifetime in seconds.
pub(super) fn read_token(response: &HttpResponse) -> Result<(SecretString, i64), CallError> {
    #[derive(Deserialize)]
    #[serde(bound(deserialize = "'de: 'a"))]
    struct TokenBody<'a> {
        access_token: JsonField<'a>,
        expires_in: JsonField<'a>,
        token_type: JsonField<'a>,
    }
    let body: Box<RawValue> = response.json()?;
    // serde_json's message could quote the token.
    let body: TokenBody<'_> = serde_json::from_str(body.get())
        .map_err(|_| response.malformed("it is not an object with an access_token".into()))?;
    let malformed = |problem| response.malformed(problem);
    let token = fields::unbounded_code("access_token", body.access_token).map_err(malformed)?;
    let token = fields::required("access_token", token).map_err(malformed)?;
    let kind = fields::label("token_type", body.token_type).map_err(malformed)?;
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(response.malformed("token_type is not Bearer".into()));
    }
    Ok((SecretString::from(token), read_lifetime(body.expires_in)))
}

/// Reads the seconds, which some servers write as a text or with a fraction.
fn read_lifetime(expires_in: JsonField<'_>) -> i64 {
    let text = expires_in.map_or("", RawValue::get).trim_matches('"');
    let seconds = text.split_once('.').map_or(text, |(whole, _)| whole);
    match seconds.parse::<i64>() {
        Ok(seconds) if seconds > 0 => seconds.min(MAX_LIFETIME_SECS),
        _ => DEFAULT_LIFETIME_SECS,
    }
}
