//! Who we are to VeraCore: OAuth2 tokens with their renewal, or HTTP Basic.
//!
//! Owns the token. At most one renewal is under way at any time; whoever needs one meanwhile waits
//! for it and shares what came of it, good or bad.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::{
    super::refused,
    errors::Told,
    values::{self, Field},
};
use crate::{
    clock::SharedClock,
    fulfillment::ProviderError,
    http::{Answer, Effect, Upstream},
};

const OPERATION: &str = "get_token";

/// What a token is taken to last when VeraCore does not say, or says nonsense. A 401 tells if it
/// was less.
const ASSUMED_LIFETIME: i64 = 300;
const LONGEST_LIFETIME: i64 = 24 * 3600;

/// How long before its end a token is renewed: a tenth of its life, at most this.
const LONGEST_MARGIN: i64 = 60;

/// After a renewal ahead of time failed, the token that still works is used for this long.
const PAUSE: TimeDelta = TimeDelta::seconds(10);

/// The API client's id and secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: SecretString,
}

impl Credentials {
    /// How HTTP Basic spells them, which no message may show either.
    pub(super) fn as_basic(&self) -> String {
        let plain = format!("{}:{}", self.client_id, self.client_secret.expose_secret());
        base64::engine::general_purpose::STANDARD.encode(plain)
    }

    fn on(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth(&self.client_id, Some(self.client_secret.expose_secret()))
    }
}

/// What one call shows to be let in.
#[derive(Clone)]
pub(super) enum Pass {
    Basic(Credentials),
    Bearer(Token),
}

impl Pass {
    pub(super) fn on(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Basic(credentials) => credentials.on(request),
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
    attempt: u64,
    renew_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

/// The token in use and its renewal.
pub(super) struct Tokens {
    url: Url,
    credentials: Credentials,
    clock: SharedClock,
    state: Mutex<State>,
    /// Held by whoever renews.
    renewal: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Renewals that came to an end, one way or the other.
    attempts: u64,
    current: Option<Token>,
    /// How the last renewal failed; nothing when it succeeded.
    failure: Option<ProviderError>,
}

impl State {
    /// What the last renewal left: its token, or one from before that still works, or its failure.
    fn settle(&mut self, now: DateTime<Utc>) -> Result<Token, ProviderError> {
        match (&mut self.current, &self.failure) {
            (Some(token), None) => Ok(token.clone()),
            (Some(token), Some(ProviderError::NoToken(_))) if now < token.ends_at => {
                token.renew_at = (now + PAUSE).min(token.ends_at);
                Ok(token.clone())
            }
            (_, Some(failure)) => Err(failure.clone()),
            // Not reached: before the first renewal nobody asks what it left.
            (None, None) => Err(refused("there is no token")),
        }
    }
}

impl Tokens {
    pub(super) fn new(url: Url, credentials: Credentials, clock: SharedClock) -> Self {
        Self {
            url,
            credentials,
            clock,
            state: Mutex::default(),
            renewal: tokio::sync::Mutex::default(),
        }
    }

    pub(super) const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// A token that works as far as we know. `refused` is one that VeraCore did not take.
    pub(super) async fn token(
        &self,
        upstream: &Upstream,
        refused: Option<&Token>,
    ) -> Result<Token, ProviderError> {
        let seen = {
            let now = self.clock.now();
            let mut state = self.state();
            if let Some(refused) = refused {
                // A newer one, which another call may have fetched meanwhile, stays.
                state.current.take_if(|t| t.attempt == refused.attempt);
            }
            match &state.current {
                Some(token) if now < token.renew_at => return Ok(token.clone()),
                _ => state.attempts,
            }
        };
        let _renewal = self.renewal.lock().await;
        {
            let mut state = self.state();
            if state.attempts > seen {
                return state.settle(self.clock.now());
            }
        }
        let fetched = self.fetch(upstream, seen + 1).await;
        let mut state = self.state();
        state.attempts += 1;
        match fetched {
            Ok(token) => {
                state.current = Some(token);
                state.failure = None;
            }
            Err(failure) => state.failure = Some(failure),
        }
        state.settle(self.clock.now())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
                Effect::Enter,
                self.credentials.on(request),
                |_| false,
            )
            .await
            .map_err(ProviderError::NoToken)?;
        let secret = self.credentials.client_secret.expose_secret();
        let basic = self.credentials.as_basic();
        let told = |answer: &Answer| Told::read(&answer.body).shown(&[secret, &basic]);
        if matches!(answer.status, 400 | 401 | 403) {
            let status = answer.status;
            let message = refusal(status, &told(&answer));
            upstream.refuses_us(&message);
            return Err(refused(&message));
        }
        let answer = answer.success(told).map_err(ProviderError::NoToken)?;
        let (value, lifetime) = read(&answer).map_err(ProviderError::NoToken)?;
        let margin = (lifetime * 100).min(LONGEST_MARGIN * 1000);
        Ok(Token {
            value,
            attempt,
            renew_at: asked_at + TimeDelta::milliseconds(lifetime * 1000 - margin),
            ends_at: asked_at + TimeDelta::seconds(lifetime),
        })
    }
}

/// VeraCore's words for why it does not know us, or at least the status.
pub(super) fn refusal(status: u16, told: &str) -> String {
    if told.is_empty() {
        format!("HTTP {status}")
    } else {
        format!("HTTP {status}, {told}")
    }
}

/// The token and its life in seconds.
pub(super) fn read(answer: &Answer) -> Result<(SecretString, i64), crate::http::CallError> {
    #[derive(Deserialize)]
    struct TokenBody<'a> {
        #[serde(borrow)]
        access_token: Field<'a>,
        #[serde(borrow)]
        expires_in: Field<'a>,
        #[serde(borrow)]
        token_type: Field<'a>,
    }
    let body: Box<RawValue> = answer.json()?;
    // serde_json's own message could quote the token.
    let body: TokenBody<'_> = serde_json::from_str(body.get())
        .map_err(|_| answer.malformed("it is not an object with an access_token".into()))?;
    let malformed = |problem| answer.malformed(problem);
    let token = values::code_of_any_length("access_token", body.access_token).map_err(malformed)?;
    let token = values::required("access_token", token).map_err(malformed)?;
    let kind = values::label("token_type", body.token_type).map_err(malformed)?;
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(answer.malformed("token_type is not Bearer".into()));
    }
    Ok((SecretString::from(token), lifetime(body.expires_in)))
}

/// Some servers write the seconds as a text, some with a fraction.
fn lifetime(expires_in: Field<'_>) -> i64 {
    let text = expires_in.map_or("", RawValue::get).trim_matches('"');
    let seconds = text.split_once('.').map_or(text, |(whole, _)| whole);
    match seconds.parse::<i64>() {
        Ok(seconds) if seconds > 0 => seconds.min(LONGEST_LIFETIME),
        _ => ASSUMED_LIFETIME,
    }
}
