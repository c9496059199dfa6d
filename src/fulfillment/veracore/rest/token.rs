//! Who we are to VeraCore: OAuth2 tokens with their renewal, or HTTP Basic.
//!
//! Owns the token. At most one renewal is under way at any time; whoever needs one meanwhile waits
//! for it and shares what came of it, good or bad.

use base64::Engine as _;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::super::{
    common::{
        error_body::ErrorBody,
        fields::{self, JsonField},
    },
    credentials_refused,
};
use crate::{
    clock::SharedClock,
    fulfillment::ProviderError,
    http::{CallKind, HttpResponse, Upstream},
};

const OPERATION: &str = "get_token";

/// What a token is taken to last when VeraCore does not say, or says nonsense. A 401 tells if it
/// was less.
const DEFAULT_LIFETIME_SECS: i64 = 300;
const MAX_LIFETIME_SECS: i64 = 24 * 3600;

/// How long before its end a token is renewed: a tenth of its life, at most this.
const MAX_RENEWAL_MARGIN_SECS: i64 = 60;

/// After a renewal ahead of time failed, the token that still works is used for this long.
const RENEWAL_RETRY_DELAY: TimeDelta = TimeDelta::seconds(10);

/// The API client's id and secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: SecretString,
}

impl Credentials {
    /// How HTTP Basic spells them, which no message may show either.
    pub(super) fn basic_auth_value(&self) -> String {
        let plain = format!("{}:{}", self.client_id, self.client_secret.expose_secret());
        base64::engine::general_purpose::STANDARD.encode(plain)
    }

    fn apply_to(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth(&self.client_id, Some(self.client_secret.expose_secret()))
    }
}

/// What one call shows to be let in.
#[derive(Clone)]
pub(super) enum Authorization {
    Basic(Credentials),
    Bearer(Token),
}

impl Authorization {
    pub(super) fn apply_to(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Basic(credentials) => credentials.apply_to(request),
            Self::Bearer(token) => request.bearer_auth(token.value.expose_secret()),
        }
    }

    /// What no message may show.
    pub(super) fn secret(&self) -> &str {
        match self {
            Self::Basic(credentials) => credentials.client_secret.expose_secret(),
            Self::Bearer(token) => token.value.expose_secret(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Token {
    value: SecretString,
    /// Of the renewal that brought it.
    generation: u64,
    renew_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// The token in use and its renewal.
pub(super) struct TokenCache {
    url: Url,
    credentials: Credentials,
    clock: SharedClock,
    state: Mutex<TokenState>,
    /// Held by whoever renews.
    renewal_lock: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct TokenState {
    /// Renewals that came to an end, one way or the other.
    generation: u64,
    current: Option<Token>,
    /// How the last renewal failed; nothing when it succeeded.
    last_failure: Option<ProviderError>,
}

impl TokenState {
    /// What the last renewal left: its token, or one from before that still works, or its failure.
    fn renewal_result(&mut self, now: DateTime<Utc>) -> Result<Token, ProviderError> {
        match (&mut self.current, &self.last_failure) {
            (Some(token), None) => Ok(token.clone()),
            (Some(token), Some(ProviderError::NoToken(_))) if now < token.expires_at => {
                token.renew_at = (now + RENEWAL_RETRY_DELAY).min(token.expires_at);
                Ok(token.clone())
            }
            (_, Some(failure)) => Err(failure.clone()),
            // Not reached: before the first renewal nobody asks what it left.
            (None, None) => Err(credentials_refused("there is no token")),
        }
    }
}

impl TokenCache {
    pub(super) fn new(url: Url, credentials: Credentials, clock: SharedClock) -> Self {
        Self {
            url,
            credentials,
            clock,
            state: Mutex::default(),
            renewal_lock: tokio::sync::Mutex::default(),
        }
    }

    pub(super) const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// A token that works as far as we know. `refused` is one that VeraCore did not take.
    pub(super) async fn valid_token(
        &self,
        upstream: &Upstream,
        refused: Option<&Token>,
    ) -> Result<Token, ProviderError> {
        let seen = {
            let now = self.clock.now();
            let mut state = self.lock_state();
            if let Some(refused) = refused {
                // A newer one, which another call may have fetched meanwhile, stays.
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
            let mut state = self.lock_state();
            if state.generation > seen {
                return state.renewal_result(self.clock.now());
            }
        }
        let fetched = self.fetch(upstream, seen + 1).await;
        let mut state = self.lock_state();
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

    fn lock_state(&self) -> parking_lot::MutexGuard<'_, TokenState> {
        self.state.lock()
    }

    async fn fetch(&self, upstream: &Upstream, attempt: u64) -> Result<Token, ProviderError> {
        // Its life is counted from before the call, so that it never ends earlier than we think.
        let asked_at = self.clock.now();
        let request = upstream
            .request(Method::POST, self.url.clone())
            .form(&[("grant_type", "client_credentials"), ("scope", "api")]);
        let answer = upstream
            .send(
                OPERATION,
                CallKind::Login,
                self.credentials.apply_to(request),
                |_| false,
            )
            .await
            .map_err(ProviderError::NoToken)?;
        let secret = self.credentials.client_secret.expose_secret();
        let basic = self.credentials.basic_auth_value();
        let told = |answer: &HttpResponse| {
            ErrorBody::parse(&answer.body).masked_message(&[secret, &basic])
        };
        if matches!(answer.status, 400 | 401 | 403) {
            let status = answer.status;
            let message = refusal_message(status, &told(&answer));
            upstream.mark_unauthorized(&message);
            return Err(credentials_refused(&message));
        }
        let answer = answer
            .error_for_status(told)
            .map_err(ProviderError::NoToken)?;
        let (value, lifetime) = read_token(&answer).map_err(ProviderError::NoToken)?;
        let margin = (lifetime * 100).min(MAX_RENEWAL_MARGIN_SECS * 1000);
        Ok(Token {
            value,
            generation: attempt,
            renew_at: asked_at + TimeDelta::milliseconds(lifetime * 1000 - margin),
            expires_at: asked_at + TimeDelta::seconds(lifetime),
        })
    }
}

/// VeraCore's words for why it does not know us, or at least the status.
pub(super) fn refusal_message(status: u16, told: &str) -> String {
    if told.is_empty() {
        format!("HTTP {status}")
    } else {
        format!("HTTP {status}, {told}")
    }
}

/// The token and its life in seconds.
pub(super) fn read_token(
    answer: &HttpResponse,
) -> Result<(SecretString, i64), crate::http::CallError> {
    #[derive(Deserialize)]
    struct TokenBody<'a> {
        #[serde(borrow)]
        access_token: JsonField<'a>,
        #[serde(borrow)]
        expires_in: JsonField<'a>,
        #[serde(borrow)]
        token_type: JsonField<'a>,
    }
    let body: Box<RawValue> = answer.json()?;
    // serde_json's own message could quote the token.
    let body: TokenBody<'_> = serde_json::from_str(body.get())
        .map_err(|_| answer.malformed("it is not an object with an access_token".into()))?;
    let malformed = |problem| answer.malformed(problem);
    let token = fields::unbounded_code("access_token", body.access_token).map_err(malformed)?;
    let token = fields::required("access_token", token).map_err(malformed)?;
    let kind = fields::label("token_type", body.token_type).map_err(malformed)?;
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(answer.malformed("token_type is not Bearer".into()));
    }
    Ok((SecretString::from(token), read_lifetime(body.expires_in)))
}

/// Some servers write the seconds as a text, some with a fraction.
fn read_lifetime(expires_in: JsonField<'_>) -> i64 {
    let text = expires_in.map_or("", RawValue::get).trim_matches('"');
    let seconds = text.split_once('.').map_or(text, |(whole, _)| whole);
    match seconds.parse::<i64>() {
        Ok(seconds) if seconds > 0 => seconds.min(MAX_LIFETIME_SECS),
        _ => DEFAULT_LIFETIME_SECS,
    }
}
