//! A request of somebody who is logged in: who he is, what he may do, and what he is told.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::{Method, StatusCode, request::Parts},
    response::{Html, IntoResponse as _, Response},
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::{sync::oneshot, time::timeout};

use super::{
    READ_ORDERS, READ_TIMEOUT, form,
    page::{ErrorPage, FlashMessage, PageFrame, redirect, redirect_to_login, render, with_cookie},
    session::{SessionSecret, cookie_header, is_https, read_cookie},
    time_format::TimeFormat,
    with_timeout,
};
use crate::{
    vendure::Permission,
    web::{
        WebState,
        access::{self, Principal},
        request_error::RequestError,
        services::Services,
    },
};

/// How long Vendure is waited for where it has told before what somebody may do.
const CACHED_CALLER_TIMEOUT: Duration = Duration::from_secs(3);

/// A page that is fetched by our script, not by a person: it does not make the session last longer.
const LIVE_HEADER: &str = "x-live";

/// So is the stream of changes, whose requests have no header of ours.
const STREAM_PATH: &str = "/live";

/// A visit.
pub(super) struct SessionContext {
    pub services: Arc<Services>,
    pub principal: Principal,
    pub secret: SessionSecret,
    pub is_https: bool,
    is_stale: bool,
    flash: Option<FlashMessage>,
}

impl FromRequestParts<WebState> for SessionContext {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        let sorry = |refusal: RequestError| ErrorPage::from(refusal).into_response();
        let services = state.services.current().ok_or_else(RequestError::starting);
        let services = services.map_err(sorry)?;
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
                // Without the answer that takes a cookie away: there may be one.
                form::cross_site_error().into_response()
            });
        };
        let is_use = !parts.headers.contains_key(LIVE_HEADER) && parts.uri.path() != STREAM_PATH;
        let token = read_vendure_token(&services, &secret, is_use)
            .await
            .map_err(ErrorPage::into_response)?;
        let Some(token) = token else {
            return Err(redirect_to_login(next, is_https));
        };
        let former = access::last_known_principal(&services, &token);
        // Whoever was let in before need not wait for a shop that hangs: he can look. To do
        // something, he must be known now.
        let is_look = parts.method == Method::GET && former.is_some();
        let patience = if is_look {
            CACHED_CALLER_TIMEOUT
        } else {
            READ_TIMEOUT
        };
        let known = identify_session(&services, &token, patience).await;
        let (admitted, is_stale) = match known {
            Ok(admitted) => (admitted, false),
            Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
                // Over in Vendure, and so here.
                with_timeout(services.ledger.delete_web_session(&secret.digest()))
                    .await
                    .map_err(ErrorPage::into_response)?;
                return Err(redirect_to_login(next, is_https));
            }
            Err(refusal) => match former {
                Some(admitted) => (admitted, true),
                None => return Err(sorry(refusal)),
            },
        };
        let note = read_cookie(&parts.headers, FlashMessage::COOKIE)
            .and_then(|signed| secret.verify(&signed))
            .and_then(|text| FlashMessage::parse(&text));
        Ok(Self {
            services,
            principal: admitted,
            secret,
            is_https,
            is_stale,
            flash: note,
        })
    }
}

/// Who has this session in Vendure. What Vendure says later than that is remembered all the same.
async fn identify_session(
    services: &Arc<Services>,
    token: &SecretString,
    patience: Duration,
) -> Result<Principal, RequestError> {
    let (tell, told) = oneshot::channel();
    let (asking, token) = (Arc::clone(services), token.clone());
    services.tasks.spawn("ask_about_visitor", async move {
        // Nobody may be waiting any more.
        let _ = tell.send(access::authenticate_session(&asking, &token).await);
    });
    match timeout(patience, told).await {
        Ok(Ok(known)) => known,
        _ => Err(access::vendure_timed_out()),
    }
}

/// The token of the session in Vendure, while ours is not over.
async fn read_vendure_token(
    services: &Services,
    secret: &SessionSecret,
    is_use: bool,
) -> Result<Option<SecretString>, ErrorPage> {
    let sealed = with_timeout(services.ledger.resume_web_session(&secret.digest(), is_use)).await?;
    Ok(sealed.and_then(|sealed| secret.open(&sealed)))
}

/// Whether a link or form on another site leads here: then the browser keeps our cookie to itself,
/// although there may be one.
fn is_cross_site(parts: &Parts) -> bool {
    let site = parts.headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site" || site == "same-site")
}

/// Lets the browser ask again, now from a page of our own.
fn refresh_page(path: &str) -> Response {
    let path = askama::filters::escape(path, askama::filters::Html)
        .map_or_else(|_| "/".into(), |path| path.to_string());
    Html(format!(
        "<!doctype html><html lang=\"en\"><title>veracore-sync</title>\
         <meta http-equiv=\"refresh\" content=\"0; url={path}\"><p><a href=\"{path}\">Continue</a></p>"
    ))
    .into_response()
}

/// What stands behind the question mark; what cannot be read gets a page, too.
pub(super) struct QueryParams<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<WebState> for QueryParams<T> {
    type Rejection = ErrorPage;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(_) => Err(ErrorPage::new(
                StatusCode::BAD_REQUEST,
                "What stands behind the question mark in the address makes no sense.",
            )),
        }
    }
}

/// The parts of a path that name something.
pub(super) struct PathParams<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<WebState> for PathParams<T> {
    type Rejection = ErrorPage;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(_) => Err(ErrorPage::not_found("There is no such page.")),
        }
    }
}

impl SessionContext {
    pub(super) fn is_permitted(&self, any_of: &[Permission]) -> bool {
        self.principal.has_any_permission(any_of)
    }

    /// # Errors
    /// [`Sorry`], naming what is missing.
    pub(super) fn require(&self, any_of: &[Permission]) -> Result<(), ErrorPage> {
        if self.is_permitted(any_of) {
            return Ok(());
        }
        let names: Vec<&str> = any_of.iter().map(|p| p.as_str()).collect();
        Err(ErrorPage::new(
            StatusCode::FORBIDDEN,
            if self.is_stale {
                "Vendure, which knows what you may do, does not answer. Until it does, you can only look.".into()
            } else {
                format!(
                    "{} lacks the permission {} in Vendure, in the channel that veracore-sync works for.",
                    self.principal.name,
                    names.join(" or ")
                )
            },
        ))
    }

    /// # Errors
    /// [`Sorry`], when he may not see orders.
    pub(super) fn require_reader(&self) -> Result<(), ErrorPage> {
        self.require(READ_ORDERS)
    }

    pub(super) fn time_format(&self) -> TimeFormat {
        TimeFormat {
            now: self.services.clock.now(),
            zone: self.services.agenda.calendar.timezone(),
        }
    }

    pub(super) fn frame(&self, place: &'static str, title: impl Into<String>) -> PageFrame {
        PageFrame {
            title: title.into(),
            place,
            user: Some(self.principal.name.clone()),
            form_token: self.secret.form_token(),
            note: self.flash.clone(),
            is_stale: self.is_stale,
            stands_still: self.services.paused_reason(),
            ..PageFrame::anonymous("")
        }
    }

    /// The page; a note that it told is told once.
    pub(super) fn render(&self, page: &impl askama::Template) -> Response {
        let response = render(StatusCode::OK, page);
        if self.flash.is_some() {
            let gone = cookie_header(FlashMessage::COOKIE, "", Some(0), self.is_https);
            return with_cookie(response, gone);
        }
        response
    }

    /// To another page, which tells what came of something.
    pub(super) fn redirect_with_message(
        &self,
        path: &str,
        told: Result<String, String>,
    ) -> Response {
        let text = self.secret.sign(&FlashMessage::of(told).encode());
        let cookie = cookie_header(FlashMessage::COOKIE, &text, Some(60), self.is_https);
        with_cookie(redirect(path), cookie)
    }
}
