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
    client::{Authenticator, RestClient},
    token::Authorization,
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
        let mut authorization = self.authorization(None).await?;
        let mut response = self
            .send_once(operation, kind, &authorization, &request)
            .await?;
        if response.status == 401 && matches!(authorization, Authorization::Bearer(_)) {
            authorization = self.authorization(Some(&authorization)).await?;
            response = self
                .send_once(operation, kind, &authorization, &request)
                .await?;
        }
        let error_body = if (200..300).contains(&response.status) {
            ErrorBody::Empty
        } else {
            ErrorBody::parse(&response.body)
        };
        let error_message = self.masked_message(&error_body, &authorization, redactions);
        if response.status == 401 {
            let message = refusal_message(401, &error_message);
            if self.are_credentials_refused(&authorization) {
                self.upstream.mark_unauthorized(&message);
            }
            return Err(credentials_refused(&message));
        }
        if let Authenticator::OAuth2(tokens) = &self.authenticator {
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
        authorization: &Authorization,
        redactions: &[&str],
    ) -> String {
        let credentials = match &self.authenticator {
            Authenticator::Basic(credentials) => credentials,
            Authenticator::OAuth2(tokens) => tokens.credentials(),
        };
        let secrets = [
            authorization.secret(),
            credentials.client_secret.expose_secret(),
            &credentials.basic_auth_value(),
        ];
        let redactions: Vec<&str> = redactions.iter().copied().chain(secrets).collect();
        body.masked_message(&redactions)
    }

    /// Whether a 401 says that the credentials are wrong, and not only one token.
    fn are_credentials_refused(&self, authorization: &Authorization) -> bool {
        match (&self.authenticator, authorization) {
            (Authenticator::OAuth2(tokens), Authorization::Bearer(token)) => {
                tokens.record_refused(token)
            }
            _ => true,
        }
    }

    async fn send_once(
        &self,
        operation: &'static str,
        kind: CallKind,
        authorization: &Authorization,
        request: &(impl Fn() -> RequestBuilder + Send + Sync),
    ) -> Result<HttpResponse, CallError> {
        let request = authorization.apply_to(request()).header(ACCEPT, JSON);
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

    /// Gets one object; `None` when VeraCore itself says that it does not have it.
    pub(super) async fn get_optional(
        &self,
        operation: &'static str,
        resource: ApiResource,
        url: &Url,
    ) -> Result<Option<HttpResponse>, ProviderError> {
        let reply = self.get(operation, resource, url).await?;
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
