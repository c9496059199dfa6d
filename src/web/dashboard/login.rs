//! Login and logout.

use std::net::IpAddr;

use askama::Template;
use axum::{
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{
    error_page::{ErrorPage, PageResult, with_timeout},
    page::{PageFrame, redirect, render, with_cookie, with_retry_after},
    session::{self, SessionSecret, cookie_header, is_https, read_cookie},
    session_context::{QueryParams, SubmittedForm, TOKEN_FIELD, read_form},
};
use crate::web::{
    access::{Principal, READ_ORDERS, wrong_login},
    request_error::RequestError,
    services::Services,
    state::{PeerIp, WebState},
};

/// Holds the form's token, so that no other site can log a browser in.
const LOGIN_COOKIE: &str = "veracore_sync_login";
const LOGIN_COOKIE_SECONDS: u32 = 3600;

const MAX_FIELD_BYTES: usize = 512;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: PageFrame,
    next: String,
    username: String,
    problem: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct LoginQuery {
    #[serde(default)]
    next: String,
}

pub(super) async fn show(
    QueryParams(query): QueryParams<LoginQuery>,
    headers: HeaderMap,
) -> Response {
    login_page(&headers, StatusCode::OK, &query.next, "", None)
}

fn login_page(
    headers: &HeaderMap,
    status: StatusCode,
    next: &str,
    username: &str,
    problem: Option<String>,
) -> Response {
    // Several tabs share the token.
    let current =
        read_cookie(headers, LOGIN_COOKIE).filter(|text| SessionSecret::parse(text).is_some());
    let token = current.unwrap_or_else(|| SessionSecret::generate().encode());
    let page = LoginPage {
        frame: PageFrame {
            form_token: token.clone(),
            ..PageFrame::anonymous("Log in")
        },
        next: local_path(next).to_owned(),
        username: username.to_owned(),
        problem,
    };
    let lifetime = Some(LOGIN_COOKIE_SECONDS);
    let cookie = cookie_header(LOGIN_COOKIE, &token, lifetime, is_https(headers));
    with_cookie(render(status, &page), cookie)
}

/// The path if it is our own, else `/`: a redirect never leaves the dashboard.
fn local_path(path: &str) -> &str {
    let is_ours = path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/login")
        && path.len() <= 300
        && !path.contains('\\')
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours { path } else { "/" }
}

pub(super) async fn log_in(
    State(state): State<WebState>,
    ConnectInfo(PeerIp(peer)): ConnectInfo<PeerIp>,
    headers: HeaderMap,
    body: Body,
) -> PageResult {
    let services = state.services.require()?;
    let ledger = &services.ledger;
    let fields = read_form(&headers, body).await?;
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let (username, next) = (field("username"), field("next"));
    let login_again = |error: RequestError| {
        let problem = Some(error.message);
        let response = login_page(&headers, error.status, next, username, problem);
        with_retry_after(response, error.retry_after)
    };
    let expected = read_cookie(&headers, LOGIN_COOKIE);
    if expected.is_none_or(|expected| expected != field(TOKEN_FIELD)) {
        return Ok(login_again(RequestError::new(
            StatusCode::FORBIDDEN,
            "The form has expired. Try again.",
        )));
    }
    // First, so that a failing ledger leaves no unused session in Vendure.
    let before = SessionSecret::from_cookie(&headers).map(|secret| secret.digest());
    with_timeout(ledger.delete_web_session(&before.unwrap_or_default())).await?;
    let credentials = (username, field("password"));
    let (principal, token) = match authenticate(&state, &services, credentials, peer).await {
        Ok(authenticated) => authenticated,
        Err(error) => return Ok(login_again(error)),
    };
    let secret = SessionSecret::generate();
    let sealed = secret
        .seal(&token)
        .ok_or_else(|| ErrorPage::unavailable("The session could not be encrypted. Try again."))?;
    with_timeout(ledger.insert_web_session(&secret.digest(), &sealed)).await?;
    tracing::info!(by = principal.name, "logged in to the dashboard");
    let is_https = is_https(&headers);
    let session_cookie = secret.set_cookie_header(is_https);
    let no_login_cookie = cookie_header(LOGIN_COOKIE, "", Some(0), is_https);
    let response = with_cookie(redirect(local_path(next)), session_cookie);
    Ok(with_cookie(response, no_login_cookie))
}

/// Logs in to Vendure. Returns the user and the token of their new session.
async fn authenticate(
    state: &WebState,
    services: &Services,
    (username, password): (&str, &str),
    peer: IpAddr,
) -> Result<(Principal, SecretString), RequestError> {
    if username.is_empty() || password.is_empty() {
        return Err(RequestError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Enter your name and password.",
        ));
    }
    let is_odd = |text: &str| text.len() > MAX_FIELD_BYTES || text.chars().any(char::is_control);
    if is_odd(username) || is_odd(password) {
        return Err(wrong_login());
    }
    let password = SecretString::from(password);
    let failures = &state.failed_logins;
    let token = services
        .authenticator
        .log_in(failures, (username, &password), peer)
        .await?;
    let principal = services.authenticator.authenticate_session(&token).await?;
    if principal.has_any_permission(READ_ORDERS) {
        return Ok((principal, token));
    }
    Err(RequestError::new(
        StatusCode::FORBIDDEN,
        "Your login is correct, but your role lacks the permission ReadOrder in veracore-sync's channel.",
    ))
}

/// Ends our session only. Logging out of Vendure would end the user's sessions in its admin UI, too.
pub(super) async fn log_out(SubmittedForm(session): SubmittedForm) -> PageResult {
    let ledger = &session.services.ledger;
    with_timeout(ledger.delete_web_session(&session.secret.digest())).await?;
    Ok(with_cookie(
        redirect("/login"),
        session::clear_cookie_header(session.is_https),
    ))
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn nobody_is_led_elsewhere() {
        for path in ["/", "/orders/A%201?x=y", "/inventory"] {
            assert_eq!(local_path(path), path);
        }
        let bad = [
            "",
            "orders",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nSet-Cookie: x",
            "/login?next=/",
            "/ä",
        ];
        for path in bad {
            assert_eq!(local_path(path), "/", "{path:?}");
        }
    }
}
