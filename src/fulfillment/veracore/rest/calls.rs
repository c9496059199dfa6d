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
    super::{
        common::{error_body::ErrorBody, fields::ParseProblem, rows},
        credentials_refused,
    },
    Authenticator, JSON, RestClient,
    token::{self, Authorization},
};
use crate::{
    fulfillment::{FeedRow, PageCursor, ProviderError, RowSink},
    http::{CallError, CallKind, HttpResponse},
};

/// What a path gives access to, in the words of a 403's message.
#[derive(Clone, Copy)]
pub(super) enum ApiResource {
    Orders,
    Inventory,
    Shipments,
}

impl ApiResource {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Inventory => "inventory",
            Self::Shipments => "shipments",
        }
    }
}

/// An answer with a status other than 401, and what it says if it is an error.
pub(super) struct ApiResponse {
    pub response: HttpResponse,
    resource: ApiResource,
    pub error_body: ErrorBody,
    /// What may be shown of `told`.
    pub error_message: String,
}

impl ApiResponse {
    /// The answer if it is one in 2xx.
    pub(super) fn into_success(self) -> Result<SuccessResponse, CallError> {
        let Self {
            response: answer,
            resource: access,
            error_message: shown,
            ..
        } = self;
        let answer = answer.error_for_status(|answer| match answer.status {
            403 => format!(
                "the API client has no access to {}, which VeraCore can grant{}",
                access.as_str(),
                parenthesized(&shown)
            ),
            300..400 => "a redirect, which is not followed: check VERACORE_API_URL".into(),
            _ => shown,
        })?;
        Ok(SuccessResponse { response: answer })
    }
}

fn parenthesized(words: &str) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!(" ({words})")
    }
}

/// An answer in 2xx.
pub(super) struct SuccessResponse {
    pub response: HttpResponse,
}

impl SuccessResponse {
    /// Reads its JSON where it is, once all of it is seen to be JSON.
    pub(super) fn parse_json<'a, T>(
        &'a self,
        read: impl FnOnce(&'a RawValue) -> Result<T, ParseProblem>,
    ) -> Result<T, CallError> {
        read(self.response.json()?).map_err(|problem| self.response.malformed(problem))
    }
}

/// So many calls in a row refused although their tokens were fresh, and it is us who are refused.
const MAX_CONSECUTIVE_UNAUTHORIZED: u32 = 3;

impl RestClient {
    async fn authorization(
        &self,
        refused: Option<&Authorization>,
    ) -> Result<Authorization, ProviderError> {
        match &self.authenticator {
            Authenticator::Basic(credentials) => Ok(Authorization::Basic(credentials.clone())),
            Authenticator::OAuth2(tokens) => {
                let refused = match refused {
                    Some(Authorization::Bearer(token)) => Some(token),
                    _ => None,
                };
                let token = tokens.valid_token(&self.upstream, refused).await?;
                Ok(Authorization::Bearer(token))
            }
        }
    }

    /// Makes a call, and makes it again with a new token when it was refused for its old one: a
    /// 401 says that nothing was done, so that a write may be repeated too.
    pub(super) async fn send_authorized(
        &self,
        operation: &'static str,
        effect: CallKind,
        access: ApiResource,
        private: &[&str],
        request: impl Fn() -> RequestBuilder + Send + Sync,
    ) -> Result<ApiResponse, ProviderError> {
        let mut pass = self.authorization(None).await?;
        let mut answer = self.send_once(operation, effect, &pass, &request).await?;
        if answer.status == 401 && matches!(pass, Authorization::Bearer(_)) {
            pass = self.authorization(Some(&pass)).await?;
            answer = self.send_once(operation, effect, &pass, &request).await?;
        }
        // Only an error says something beside what was asked; its body is not read otherwise.
        let told = if (200..300).contains(&answer.status) {
            ErrorBody::Empty
        } else {
            ErrorBody::parse(&answer.body)
        };
        let credentials = match &self.authenticator {
            Authenticator::Basic(credentials) => credentials,
            Authenticator::OAuth2(tokens) => tokens.credentials(),
        };
        let (secret, basic) = (
            credentials.client_secret.expose_secret(),
            credentials.basic_auth_value(),
        );
        let ours = [pass.secret(), secret, &basic];
        let hidden: Vec<&str> = private.iter().copied().chain(ours).collect();
        let shown = told.masked_message(&hidden);
        if answer.status == 401 {
            let message = token::refusal_message(401, &shown);
            // A token may end between its renewal and its use; several times in a row that is no
            // chance.
            let known = matches!(pass, Authorization::Basic(_))
                || self
                    .consecutive_unauthorized
                    .fetch_add(1, Ordering::Relaxed)
                    + 1
                    >= MAX_CONSECUTIVE_UNAUTHORIZED;
            if known {
                self.upstream.mark_unauthorized(&message);
            }
            return Err(credentials_refused(&message));
        }
        self.consecutive_unauthorized.store(0, Ordering::Relaxed);
        Ok(ApiResponse {
            response: answer,
            resource: access,
            error_body: told,
            error_message: shown,
        })
    }

    async fn send_once(
        &self,
        operation: &'static str,
        effect: CallKind,
        pass: &Authorization,
        request: &(impl Fn() -> RequestBuilder + Send + Sync),
    ) -> Result<HttpResponse, CallError> {
        let request = pass.apply_to(request()).header(ACCEPT, JSON);
        self.upstream
            .send(operation, effect, request, |_| false)
            .await
    }

    async fn get(
        &self,
        operation: &'static str,
        access: ApiResource,
        url: &Url,
    ) -> Result<ApiResponse, ProviderError> {
        let request = || self.upstream.request(Method::GET, url.clone());
        self.send_authorized(operation, CallKind::Read, access, &[], request)
            .await
    }

    /// Asks for one thing; nothing when VeraCore itself says that it does not have it.
    pub(super) async fn get_optional(
        &self,
        operation: &'static str,
        access: ApiResource,
        url: &Url,
    ) -> Result<Option<SuccessResponse>, ProviderError> {
        let reply = self.get(operation, access, url).await?;
        if reply.response.status != 404 {
            return Ok(Some(reply.into_success()?));
        }
        if reply.error_body.is_not_found() {
            return Ok(None);
        }
        let problem = format!(
            "HTTP 404 does not come from VeraCore's API{}; check VERACORE_API_URL",
            parenthesized(&reply.error_message)
        );
        Err(reply.response.malformed(problem).into())
    }

    /// Hands over the rows of a page, and gives back the one that follows.
    pub(super) async fn get_page<T>(
        &self,
        operation: &'static str,
        access: ApiResource,
        url: Url,
        row: impl Fn(usize, &RawValue) -> FeedRow<T> + Send + Sync,
        take: RowSink<'_, T>,
    ) -> Result<Option<PageCursor>, ProviderError> {
        let accepted = self.get(operation, access, &url).await?.into_success()?;
        let next = accepted.parse_json(|body| {
            let next = rows::list(body, |index, raw| take(row(index, raw)))?;
            next.map(|next| self.base_url.next(&url, &next)).transpose()
        })?;
        Ok(next)
    }
}
