//! The client of the Admin API: one POST an operation, and what its answer means.

use reqwest::{Method, RequestBuilder, header::HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;
use url::Url;

use super::{
    StorefrontError, UNKNOWN_CODE, is_ambiguous_code,
    session::{AuthToken, Session},
};
use crate::{
    clock::SharedClock,
    domain::text::one_line,
    http::{CallKind, Circuit, HttpResponse, Upstream, UpstreamLimits, parse_json},
};

/// Who we are in the shop.
#[derive(Debug, Clone)]
pub enum VendureCredentials {
    Password {
        username: String,
        password: SecretString,
    },
    /// Sent in its own header; only shops that turned API keys on take it (3.6 and newer).
    ApiKey(SecretString),
}

#[derive(Debug, Clone)]
pub struct VendureSettings {
    pub api_url: Url,
    pub credentials: VendureCredentials,
    /// `None`: the shop's default channel.
    pub channel_token: Option<String>,
    pub limits: UpstreamLimits,
}

/// A shop, by its Admin API.
pub struct VendureClient {
    pub(super) upstream: Upstream,
    pub(super) settings: VendureSettings,
    session: Session,
}

const TOKEN_HEADER: &str = "vendure-auth-token";
const CHANNEL_HEADER: &str = "vendure-token";
const API_KEY_HEADER: &str = "vendure-api-key";

/// The largest request that Vendure takes, unless it was set up to take more: above it the answer
/// is an HTTP 500 that does not say why.
const MAX_REQUEST_BYTES: usize = 100 * 1024;

/// What an operation does in the shop, which decides what an error of it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OperationKind {
    /// Logs in.
    Login,
    Read,
    Write,
}

impl OperationKind {
    const fn call_kind(self) -> CallKind {
        match self {
            Self::Login => CallKind::Login,
            Self::Read => CallKind::Read,
            Self::Write => CallKind::Write,
        }
    }
}

/// An answer's envelope. `data` is kept as it is, so that a list can be read item by item.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

#[derive(Deserialize)]
struct GraphqlError {
    #[serde(default)]
    message: String,
    /// Where in the data; absent when nothing was begun.
    #[serde(default)]
    path: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    extensions: Option<Extensions>,
}

impl GraphqlError {
    /// Whether it comes from within a mutation's answer, which is looked up when the work is done
    /// and its transaction closed. An error of the work itself has the mutation for its path.
    fn is_after_commit(&self) -> bool {
        self.path.as_ref().is_some_and(|path| path.len() > 1)
    }
}

#[derive(Deserialize)]
struct Extensions {
    #[serde(default)]
    code: Option<String>,
}

/// The part of an answer that tells which channel answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChannelCheck {
    active_channel: Option<ResponseChannel>,
}

#[derive(Deserialize)]
struct ResponseChannel {
    code: String,
    token: String,
}

/// A successful answer's `data`, still as text.
pub(super) struct ResponseData {
    response: HttpResponse,
    range: std::ops::Range<usize>,
}

impl VendureClient {
    /// # Errors
    /// When the TLS set-up of this machine is unusable.
    pub fn new(settings: VendureSettings, clock: SharedClock) -> Result<Self, reqwest::Error> {
        Self::with_name("Vendure", settings, clock)
    }

    /// The same under a name of its own in errors and the log.
    ///
    /// # Errors
    /// When the TLS set-up of this machine is unusable.
    pub fn with_name(
        name: &'static str,
        settings: VendureSettings,
        clock: SharedClock,
    ) -> Result<Self, reqwest::Error> {
        let upstream = Upstream::new(name, settings.limits, clock)?;
        Ok(Self {
            upstream,
            settings,
            session: Session::default(),
        })
    }

    /// Whether it is called at all.
    #[must_use]
    pub fn circuit(&self) -> Circuit {
        self.upstream.circuit()
    }

    /// Runs one query, with a fresh session should the present one be refused.
    pub(super) async fn query<T, V>(
        &self,
        name: &'static str,
        operation: &cynic::Operation<T, V>,
    ) -> Result<ResponseData, StorefrontError>
    where
        V: Serialize + Sync,
        T: Sync,
    {
        self.execute(name, OperationKind::Read, request_body(name, operation)?)
            .await
    }

    /// Runs one mutation in the same way. An error that does not rule out that it was done is
    /// [`StorefrontError::Unclear`].
    pub(super) async fn mutate<T, V>(
        &self,
        name: &'static str,
        operation: &cynic::Operation<T, V>,
    ) -> Result<ResponseData, StorefrontError>
    where
        V: Serialize + Sync,
        T: Sync,
    {
        self.execute(name, OperationKind::Write, request_body(name, operation)?)
            .await
    }

    pub(super) async fn execute(
        &self,
        name: &'static str,
        does: OperationKind,
        body: Vec<u8>,
    ) -> Result<ResponseData, StorefrontError> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(StorefrontError::InvalidField {
                operation: name,
                field: "request".into(),
                problem: format!(
                    "is {} bytes large, Vendure takes {MAX_REQUEST_BYTES}",
                    body.len()
                ),
            });
        }
        let pass = self.session.token(self).await?;
        match self.post(name, does, body.clone(), Some(&pass)).await {
            // Vendure says FORBIDDEN for an expired session and for a missing permission alike:
            // log in again once, then believe it. Refused calls did nothing, so they may be
            // repeated, mutations too.
            Err(StorefrontError::Forbidden { .. }) if pass.is_renewable() => {
                let fresh = self.session.renew(self, &pass).await?;
                let again = self.post(name, does, body, Some(&fresh)).await;
                self.mark_if_locked_out(name, again)
            }
            other => self.mark_if_locked_out(name, other),
        }
    }

    /// Whoever may not even list the orders is not let in any more: a key that was revoked, a role
    /// that was taken away. A permission that is missing for something else stops only that.
    fn mark_if_locked_out(
        &self,
        name: &'static str,
        outcome: Result<ResponseData, StorefrontError>,
    ) -> Result<ResponseData, StorefrontError> {
        if let Err(error @ StorefrontError::Forbidden { .. }) = &outcome
            && name == super::orders::LIST_ORDERS
        {
            self.upstream.mark_unauthorized(&error.to_string());
        }
        outcome
    }

    /// One POST. `pass` is absent for the login itself.
    pub(super) async fn post(
        &self,
        name: &'static str,
        does: OperationKind,
        body: Vec<u8>,
        pass: Option<&AuthToken>,
    ) -> Result<ResponseData, StorefrontError> {
        let mut request = self
            .upstream
            .request(Method::POST, self.settings.api_url.clone())
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(body);
        if let Some(token) = &self.settings.channel_token {
            request = request.header(CHANNEL_HEADER, token);
        }
        if let Some(pass) = pass {
            request = authorize(request, pass);
        }
        let answer = self
            .upstream
            .send(name, does.call_kind(), request, may_be_forbidden)
            .await?;
        self.read_response(name, does, answer)
    }

    fn read_response(
        &self,
        name: &'static str,
        does: OperationKind,
        answer: HttpResponse,
    ) -> Result<ResponseData, StorefrontError> {
        let data = ResponseData::from_response(name, does, answer)?;
        self.check_channel(&data)?;
        Ok(data)
    }

    /// A shop that does not know a channel's token answers for its default channel without a word,
    /// which must never be taken for the configured one's orders.
    fn check_channel(&self, data: &ResponseData) -> Result<(), StorefrontError> {
        let Some(wanted) = &self.settings.channel_token else {
            return Ok(());
        };
        let Ok(answering) = serde_json::from_str::<ChannelCheck>(data.text()) else {
            return Ok(());
        };
        match answering.active_channel {
            Some(channel) if channel.token != *wanted => Err(StorefrontError::WrongChannel {
                answering: Some(one_line(&channel.code, 80)),
            }),
            _ => Ok(()),
        }
    }
}

impl ResponseData {
    /// The data that an answer holds, if it holds any and no errors.
    pub(super) fn from_response(
        name: &'static str,
        does: OperationKind,
        answer: HttpResponse,
    ) -> Result<Self, StorefrontError> {
        let range = match serde_json::from_slice::<Envelope<'_>>(&answer.body) {
            Ok(Envelope { errors, .. }) if !errors.is_empty() => {
                return Err(graphql_error(name, does, &errors));
            }
            Ok(Envelope {
                data: Some(data), ..
            }) if (200..300).contains(&answer.status) => {
                let start = data.get().as_ptr().addr() - answer.body.as_ptr().addr();
                start..start + data.get().len()
            }
            Ok(_) if (200..300).contains(&answer.status) => {
                return Err(answer
                    .malformed("it has neither data nor errors".into())
                    .into());
            }
            Ok(_) => return Err(status_error(answer)),
            Err(_) if !(200..300).contains(&answer.status) => return Err(status_error(answer)),
            Err(_) => {
                let error = answer.json::<IgnoredAny>().err();
                let malformed = || answer.malformed("it is not a GraphQL answer".into());
                return Err(error.unwrap_or_else(malformed).into());
            }
        };
        Ok(Self {
            response: answer,
            range,
        })
    }

    pub(super) fn text(&self) -> &str {
        self.response
            .body
            .get(self.range.clone())
            .and_then(|b| std::str::from_utf8(b).ok())
            .unwrap_or("")
    }

    /// The data in their agreed shape, which may borrow from the answer.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, StorefrontError> {
        parse_json(self.text().as_bytes())
            .map_err(|problem| self.response.malformed(problem).into())
    }

    pub(super) fn malformed(&self, detail: String) -> StorefrontError {
        self.response.malformed(detail).into()
    }

    /// The session token that a login's answer carries.
    pub(super) fn session_token(&self) -> Option<SecretString> {
        let token = self.response.headers.get(TOKEN_HEADER)?.to_str().ok()?;
        (!token.is_empty()).then(|| SecretString::from(token.to_owned()))
    }
}

pub(super) fn request_body<T: ?Sized + Serialize>(
    name: &'static str,
    operation: &T,
) -> Result<Vec<u8>, StorefrontError> {
    serde_json::to_vec(operation).map_err(|error| StorefrontError::InvalidField {
        operation: name,
        field: "request".into(),
        problem: error.to_string(),
    })
}

fn authorize(request: RequestBuilder, pass: &AuthToken) -> RequestBuilder {
    match pass {
        AuthToken::Session { token, .. } => request.bearer_auth(token.expose_secret()),
        // Never as a Bearer token: Vendure does not read a key there.
        AuthToken::ApiKey(key) => match HeaderValue::from_str(key.expose_secret()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(API_KEY_HEADER, value)
            }
            // Not sendable, so not right either: the shop's refusal says so.
            Err(_) => request,
        },
    }
}

fn graphql_error(
    operation: &'static str,
    does: OperationKind,
    errors: &[GraphqlError],
) -> StorefrontError {
    let code = |error: &GraphqlError| {
        let code = error.extensions.as_ref().and_then(|e| e.code.clone());
        code.filter(|code| !code.is_empty())
            .unwrap_or_else(|| UNKNOWN_CODE.into())
    };
    let told = |error: Option<&GraphqlError>| {
        (
            one_line(&error.map_or_else(|| UNKNOWN_CODE.into(), code), 60),
            one_line(error.map_or("", |error| error.message.as_str()), 300),
        )
    };
    if does == OperationKind::Write
        && let Some(error) = errors
            .iter()
            .find(|error| error.is_after_commit() || is_ambiguous_code(&code(error)))
    {
        let (code, message) = told(Some(error));
        return StorefrontError::Ambiguous {
            operation,
            code,
            message,
        };
    }
    if errors
        .iter()
        .any(|error| matches!(code(error).as_str(), "FORBIDDEN" | "UNAUTHORIZED"))
    {
        return StorefrontError::Forbidden { operation };
    }
    if errors
        .iter()
        .any(|error| code(error) == "CHANNEL_NOT_FOUND")
    {
        return StorefrontError::WrongChannel { answering: None };
    }
    let (code, message) = told(errors.first());
    StorefrontError::Graphql {
        operation,
        code,
        message,
    }
}

/// Whether an answer may be a refusal, which Vendure gives with a good status. Looked for without
/// reading it all: a refusal is short.
fn may_be_forbidden(answer: &HttpResponse) -> bool {
    const MOST: usize = 4096;
    let code = b"\"FORBIDDEN\"";
    answer.body.len() <= MOST && answer.body.windows(code.len()).any(|bytes| bytes == code)
}

fn status_error(answer: HttpResponse) -> StorefrontError {
    let message =
        |answer: &HttpResponse| match answer.body.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'<') => {
                "it answered with an HTML page. Is VENDURE_API_URL the Admin API's?".into()
            }
            _ if answer.status == 404 => "is VENDURE_API_URL the Admin API's?".into(),
            _ => String::new(),
        };
    match answer.error_for_status(message) {
        Err(error) => error.into(),
        Ok(answer) => answer.malformed("it is not a GraphQL answer".into()).into(),
    }
}
