//! `POST /graphql`: the schema of the contract, for callers who were let in.
//!
//! Owns the names and shapes of the API. Decides nothing about an order, a level or a package: it
//! asks `sync`, or reads the ledger.

mod document_limits;
mod errors;
mod mutation;
mod orders;
mod paging;
mod query;
mod settings;
mod stats;

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_graphql::{Context, EmptySubscription, Guard, Request, Schema, SchemaBuilder, Variables};
use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use self::{mutation::Mutation, query::Query};
use super::{
    PeerIp, SettingsService, WebState,
    access::{self, Principal},
    body,
    request_error::RequestError,
    services::Services,
};
use crate::vendure::Permission;

/// No document and its variables are larger.
const MAX_BODY: usize = 256 * 1024;

/// The standard query about the schema itself is 13 deep.
const MAX_DEPTH: usize = 16;

/// A field costs one, and what looks into the ledger or further costs more.
const MAX_COMPLEXITY: usize = 4000;
pub(super) const READ_COST: usize = 20;
pub(super) const ACTION_COST: usize = 400;

/// How long what only reads may take.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

type ApiSchema = Schema<Query, Mutation, EmptySubscription>;

fn schema() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query, Mutation, EmptySubscription)
}

/// The schema in GraphQL's own language.
pub fn sdl() -> String {
    schema().finish().sdl()
}

/// The schema with its limits. Cheap to clone.
#[derive(Clone)]
pub(super) struct Api(ApiSchema);

impl Default for Api {
    fn default() -> Self {
        Self(
            schema()
                .limit_depth(MAX_DEPTH)
                .limit_complexity(MAX_COMPLEXITY)
                .limit_directives(8)
                .finish(),
        )
    }
}

pub(super) fn router() -> Router<WebState> {
    Router::new().route("/graphql", post(handle))
}

/// What a caller sends, and nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RequestBody {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    /// Some clients send it empty.
    #[serde(default)]
    #[expect(dead_code, reason = "accepted and not heeded")]
    extensions: Option<Map<String, Value>>,
}

async fn handle(
    State(state): State<WebState>,
    ConnectInfo(PeerIp(peer)): ConnectInfo<PeerIp>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match execute(&state, peer, &headers, body).await {
        Ok(response) => Json(response).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn execute(
    state: &WebState,
    peer: IpAddr,
    headers: &HeaderMap,
    body: Body,
) -> Result<async_graphql::Response, RequestError> {
    let services = state
        .services
        .current()
        .ok_or_else(RequestError::starting)?;
    // Before the body is read: strangers do not get us to read much.
    let admitted =
        access::authenticate(&services, &state.failed_credentials, headers, peer).await?;
    ensure_json(headers)?;
    let bytes = body::read(body, MAX_BODY).await?;
    let mut request = parse_request(&bytes)?;
    if request.query.len() > document_limits::MAX_DOCUMENT_BYTES {
        return Ok(errors::document_rejected("The document is too long."));
    }
    if let Err(why) = document_limits::check_nesting(&request.query) {
        return Ok(errors::document_rejected(&why));
    }
    if let Ok(document) = request.parsed_query()
        && let Err(why) = document_limits::check(document)
    {
        return Ok(errors::document_rejected(&why));
    }
    let desk = Arc::clone(&state.settings);
    let request = request.data(admitted).data(services).data(desk);
    let mut response = state.api.0.execute(request).await;
    for error in &mut response.errors {
        errors::sanitize(error);
    }
    Ok(response)
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
        return Err(bad("Send one operation at a time, not a list.".into()));
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

/// Lets through who has one of these permissions.
struct RequirePermission(&'static [Permission]);

const READ_ORDERS: RequirePermission = RequirePermission(access::READ_ORDERS);
const UPDATE_ORDERS: RequirePermission = RequirePermission(access::UPDATE_ORDERS);
const UPDATE_STOCK: RequirePermission = RequirePermission(access::UPDATE_STOCK);
const UPDATE_SETTINGS: RequirePermission = RequirePermission(access::UPDATE_SETTINGS);

impl Guard for RequirePermission {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        let admitted: &Principal = ctx.data()?;
        if admitted.has_any_permission(self.0) {
            return Ok(());
        }
        Err(errors::forbidden(self.0))
    }
}

/// The services in force when the request came.
fn services<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Arc<Services>> {
    ctx.data()
}

fn settings_service<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Arc<dyn SettingsService>> {
    ctx.data()
}

/// Who asks, for the log.
fn caller_name<'a>(ctx: &Context<'a>) -> &'a str {
    ctx.data::<Principal>()
        .map_or("somebody", |admitted| admitted.name.as_str())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
