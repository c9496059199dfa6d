//! `POST /graphql`: the schema of the contract, for callers who were let in.
//!
//! Owns the names and shapes of the API. Decides nothing about an order, a level or a package: it
//! asks `sync`, or reads the ledger.

mod bounds;
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
    Peer, SettingsDesk, WebState,
    access::{self, Admitted},
    body,
    live::Services,
    refusal::Refusal,
};
use crate::vendure::Permission;

/// No document and its variables are larger.
const LARGEST: usize = 256 * 1024;

/// The standard query about the schema itself is 13 deep.
const DEEPEST: usize = 16;

/// A field costs one, and what looks into the ledger or further costs more.
const MOST_COMPLEX: usize = 4000;
pub(super) const LOOK: usize = 20;
pub(super) const WORK: usize = 400;

/// How long what only reads may take.
const READING: Duration = Duration::from_secs(30);

type ApiSchema = Schema<Query, Mutation, EmptySubscription>;

fn schema() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query, Mutation, EmptySubscription)
}

/// The schema in GraphQL's own language.
#[must_use]
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
                .limit_depth(DEEPEST)
                .limit_complexity(MOST_COMPLEX)
                .limit_directives(8)
                .finish(),
        )
    }
}

pub(super) fn router() -> Router<WebState> {
    Router::new().route("/graphql", post(serve))
}

/// What a caller sends, and nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sent {
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

async fn serve(
    State(state): State<WebState>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match answer(&state, peer, &headers, body).await {
        Ok(response) => Json(response).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer(
    state: &WebState,
    peer: IpAddr,
    headers: &HeaderMap,
    body: Body,
) -> Result<async_graphql::Response, Refusal> {
    let services = state.live.now().ok_or_else(Refusal::starting)?;
    // Before the body is read: strangers do not get us to read much.
    let admitted = access::admit(&services, &state.failures, headers, peer).await?;
    ensure_json(headers)?;
    let bytes = body::read(body, LARGEST).await?;
    let mut request = parse(&bytes)?;
    if request.query.len() > bounds::LONGEST {
        return Ok(errors::refused("The document is too long."));
    }
    if let Err(why) = bounds::check_nesting(&request.query) {
        return Ok(errors::refused(&why));
    }
    if let Ok(document) = request.parsed_query()
        && let Err(why) = bounds::check(document)
    {
        return Ok(errors::refused(&why));
    }
    let desk = Arc::clone(&state.desk);
    let request = request.data(admitted).data(services).data(desk);
    let mut response = state.api.0.execute(request).await;
    for error in &mut response.errors {
        errors::shorten(error);
    }
    Ok(response)
}

fn ensure_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Send GraphQL as JSON, with 'content-type: application/json'.",
    ))
}

fn parse(bytes: &[u8]) -> Result<Request, Refusal> {
    let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, message);
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(bad("Send one operation at a time, not a list.".into()));
    }
    let sent: Sent = serde_json::from_slice(bytes).map_err(|error| {
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
struct Needs(&'static [Permission]);

const READ_ORDERS: Needs = Needs(access::READ_ORDERS);
const UPDATE_ORDERS: Needs = Needs(access::UPDATE_ORDERS);
const UPDATE_STOCK: Needs = Needs(access::UPDATE_STOCK);
const UPDATE_SETTINGS: Needs = Needs(access::UPDATE_SETTINGS);

impl Guard for Needs {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        let admitted: &Admitted = ctx.data()?;
        if admitted.has_any(self.0) {
            return Ok(());
        }
        Err(errors::forbidden(self.0))
    }
}

/// The services in force when the request came.
fn services<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Arc<Services>> {
    ctx.data()
}

fn desk<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Arc<dyn SettingsDesk>> {
    ctx.data()
}

/// Who asks, for the log.
fn caller<'a>(ctx: &Context<'a>) -> &'a str {
    ctx.data::<Admitted>()
        .map_or("somebody", |admitted| admitted.name.as_str())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
