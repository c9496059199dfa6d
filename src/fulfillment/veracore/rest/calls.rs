//! How a call is made and what is made of its answer, whatever it was about.
//!
//! Owns the second try after a 401, and which answers are errors. Must not know orders, stock or
//! shipments.

use std::sync::atomic::Ordering;

use reqwest::{Method, RequestBuilder, header::ACCEPT};
use secrecy::ExposeSecret as _;
use serde_json::value::RawValue;
use url::Url;

use super::{
    super::refused,
    Entry, JSON, RestClient, answers,
    errors::Told,
    token::{self, Pass},
    values,
};
use crate::{
    fulfillment::{PageRef, ProviderError, Row, TakeRow},
    http::{Answer, CallError, Effect},
};

/// What a path gives access to, in the words of a 403's message.
#[derive(Clone, Copy)]
pub(super) enum Access {
    Orders,
    Inventory,
    Shipments,
}

impl Access {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Inventory => "inventory",
            Self::Shipments => "shipments",
        }
    }
}

/// An answer with a status other than 401, and what it says if it is an error.
pub(super) struct Reply {
    pub answer: Answer,
    access: Access,
    pub told: Told,
    /// What may be shown of `told`.
    pub shown: String,
}

impl Reply {
    /// The answer if it is one in 2xx.
    pub(super) fn accepted(self) -> Result<Accepted, CallError> {
        let Self {
            answer,
            access,
            shown,
            ..
        } = self;
        let answer = answer.success(|answer| match answer.status {
            403 => format!(
                "the API client has no access to {}, which VeraCore can grant{}",
                access.as_str(),
                in_brackets(&shown)
            ),
            300..400 => "a redirect, which is not followed: check VERACORE_API_URL".into(),
            _ => shown,
        })?;
        Ok(Accepted { answer })
    }
}

fn in_brackets(words: &str) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!(" ({words})")
    }
}

/// An answer in 2xx.
pub(super) struct Accepted {
    pub answer: Answer,
}

impl Accepted {
    /// Reads its JSON where it is, once all of it is seen to be JSON.
    pub(super) fn read<'a, T>(
        &'a self,
        read: impl FnOnce(&'a RawValue) -> Result<T, values::Problem>,
    ) -> Result<T, CallError> {
        read(self.answer.json()?).map_err(|problem| self.answer.malformed(problem))
    }
}

/// So many calls in a row refused although their tokens were fresh, and it is us who are refused.
const UNWELCOME: u32 = 3;

impl RestClient {
    async fn pass(&self, refused: Option<&Pass>) -> Result<Pass, ProviderError> {
        match &self.entry {
            Entry::Basic(credentials) => Ok(Pass::Basic(credentials.clone())),
            Entry::OAuth2(tokens) => {
                let refused = match refused {
                    Some(Pass::Bearer(token)) => Some(token),
                    _ => None,
                };
                let token = tokens.token(&self.upstream, refused).await?;
                Ok(Pass::Bearer(token))
            }
        }
    }

    /// Makes a call, and makes it again with a new token when it was refused for its old one: a
    /// 401 says that nothing was done, so that a write may be repeated too.
    pub(super) async fn call(
        &self,
        operation: &'static str,
        effect: Effect,
        access: Access,
        private: &[&str],
        request: impl Fn() -> RequestBuilder + Send + Sync,
    ) -> Result<Reply, ProviderError> {
        let mut pass = self.pass(None).await?;
        let mut answer = self.send(operation, effect, &pass, &request).await?;
        if answer.status == 401 && matches!(pass, Pass::Bearer(_)) {
            pass = self.pass(Some(&pass)).await?;
            answer = self.send(operation, effect, &pass, &request).await?;
        }
        // Only an error says something beside what was asked; its body is not read otherwise.
        let told = if (200..300).contains(&answer.status) {
            Told::Nothing
        } else {
            Told::read(&answer.body)
        };
        let credentials = match &self.entry {
            Entry::Basic(credentials) => credentials,
            Entry::OAuth2(tokens) => tokens.credentials(),
        };
        let (secret, basic) = (
            credentials.client_secret.expose_secret(),
            credentials.as_basic(),
        );
        let ours = [pass.secret(), secret, &basic];
        let hidden: Vec<&str> = private.iter().copied().chain(ours).collect();
        let shown = told.shown(&hidden);
        if answer.status == 401 {
            let message = token::refusal(401, &shown);
            // A token may end between its renewal and its use; several times in a row that is no
            // chance.
            let known = matches!(pass, Pass::Basic(_))
                || self.unwelcome.fetch_add(1, Ordering::Relaxed) + 1 >= UNWELCOME;
            if known {
                self.upstream.refuses_us(&message);
            }
            return Err(refused(&message));
        }
        self.unwelcome.store(0, Ordering::Relaxed);
        Ok(Reply {
            answer,
            access,
            told,
            shown,
        })
    }

    async fn send(
        &self,
        operation: &'static str,
        effect: Effect,
        pass: &Pass,
        request: &(impl Fn() -> RequestBuilder + Send + Sync),
    ) -> Result<Answer, CallError> {
        let request = pass.on(request()).header(ACCEPT, JSON);
        self.upstream
            .send(operation, effect, request, |_| false)
            .await
    }

    async fn get(
        &self,
        operation: &'static str,
        access: Access,
        url: &Url,
    ) -> Result<Reply, ProviderError> {
        let request = || self.upstream.request(Method::GET, url.clone());
        self.call(operation, Effect::Read, access, &[], request)
            .await
    }

    /// Asks for one thing; nothing when VeraCore itself says that it does not have it.
    pub(super) async fn look_up(
        &self,
        operation: &'static str,
        access: Access,
        url: &Url,
    ) -> Result<Option<Accepted>, ProviderError> {
        let reply = self.get(operation, access, url).await?;
        if reply.answer.status != 404 {
            return Ok(Some(reply.accepted()?));
        }
        if reply.told.is_missing() {
            return Ok(None);
        }
        let problem = format!(
            "HTTP 404 does not come from VeraCore's API{}; check VERACORE_API_URL",
            in_brackets(&reply.shown)
        );
        Err(reply.answer.malformed(problem).into())
    }

    /// Hands over the rows of a page, and gives back the one that follows.
    pub(super) async fn page<T>(
        &self,
        operation: &'static str,
        access: Access,
        url: Url,
        row: impl Fn(usize, &RawValue) -> Row<T> + Send + Sync,
        take: TakeRow<'_, T>,
    ) -> Result<Option<PageRef>, ProviderError> {
        let accepted = self.get(operation, access, &url).await?.accepted()?;
        let next = accepted.read(|body| {
            let next = answers::list(body, |index, raw| take(row(index, raw)))?;
            next.map(|next| self.base.next(&url, &next)).transpose()
        })?;
        Ok(next)
    }
}
