//! `POST /graphql`: the schema of docs/schema.graphql, for authenticated callers.
//!
//! Nothing is decided here: resolvers ask `sync` or read the ledger.

mod context;
mod document_limits;
mod errors;
mod input;
mod mutation;
mod orders;
mod paging;
mod query;
pub(super) mod schema;
mod settings;
mod stats;

use std::sync::Arc;

use async_graphql::{Request, Response, Variables};
use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    request::read_body,
    request_error::RequestError,
    state::{PeerIp, WebState},
};

const MAX_BODY: usize = 256 * 1024;

pub(super) fn router() -> Router<WebState> {
    Router::new().route("/graphql", post(handle))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RequestBody {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    /// Some clients send an empty map.
    #[serde(default)]
    #[expect(dead_code, reason = "accepted and ignored")]
    extensions: Option<Map<String, Value>>,
}

async fn handle(
    State(state): State<WebState>,
    ConnectInfo(PeerIp(peer)): ConnectInfo<PeerIp>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Response>, RequestError> {
    let services = state.services.require()?;
    // Before the body is read: strangers must not make us read much.
    let principal = services
        .authenticator
        .authenticate(&state.failed_credentials, &headers, peer)
        .await?;
    ensure_json(&headers)?;
    let bytes = read_body(body, MAX_BODY).await?;
    let mut request = parse_request(&bytes)?;
    if request.query.len() > document_limits::MAX_DOCUMENT_BYTES {
        return Ok(Json(errors::document_rejected("The document is too long.")));
    }
    if let Err(reason) = document_limits::check_nesting(&request.query) {
        return Ok(Json(errors::document_rejected(&reason)));
    }
    if let Ok(document) = request.parsed_query()
        && let Err(reason) = document_limits::check(document)
    {
        return Ok(Json(errors::document_rejected(&reason)));
    }
    let settings = Arc::clone(&state.settings);
    let request = request.data(principal).data(services).data(settings);
    let mut response = state.api.0.execute(request).await;
    for error in &mut response.errors {
        errors::sanitize(error);
    }
    Ok(Json(response))
}

fn ensure_json(headers: &HeaderMap) -> Result<(), RequestError> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(RequestError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Send GraphQL as JSON, with 'content-type: application/json'.",
    ))
}

fn parse_request(bytes: &[u8]) -> Result<Request, RequestError> {
    let bad = |message: String| RequestError::new(StatusCode::BAD_REQUEST, message);
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(bad(
            "Batched operations are not supported. Send one operation.".into(),
        ));
    }
    let sent: RequestBody = serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => {
                "is not {\"query\": \"…\", \"variables\": {…}, \"operationName\": \"…\"}"
            }
            _ => "is not JSON",
        };
        bad(format!(
            "The body {what} (line {}, column {}).",
            error.line(),
            error.column()
        ))
    })?;
    let variables = Value::Object(sent.variables.unwrap_or_default());
    let mut request = Request::new(sent.query).variables(Variables::from_json(variables));
    if let Some(name) = sent.operation_name {
        request = request.operation_name(name);
    }
    Ok(request)
}

#[cfg(test)]
mod tests;
