//! A request with a session: who the user is and what they may do.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, Method, StatusCode, request::Parts},
    response::{Html, IntoResponse as _, Response},
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::{sync::oneshot, time::timeout};

use super::{
    error_page::{ErrorPage, PageResult, READ_TIMEOUT, no_such_page, with_timeout},
    page::{FlashMessage, PageFrame, redirect, redirect_to_login, render, with_cookie},
    session::{SessionSecret, cookie_header, is_https, read_cookie},
    time_format::TimeFormat,
};
use crate::{
    vendure::Permission,
    web::{
        access::{Principal, READ_ORDERS, vendure_timed_out},
        actions::{ActionResult, into_message},
        request::read_body,
        request_error::RequestError,
        services::Services,
        state::WebState,
    },
};

/// How long a read waits for Vendure when the user's identity is known from before.
const CACHED_CALLER_TIMEOUT: Duration = Duration::from_secs(3);

/// Set by our script. Such a request does not prolong the session.
const LIVE_HEADER: &str = "x-live";

/// The event stream does not prolong the session either, and cannot send the header.
const STREAM_PATH: &str = "/live";

/// A request of a logged-in user.
pub(super) struct SessionContext {
    pub services: Arc<Services>,
    pub principal: Principal,
    pub secret: SessionSecret,
    pub is_https: bool,
    is_read_only: bool,
    flash: Option<FlashMessage>,
}

impl FromRequestParts<WebState> for SessionContext {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        let error_page = |error: RequestError| ErrorPage::from(error).into_response();
        let services = state.services.require().map_err(error_page)?;
        let is_https = is_https(&parts.headers);
        let next = parts
            .uri
            .path_and_query()
            .filter(|_| parts.method == Method::GET)
            .map_or("/", |path| path.as_str());
        let Some(secret) = SessionSecret::from_cookie(&parts.headers) else {
            return Err(if !is_cross_site(parts) {
                redirect_to_login(next, is_https)
            } else if parts.method == Method::GET {
                refresh_page(next)
            } else {
                // Keeps the cookie: the browser may have one and not have sent it.
                cross_site_error().into_response()
            });
        };
        let digest = secret.digest();
        let is_use = !parts.headers.contains_key(LIVE_HEADER) && parts.uri.path() != STREAM_PATH;
        let sealed = services.ledger.resume_web_session(&digest, is_use);
        let sealed = with_timeout(sealed)
            .await
            .map_err(ErrorPage::into_response)?;
        // None, if our session has expired.
        let Some(token) = sealed.and_then(|sealed| secret.open(&sealed)) else {
            return Err(redirect_to_login(next, is_https));
        };
        let former = services.authenticator.last_known_principal(&token);
        // A known user can read while Vendure hangs; an action needs Vendure's confirmation.
        let is_read = parts.method == Method::GET && former.is_some();
        let limit = if is_read {
            CACHED_CALLER_TIMEOUT
        } else {
            READ_TIMEOUT
        };
        let identified = identify_session(&services, &token, limit).await;
        let (principal, is_read_only) = match identified {
            Ok(principal) => (principal, false),
            Err(error) if error.status == StatusCode::UNAUTHORIZED => {
                // The session ended in Vendure.
                with_timeout(services.ledger.delete_web_session(&digest))
                    .await
                    .map_err(ErrorPage::into_response)?;
                return Err(redirect_to_login(next, is_https));
            }
            Err(error) => match former {
                Some(principal) => (principal, true),
                None => return Err(error_page(error)),
            },
        };
        let flash = read_cookie(&parts.headers, FlashMessage::COOKIE)
            .and_then(|signed| secret.verify(&signed))
            .and_then(|text| serde_json::from_str(&text).ok());
        Ok(Self {
            services,
            principal,
            secret,
            is_https,
            is_read_only,
            flash,
        })
    }
}

/// Looks up the session's owner. A response after the timeout still updates the cache.
async fn identify_session(
    services: &Arc<Services>,
    token: &SecretString,
    limit: Duration,
) -> Result<Principal, RequestError> {
    let (sender, result) = oneshot::channel();
    let (asking, token) = (Arc::clone(services), token.clone());
    services.tasks.spawn("identify_session", async move {
        // The request may have timed out.
        let _ = sender.send(asking.authenticator.authenticate_session(&token).await);
    });
    match timeout(limit, result).await {
        Ok(Ok(identified)) => identified,
        _ => Err(vendure_timed_out()),
    }
}

/// A link or form on another site. The browser then withholds our cookie.
fn is_cross_site(parts: &Parts) -> bool {
    let site = parts.headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site" || site == "same-site")
}

/// Makes the browser repeat the request from our own site, with the cookie.
fn refresh_page(path: &str) -> Response {
    let path = askama::filters::escape(path, askama::filters::Html)
        .map_or_else(|_| "/".into(), |path| path.to_string());
    Html(format!(
        "<!doctype html><html lang=\"en\"><title>veracore-sync</title>\
         <meta http-equiv=\"refresh\" content=\"0; url={path}\"><p><a href=\"{path}\">Continue</a></p>"
    ))
    .into_response()
}

const MAX_FORM_BYTES: usize = 8 * 1024;

/// The CSRF token of every form.
pub(super) const TOKEN_FIELD: &str = "form_token";

/// The fields of a form, by name.
pub(super) type FormFields = BTreeMap<String, String>;

/// Reads a form, without checking its token.
pub(super) async fn read_form(headers: &HeaderMap, body: Body) -> Result<FormFields, ErrorPage> {
    let bytes = read_body(body, MAX_FORM_BYTES).await?;
    // Current browsers send the header; a client that does not still needs the token.
    let site = headers.get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(cross_site_error());
    }
    Ok(url::form_urlencoded::parse(&bytes).into_owned().collect())
}

fn cross_site_error() -> ErrorPage {
    ErrorPage::new(
        StatusCode::FORBIDDEN,
        "The form was sent from another site. No action was taken.",
    )
}

/// A form that was sent from a page of this session.
pub(super) struct SubmittedForm(pub SessionContext);

impl FromRequest<WebState> for SubmittedForm {
    type Rejection = Response;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let session = SessionContext::from_request_parts(&mut parts, state).await?;
        let fields = read_form(&parts.headers, body)
            .await
            .map_err(ErrorPage::into_response)?;
        let token = fields.get(TOKEN_FIELD).map_or("", String::as_str);
        if session.secret.is_valid_form_token(token) {
            return Ok(Self(session));
        }
        Err(ErrorPage::new(
            StatusCode::FORBIDDEN,
            "The form belongs to another session. No action was taken. Open the page again and retry.",
        )
        .into_response())
    }
}

/// The query string; an invalid one gets an error page.
pub(super) struct QueryParams<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<WebState> for QueryParams<T> {
    type Rejection = ErrorPage;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(_) => Err(ErrorPage::new(
                StatusCode::BAD_REQUEST,
                "The query string is invalid.",
            )),
        }
    }
}

/// The parameters of the path; an invalid one gets an error page.
pub(super) struct PathParams<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<WebState> for PathParams<T> {
    type Rejection = ErrorPage;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(params)) => Ok(Self(params)),
            Err(_) => Err(no_such_page()),
        }
    }
}

impl SessionContext {
    pub(super) fn is_permitted(&self, any_of: &[Permission]) -> bool {
        self.principal.has_any_permission(any_of)
    }

    /// Refuses a user with none of these permissions.
    pub(super) fn require(&self, any_of: &[Permission]) -> Result<(), ErrorPage> {
        if self.is_permitted(any_of) {
            return Ok(());
        }
        let names: Vec<&str> = any_of.iter().map(|p| p.as_str()).collect();
        Err(ErrorPage::new(
            StatusCode::FORBIDDEN,
            if self.is_read_only {
                "Vendure is unavailable, so your permissions cannot be verified. Until it is back, the dashboard is read-only.".into()
            } else {
                format!(
                    "{} lacks the permission {} in veracore-sync's channel in Vendure.",
                    self.principal.name,
                    names.join(" or ")
                )
            },
        ))
    }

    pub(super) fn require_reader(&self) -> Result<(), ErrorPage> {
        self.require(READ_ORDERS)
    }

    pub(super) fn time_format(&self) -> TimeFormat {
        TimeFormat {
            now: self.services.clock.now(),
            zone: self.services.agenda.calendar.timezone(),
        }
    }

    pub(super) fn frame(&self, nav_entry: &'static str, title: impl Into<String>) -> PageFrame {
        PageFrame {
            title: title.into(),
            nav_entry,
            user: Some(self.principal.name.clone()),
            form_token: self.secret.form_token(),
            flash: self.flash.clone(),
            is_read_only: self.is_read_only,
            paused_reason: self.services.paused_reason(),
            ..PageFrame::anonymous("")
        }
    }

    /// Renders a page. Its flash message is shown once.
    pub(super) fn render(&self, page: &impl askama::Template) -> Response {
        let response = render(StatusCode::OK, page);
        if self.flash.is_some() {
            let expired = cookie_header(FlashMessage::COOKIE, "", Some(0), self.is_https);
            return with_cookie(response, expired);
        }
        response
    }

    /// Redirects to a page that shows the action's outcome.
    pub(super) fn redirect_with_message(&self, path: &str, outcome: ActionResult) -> PageResult {
        let (is_good, text) = into_message(outcome)?;
        let text = text.chars().take(FlashMessage::MAX_CHARS).collect();
        let flash = serde_json::to_string(&FlashMessage { is_good, text }).unwrap_or_default();
        let signed = self.secret.sign(&flash);
        let cookie = cookie_header(FlashMessage::COOKIE, &signed, Some(60), self.is_https);
        Ok(with_cookie(redirect(path), cookie))
    }
}
