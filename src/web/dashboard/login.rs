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
    READ_ORDERS, form,
    page::{Frame, Page, Sorry, answer, go_to, with_cookie, with_retry_after},
    session::{self, Secret, cookie, is_https, set_cookie},
    timely,
    visit::{Asked, Visit},
};
use crate::web::{
    Peer, WebState,
    access::{self, Admitted},
    live::Services,
    refusal::Refusal,
};

/// Holds what the form must hold, so that no other site logs a browser in.
const COOKIE: &str = "veracore_sync_login";
const SECONDS: u32 = 3600;

/// No name or password is longer.
const LONGEST: usize = 512;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    next: String,
    username: String,
    problem: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    next: String,
}

pub(super) async fn show(Asked(wanted): Asked<Wanted>, headers: HeaderMap) -> Response {
    page(&headers, StatusCode::OK, &wanted.next, "", None)
}

fn page(
    headers: &HeaderMap,
    status: StatusCode,
    next: &str,
    username: &str,
    problem: Option<String>,
) -> Response {
    // The same one for several tabs.
    let known = cookie(headers, COOKIE).filter(|text| Secret::parse(text).is_some());
    let token = known.unwrap_or_else(|| Secret::generate().text());
    let page = LoginPage {
        frame: Frame {
            form_token: token.clone(),
            ..Frame::of_stranger("Log in")
        },
        next: own_path(next).to_owned(),
        username: username.to_owned(),
        problem,
    };
    let cookie = set_cookie(COOKIE, &token, Some(SECONDS), is_https(headers));
    with_cookie(answer(status, &page), cookie)
}

/// A path of ours, or the first page: nobody is led elsewhere.
fn own_path(path: &str) -> &str {
    let is_ours = path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/login")
        && path.len() <= 300
        && !path.contains('\\')
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours { path } else { "/" }
}

pub(super) async fn enter(
    State(state): State<WebState>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Page {
    let services = state.live.now().ok_or_else(Refusal::starting)?;
    let fields = form::read(&headers, body).await?;
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let (username, next) = (field("username"), field("next"));
    let again = |refusal: Refusal| {
        let problem = Some(refusal.message);
        let response = page(&headers, refusal.status, next, username, problem);
        with_retry_after(response, refusal.retry_after)
    };
    let expected = cookie(&headers, COOKIE);
    if expected.is_none_or(|expected| expected != field(form::TOKEN)) {
        return Ok(again(Refusal::new(
            StatusCode::FORBIDDEN,
            "This form was open for too long. Please try again.",
        )));
    }
    // Before Vendure makes a session that nothing could be done with.
    let before = Secret::of_cookie(&headers).map(|secret| secret.digest());
    timely(services.ledger.end_web_session(&before.unwrap_or_default())).await?;
    let credentials = (username, field("password"));
    let (admitted, token) = match admitted(&state, &services, credentials, peer).await {
        Ok(admitted) => admitted,
        Err(refusal) => return Ok(again(refusal)),
    };
    let secret = Secret::generate();
    let sealed = secret
        .seal(&token)
        .ok_or_else(|| Sorry::away("The session could not be sealed; try again."))?;
    timely(services.ledger.begin_web_session(&secret.digest(), &sealed)).await?;
    tracing::info!(by = admitted.name, "somebody logged in to the dashboard");
    let is_https = is_https(&headers);
    let response = with_cookie(go_to(own_path(next)), secret.cookie(is_https));
    Ok(with_cookie(
        response,
        set_cookie(COOKIE, "", Some(0), is_https),
    ))
}

/// Whom Vendure knows by name and password, and the token of his new session there.
async fn admitted(
    state: &WebState,
    services: &Services,
    (username, password): (&str, &str),
    peer: IpAddr,
) -> Result<(Admitted, SecretString), Refusal> {
    if username.is_empty() || password.is_empty() {
        return Err(Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "A name and a password are needed.",
        ));
    }
    let is_odd = |text: &str| text.len() > LONGEST || text.chars().any(char::is_control);
    if is_odd(username) || is_odd(password) {
        return Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "Vendure does not know this name and password.",
        ));
    }
    let password = SecretString::from(password);
    let failures = &state.wrong_logins;
    let token = access::log_in(services, failures, (username, &password), peer).await?;
    let admitted = access::holder_of_session(services, &token).await?;
    if admitted.has_any(READ_ORDERS) {
        return Ok((admitted, token));
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "Vendure knows you, but your role lacks the permission ReadOrder in the channel that veracore-sync works for.",
    ))
}

/// Ends our session. Vendure's own logout would end all sessions of this administrator, those of its
/// own pages too, so that it is not called; nobody has the token any more.
pub(super) async fn leave(visit: Visit, headers: HeaderMap, body: Body) -> Page {
    visit.form(&headers, body).await?;
    let ledger = &visit.services.ledger;
    timely(ledger.end_web_session(&visit.secret.digest())).await?;
    Ok(with_cookie(
        go_to("/login"),
        session::no_cookie(visit.is_https),
    ))
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn nobody_is_led_elsewhere() {
        for path in ["/", "/orders/A%201?x=y", "/inventory"] {
            assert_eq!(own_path(path), path);
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
            assert_eq!(own_path(path), "/", "{path:?}");
        }
    }
}
