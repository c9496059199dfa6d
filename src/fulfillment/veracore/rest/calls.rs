//! HTTP calls: authorization, the repetition after a 401, and errors by status.

use reqwest::{Method, RequestBuilder, header::ACCEPT};
use secrecy::ExposeSecret as _;
use serde_json::value::RawValue;
use url::Url;

use super::{
    super::common::{
        REDIRECT, credentials::credentials_refused, error_body::ErrorBody, fields::ParseProblem,
        refusal_message, rows,
    },
    client::RestClient,
    token::Token,
};
use crate::{
    fulfillment::{FeedRow, PageCursor, ProviderError, RowSink},
    http::{CallError, CallKind, HttpResponse},
};

pub(super) const JSON: &str = "application/json";

/// The part of the API that a path belongs to, for the message of a 403.
#[derive(Clone, Copy, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(super) enum ApiResource {
    Orders,
    Inventory,
    Shipments,
}

/// A response with a status other than 401.
pub(super) struct ApiResponse {
    pub response: HttpResponse,
    resource: ApiResource,
    /// Empty for a 2xx.
    pub error_body: ErrorBody,
    /// The message of `error_body`, with secrets masked.
    pub error_message: String,
}

impl ApiResponse {
    /// The response if its status is a 2xx.
    pub(super) fn into_success(self) -> Result<HttpResponse, CallError> {
        let (resource, message) = (self.resource.into_str(), self.error_message);
        self.response
            .error_for_status(|response| match response.status {
                403 => format!(
                    "the API client has no access to {resource}, which VeraCore can grant{}",
                    parenthesized(&message)
                ),
                300..400 => REDIRECT.into(),
                _ => message,
            })
    }
}

fn parenthesized(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(" ({message})")
    }
}

/// Reads a JSON body in place, after checking that all of it is JSON.
pub(super) fn parse_json<'a, T>(
    response: &'a HttpResponse,
    read: impl FnOnce(&'a RawValue) -> Result<T, ParseProblem>,
) -> Result<T, CallError> {
    read(response.json()?).map_err(|problem| response.malformed(problem))
}

impl RestClient {
    /// A token, unless calls use HTTP Basic. VeraCore has rejected `refused`.
    async fn token(&self, refused: Option<&Token>) -> Result<Option<Token>, ProviderError> {
        let Some(tokens) = &self.tokens else {
            return Ok(None);
        };
        let token = tokens.valid_token(&self.upstream, &self.credentials, refused);
        token.await.map(Some)
    }

    /// Sends a request, and once more with a new token after a 401. Nothing was done before a 401,
    /// so this is safe for writes too.
    pub(super) async fn send_authorized(
        &self,
        operation: &'static str,
        kind: CallKind,
        resource: ApiResource,
        redactions: &[&str],
        request: impl Fn() -> RequestBuilder + Send + Sync,
    ) -> Result<ApiResponse, ProviderError> {
        let mut token = self.token(None).await?;
        let mut response = self
            .send_once(operation, kind, token.as_ref(), &request)
            .await?;
        if response.status == 401 && token.is_some() {
            token = self.token(token.as_ref()).await?;
            response = self
                .send_once(operation, kind, token.as_ref(), &request)
                .await?;
        }
        let error_body = if (200..300).contains(&response.status) {
            ErrorBody::Empty
        } else {
            ErrorBody::parse(&response.body)
        };
        let error_message = self.masked_message(&error_body, token.as_ref(), redactions);
        if response.status == 401 {
            let message = refusal_message(401, &error_message);
            // A 401 may concern only the token.
            let refused = self.tokens.as_ref().zip(token.as_ref());
            if refused.is_none_or(|(tokens, token)| tokens.record_refused(token)) {
                self.upstream.mark_unauthorized(&message);
            }
            return Err(credentials_refused(&message));
        }
        if let Some(tokens) = &self.tokens {
            tokens.record_accepted();
        }
        Ok(ApiResponse {
            response,
            resource,
            error_body,
            error_message,
        })
    }

    fn masked_message(
        &self,
        body: &ErrorBody,
        token: Option<&Token>,
        redactions: &[&str],
    ) -> String {
        let basic = self.credentials.basic_auth_value();
        let mut redactions = redactions.to_vec();
        redactions.extend(token.map(|token| token.value.expose_secret()));
        redactions.extend([self.credentials.client_secret.expose_secret(), &*basic]);
        body.masked_message(&redactions)
    }

    async fn send_once(
        &self,
        operation: &'static str,
        kind: CallKind,
        token: Option<&Token>,
        request: &(impl Fn() -> RequestBuilder + Send + Sync),
    ) -> Result<HttpResponse, CallError> {
        let request = match token {
            Some(token) => request().bearer_auth(token.value.expose_secret()),
            None => self.credentials.apply_to(request()),
        };
        let request = request.header(ACCEPT, JSON);
        self.upstream.send(operation, kind, request).await
    }

    async fn get(
        &self,
        operation: &'static str,
        resource: ApiResource,
        url: &Url,
    ) -> Result<ApiResponse, ProviderError> {
        let request = || self.upstream.request(Method::GET, url.clone());
        self.send_authorized(operation, CallKind::Read, resource, &[], request)
            .await
    }

    /// Gets and reads one object; `None` when VeraCore itself says that it does not have it.
    pub(super) async fn get_optional<T>(
        &self,
        operation: &'static str,
        resource: ApiResource,
        url: &Url,
        read: impl FnOnce(&RawValue) -> Result<T, ParseProblem> + Send,
    ) -> Result<Option<T>, ProviderError> {
        let reply = self.get(operation, resource, url).await?;
        if reply.response.status != 404 {
            return Ok(Some(parse_json(&reply.into_success()?, read)?));
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

    /// Passes the rows of a page to `take`, and returns the next page's cursor.
    pub(super) async fn get_page<T>(
        &self,
        operation: &'static str,
        resource: ApiResource,
        url: Url,
        row: impl Fn(usize, &RawValue) -> FeedRow<T> + Send + Sync,
        take: RowSink<'_, T>,
    ) -> Result<Option<PageCursor>, ProviderError> {
        let response = self.get(operation, resource, &url).await?.into_success()?;
        let next = parse_json(&response, |body| {
            let next = rows::list(body, |index, raw| take(row(index, raw)))?;
            next.map(|next| self.base_url.next(&url, &next)).transpose()
        })?;
        Ok(next)
    }
}
