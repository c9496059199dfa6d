//! What every page has in common: the frame around it, what it tells a browser, and how we say no.

use std::time::Duration;

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::{assets, session};
use crate::web::{actions::ActionError, request_error::RequestError};

/// Everything a page uses comes from here, and no script is in the page itself.
pub(super) const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// What a page tells once, after something was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FlashMessage {
    pub is_good: bool,
    pub text: String,
}

impl FlashMessage {
    pub(super) const COOKIE: &'static str = "veracore_sync_note";

    /// No longer ones: it travels in a cookie.
    const MAX_CHARS: usize = 600;

    pub(super) fn of(told: Result<String, String>) -> Self {
        Self {
            is_good: told.is_ok(),
            text: told.unwrap_or_else(|why| why),
        }
    }

    pub(super) fn encode(&self) -> String {
        let sign = if self.is_good { '+' } else { '-' };
        let text: String = self.text.chars().take(Self::MAX_CHARS).collect();
        format!("{sign}{text}")
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_good = text.starts_with('+');
        let rest = text.strip_prefix(['+', '-'])?;
        Some(Self {
            is_good,
            text: rest.to_owned(),
        })
    }
}

/// What is around a page.
pub(super) struct PageFrame {
    /// The page's title and heading.
    pub title: String,
    /// Which entry of the navigation it belongs to.
    pub place: &'static str,
    /// Absent before the login.
    pub user: Option<String>,
    pub form_token: String,
    pub note: Option<FlashMessage>,
    /// Vendure does not answer: only looking is possible.
    pub is_stale: bool,
    /// Why nothing is moved, if so.
    pub stands_still: Option<&'static str>,
    /// It is not kept up to date: to make it costs calls to both ends.
    pub is_still: bool,
    pub assets: &'static assets::AssetNames,
    pub version: &'static str,
}

impl PageFrame {
    /// For somebody whom we do not know (yet).
    pub(super) fn anonymous(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            place: "",
            user: None,
            form_token: String::new(),
            note: None,
            is_stale: false,
            stands_still: None,
            is_still: false,
            assets: assets::names(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// A page that was made.
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
            tracing::error!(%error, "a page could not be made; this is a defect, please report it");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// To another page, as after a form.
pub(super) fn redirect(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let to = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    response
}

/// Adds a cookie.
pub(super) fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Takes the session's cookie away, too.
pub(super) fn redirect_to_login(next: &str, is_https: bool) -> Response {
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let response = redirect(&format!("/login?next={next}"));
    with_cookie(response, session::clear_cookie_header(is_https))
}

/// Says after how long it may be otherwise.
pub(super) fn with_retry_after(mut response: Response, time: Option<Duration>) -> Response {
    if let Some(time) = time {
        let seconds = time.as_secs().max(1);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A page that says why there is no other.
pub(super) struct ErrorPage {
    pub status: StatusCode,
    pub message: String,
    pub is_transient: bool,
    retry_after: Option<Duration>,
}

impl ErrorPage {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            is_transient: false,
            retry_after: None,
        }
    }

    pub(super) fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn unavailable(message: &str) -> Self {
        Self {
            is_transient: true,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
        }
    }
}

impl From<ActionError> for ErrorPage {
    fn from(why: ActionError) -> Self {
        why.log();
        if why.is_transient() {
            Self::unavailable(why.message())
        } else {
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, why.message())
        }
    }
}

impl From<RequestError> for ErrorPage {
    fn from(refusal: RequestError) -> Self {
        Self {
            is_transient: refusal.status == StatusCode::SERVICE_UNAVAILABLE,
            retry_after: refusal.retry_after,
            ..Self::new(refusal.status, refusal.message)
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorTemplate {
    frame: PageFrame,
    message: String,
    is_passing: bool,
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        let title = match self.status {
            StatusCode::NOT_FOUND => "Nothing here",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::UNAUTHORIZED => "Not logged in",
            StatusCode::TOO_MANY_REQUESTS => "Too often",
            StatusCode::SERVICE_UNAVAILABLE => "Not now",
            _ => "That did not work",
        };
        let page = ErrorTemplate {
            frame: PageFrame::anonymous(title),
            message: self.message,
            is_passing: self.is_transient,
        };
        with_retry_after(render(self.status, &page), self.retry_after)
    }
}

/// What a handler gives back.
pub(super) type PageResult = Result<Response, ErrorPage>;
