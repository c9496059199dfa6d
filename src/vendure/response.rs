//! The envelope of a GraphQL response: its data, or the error that it is.

use secrecy::SecretString;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::error::{StorefrontError, UNKNOWN_CODE, is_ambiguous_code};
use crate::{
    domain::text::one_line,
    http::{CallKind, HttpResponse, parse_json},
};

const TOKEN_HEADER: &str = "vendure-auth-token";

/// A GraphQL response. `data` stays text, so that a list can be read item by item.
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
    /// Location in the data; absent when the operation did not start.
    #[serde(default)]
    path: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    extensions: Option<Extensions>,
}

impl GraphqlError {
    /// True for an error in a mutation's result, which is resolved after the mutation's transaction
    /// is committed. An error of the mutation itself has a path of one element.
    fn is_after_commit(&self) -> bool {
        self.path.as_ref().is_some_and(|path| path.len() > 1)
    }

    fn code(&self) -> &str {
        let code = self.extensions.as_ref().and_then(|e| e.code.as_deref());
        code.filter(|code| !code.is_empty()).unwrap_or(UNKNOWN_CODE)
    }
}

#[derive(Deserialize)]
struct Extensions {
    #[serde(default)]
    code: Option<String>,
}

/// The `data` of a successful response, still text.
pub(super) struct ResponseData {
    response: HttpResponse,
    range: std::ops::Range<usize>,
}

impl ResponseData {
    /// Takes a response's data; fails when it has none, or errors.
    pub(super) fn from_response(
        name: &'static str,
        kind: CallKind,
        response: HttpResponse,
    ) -> Result<Self, StorefrontError> {
        let range = match serde_json::from_slice::<Envelope<'_>>(&response.body) {
            Ok(Envelope { errors, .. }) if !errors.is_empty() => {
                return Err(graphql_error(name, kind, &errors));
            }
            Ok(Envelope {
                data: Some(data), ..
            }) if response.is_success() => {
                let start = data.get().as_ptr().addr() - response.body.as_ptr().addr();
                start..start + data.get().len()
            }
            Ok(_) if response.is_success() => {
                return Err(response
                    .malformed("it has neither data nor errors".into())
                    .into());
            }
            Ok(_) => return Err(status_error(response)),
            Err(_) if !response.is_success() => return Err(status_error(response)),
            Err(_) => {
                let error = response.json::<IgnoredAny>().err();
                let malformed = || response.malformed("it is not a GraphQL response".into());
                return Err(error.unwrap_or_else(malformed).into());
            }
        };
        Ok(Self { response, range })
    }

    pub(super) fn text(&self) -> &str {
        self.response
            .body
            .get(self.range.clone())
            .and_then(|b| std::str::from_utf8(b).ok())
            .unwrap_or("")
    }

    /// Parses the data into `T`, which may borrow from the response.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, StorefrontError> {
        parse_json(self.text().as_bytes())
            .map_err(|problem| self.response.malformed(problem).into())
    }

    pub(super) fn malformed(&self, detail: String) -> StorefrontError {
        self.response.malformed(detail).into()
    }

    /// The session token in a login's response.
    pub(super) fn session_token(&self) -> Option<SecretString> {
        let token = self.response.headers.get(TOKEN_HEADER)?.to_str().ok()?;
        (!token.is_empty()).then(|| SecretString::from(token.to_owned()))
    }
}

fn graphql_error(
    operation: &'static str,
    kind: CallKind,
    errors: &[GraphqlError],
) -> StorefrontError {
    let describe = |error: Option<&GraphqlError>| {
        (
            one_line(error.map_or(UNKNOWN_CODE, GraphqlError::code), 60),
            one_line(error.map_or("", |error| &error.message), 300),
        )
    };
    let unclear =
        |error: &&GraphqlError| error.is_after_commit() || is_ambiguous_code(error.code());
    if kind == CallKind::Write
        && let error @ Some(_) = errors.iter().find(unclear)
    {
        let (code, message) = describe(error);
        return StorefrontError::Ambiguous {
            operation,
            code,
            message,
        };
    }
    let has_code = |codes: &[&str]| errors.iter().any(|error| codes.contains(&error.code()));
    if has_code(&["FORBIDDEN", "UNAUTHORIZED"]) {
        return StorefrontError::Forbidden { operation };
    }
    if has_code(&["CHANNEL_NOT_FOUND"]) {
        return StorefrontError::WrongChannel { answering: None };
    }
    let (code, message) = describe(errors.first());
    StorefrontError::Graphql {
        operation,
        code,
        message,
    }
}

fn status_error(response: HttpResponse) -> StorefrontError {
    let message =
        |response: &HttpResponse| match response.body.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'<') => {
                "the response is an HTML page. Check that VENDURE_API_URL is the Admin API".into()
            }
            _ if response.status == 404 => "check that VENDURE_API_URL is the Admin API".into(),
            _ => String::new(),
        };
    match response.error_for_status(message) {
        Err(error) => error.into(),
        Ok(response) => response
            .malformed("it is not a GraphQL response".into())
            .into(),
    }
}
