//! The frame and the response headers that all pages share.

use std::time::Duration;

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};

use super::{assets, session};

/// Pages load everything from this server and contain no inline scripts.
pub(super) const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// A message that the next page shows once, after an action. It travels in a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FlashMessage {
    pub is_good: bool,
    pub text: String,
}

impl FlashMessage {
    pub(super) const COOKIE: &'static str = "veracore_sync_note";
    pub(super) const MAX_CHARS: usize = 600;
}

/// The frame around a page.
pub(super) struct PageFrame {
    pub title: String,
    /// The current entry of the navigation.
    pub nav_entry: &'static str,
    /// `None` before the login.
    pub user: Option<String>,
    pub form_token: String,
    pub flash: Option<FlashMessage>,
    /// Vendure is unavailable: permissions are unknown, and the session is read-only.
    pub is_read_only: bool,
    /// Why sync is paused, if it is.
    pub paused_reason: Option<&'static str>,
    /// Not updated live: rendering it calls Vendure and VeraCore.
    pub is_static: bool,
    pub assets: &'static assets::AssetNames,
    pub version: &'static str,
}

impl PageFrame {
    /// The frame without a login.
    pub(super) fn anonymous(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            nav_entry: "",
            user: None,
            form_token: String::new(),
            flash: None,
            is_read_only: false,
            paused_reason: None,
            is_static: false,
            assets: assets::names(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

pub(super) fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let mut response = (status, Html(html)).into_response();
            let policy = HeaderValue::from_static(PAGE_CSP);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
            response
        }
        Err(error) => {
            tracing::error!(%error, "page rendering failed; this is a defect, please report it");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Redirects with 303, as after a form.
pub(super) fn redirect(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let to = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    response
}

pub(super) fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Also deletes the session cookie.
pub(super) fn redirect_to_login(next: &str, is_https: bool) -> Response {
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let response = redirect(&format!("/login?next={next}"));
    with_cookie(response, session::clear_cookie_header(is_https))
}

pub(super) fn with_retry_after(mut response: Response, time: Option<Duration>) -> Response {
    if let Some(time) = time {
        let seconds = time.as_secs().max(1);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
