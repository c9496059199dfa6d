//! The API of the style `rest`: paths, credentials and wire format.

mod fields;
mod lists;
mod orders;

use hyper::{Method, StatusCode, header::AUTHORIZATION};
use serde_json::json;

use super::{
    access::Credential,
    call::{Call, has_type, segments},
    reply::Reply,
    shared::Shared,
};

/// Executes a call and returns its response.
pub(super) fn handle(shared: &Shared, call: &Call) -> Reply {
    let segments = match segments(&call.path) {
        Some(segments) if !call.outside_base => segments,
        _ => return no_such_path(),
    };
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = match path.as_slice() {
        ["api", "token"] | ["api", "orders"] => Method::POST,
        ["api", "orders", _, "status"]
        | ["api", "inventory"]
        | ["api", "inventory", _]
        | ["api", "shipments"] => Method::GET,
        _ => return no_such_path(),
    };
    if call.method != method {
        return Reply::message(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("this path accepts {method} only"),
        );
    }
    if path == ["api", "token"] {
        return token(shared, call);
    }
    if let Err(message) = authorize(shared, call) {
        return unauthorized(message);
    }
    match path.as_slice() {
        ["api", "orders"] => orders::create(shared, call),
        ["api", "orders", number, "status"] => orders::status(shared, number),
        ["api", "inventory"] => lists::inventory(shared, call),
        ["api", "inventory", sku] => lists::inventory_of(shared, sku),
        _ => lists::shipments(shared, call),
    }
}

fn no_such_path() -> Reply {
    Reply::message(StatusCode::NOT_FOUND, "there is no such path")
}

fn unauthorized(message: &str) -> Reply {
    Reply::problem(StatusCode::UNAUTHORIZED, "error", message)
}

fn credential(call: &Call) -> Option<Credential> {
    let header = call.headers.get(AUTHORIZATION)?.to_str().ok()?;
    Credential::parse(header)
}

fn authorize(shared: &Shared, call: &Call) -> Result<(), &'static str> {
    let config = &shared.config;
    match credential(call) {
        Some(Credential::Bearer(token)) => {
            let now = shared.clock.now();
            if shared.read(|state| state.access.is_valid(&token, now)) {
                Ok(())
            } else {
                Err("the token is unknown or has expired")
            }
        }
        Some(basic) if config.basic => {
            if basic.is_client(&config.client_id, &config.client_secret) {
                Ok(())
            } else {
                Err("wrong user or password")
            }
        }
        Some(_) => Err("HTTP Basic is disabled: get a token"),
        None => Err("the Authorization header is missing or unreadable"),
    }
}

/// `POST /api/token`, RFC 6749 section 4.4.
fn token(shared: &Shared, call: &Call) -> Reply {
    let config = &shared.config;
    if !has_type(call, "application/x-www-form-urlencoded") {
        return Reply::problem(StatusCode::BAD_REQUEST, "error", "invalid_request");
    }
    match credential(call) {
        Some(basic) if basic.is_client(&config.client_id, &config.client_secret) => {}
        _ => return unauthorized("invalid_client"),
    }
    let field = |name: &str| {
        url::form_urlencoded::parse(&call.body)
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.into_owned())
    };
    if field("grant_type").as_deref() != Some("client_credentials") {
        return Reply::problem(StatusCode::BAD_REQUEST, "error", "unsupported_grant_type");
    }
    if field("scope").as_deref() != Some("api") {
        return Reply::problem(StatusCode::BAD_REQUEST, "error", "invalid_scope");
    }
    let now = shared.clock.now();
    let token = shared.change(|state| state.access.issue(config.token_lifetime, now));
    Reply::json(
        StatusCode::OK,
        &json!({
            "access_token": token,
            "expires_in": config.token_lifetime.as_secs(),
            "token_type": "Bearer",
        }),
    )
}
