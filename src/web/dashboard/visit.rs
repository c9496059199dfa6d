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
    READ_ORDERS, READING, form,
    page::{Frame, Note, Sorry, answer, go_to, to_login, with_cookie},
    session::{Secret, cookie, is_https, set_cookie},
    timely,
    when::Reader,
};
use crate::{
    vendure::Permission,
    web::{
        WebState,
        access::{self, Admitted},
        live::Services,
        refusal::Refusal,
    },
};

/// How long Vendure is waited for where it has told before what somebody may do.
const HURRY: Duration = Duration::from_secs(3);

/// A page that is fetched by our script, not by a person: it does not make the session last longer.
const LIVE: &str = "x-live";

/// So is the stream of changes, whose requests have no header of ours.
const STREAM: &str = "/live";

/// A visit.
pub(super) struct Visit {
    pub services: Arc<Services>,
    pub admitted: Admitted,
    pub secret: Secret,
    pub is_https: bool,
    is_stale: bool,
    note: Option<Note>,
}

impl FromRequestParts<WebState> for Visit {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        let sorry = |refusal: Refusal| Sorry::from(refusal).into_response();
        let services = state.live.now().ok_or_else(Refusal::starting);
        let services = services.map_err(sorry)?;
        let is_https = is_https(&parts.headers);
        let next = parts
            .uri
            .path_and_query()
            .filter(|_| parts.method == Method::GET)
            .map_or("/", |path| path.as_str());
        let Some(secret) = Secret::of_cookie(&parts.headers) else {
            return Err(if !comes_from_elsewhere(parts) {
                to_login(next, is_https)
            } else if parts.method == Method::GET {
                once_more(next)
            } else {
                // Without the answer that takes a cookie away: there may be one.
                form::from_elsewhere().into_response()
            });
        };
        let is_use = !parts.headers.contains_key(LIVE) && parts.uri.path() != STREAM;
        let token = open(&services, &secret, is_use)
            .await
            .map_err(Sorry::into_response)?;
        let Some(token) = token else {
            return Err(to_login(next, is_https));
        };
        let former = access::former_holder_of_session(&services, &token);
        // Whoever was let in before need not wait for a shop that hangs: he can look. To do
        // something, he must be known now.
        let is_look = parts.method == Method::GET && former.is_some();
        let patience = if is_look { HURRY } else { READING };
        let known = holder(&services, &token, patience).await;
        let (admitted, is_stale) = match known {
            Ok(admitted) => (admitted, false),
            Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
                // Over in Vendure, and so here.
                timely(services.ledger.end_web_session(&secret.digest()))
                    .await
                    .map_err(Sorry::into_response)?;
                return Err(to_login(next, is_https));
            }
            Err(refusal) => match former {
                Some(admitted) => (admitted, true),
                None => return Err(sorry(refusal)),
            },
        };
        let note = cookie(&parts.headers, Note::COOKIE)
            .and_then(|signed| secret.verify(&signed))
            .and_then(|text| Note::parse(&text));
        Ok(Self {
            services,
            admitted,
            secret,
            is_https,
            is_stale,
            note,
        })
    }
}

/// Who has this session in Vendure. What Vendure says later than that is remembered all the same.
async fn holder(
    services: &Arc<Services>,
    token: &SecretString,
    patience: Duration,
) -> Result<Admitted, Refusal> {
    let (tell, told) = oneshot::channel();
    let (asking, token) = (Arc::clone(services), token.clone());
    services.tasks.spawn("ask_about_visitor", async move {
        // Nobody may be waiting any more.
        let _ = tell.send(access::holder_of_session(&asking, &token).await);
    });
    match timeout(patience, told).await {
        Ok(Ok(known)) => known,
        _ => Err(access::not_answering_in_time()),
    }
}

/// The token of the session in Vendure, while ours is not over.
async fn open(
    services: &Services,
    secret: &Secret,
    is_use: bool,
) -> Result<Option<SecretString>, Sorry> {
    let sealed = timely(services.ledger.web_session(&secret.digest(), is_use)).await?;
    Ok(sealed.and_then(|sealed| secret.open(&sealed)))
}

/// Whether a link or form on another site leads here: then the browser keeps our cookie to itself,
/// although there may be one.
fn comes_from_elsewhere(parts: &Parts) -> bool {
    let site = parts.headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site" || site == "same-site")
}

/// Lets the browser ask again, now from a page of our own.
fn once_more(path: &str) -> Response {
    let path = askama::filters::escape(path, askama::filters::Html)
        .map_or_else(|_| "/".into(), |path| path.to_string());
    Html(format!(
        "<!doctype html><html lang=\"en\"><title>veracore-sync</title>\
         <meta http-equiv=\"refresh\" content=\"0; url={path}\"><p><a href=\"{path}\">Continue</a></p>"
    ))
    .into_response()
}

/// What stands behind the question mark; what cannot be read gets a page, too.
pub(super) struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<WebState> for Asked<T> {
    type Rejection = Sorry;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(_) => Err(Sorry::new(
                StatusCode::BAD_REQUEST,
                "What stands behind the question mark in the address makes no sense.",
            )),
        }
    }
}

/// The parts of a path that name something.
pub(super) struct Named<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<WebState> for Named<T> {
    type Rejection = Sorry;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(_) => Err(Sorry::not_found("There is no such page.")),
        }
    }
}

impl Visit {
    pub(super) fn may(&self, any_of: &[Permission]) -> bool {
        self.admitted.has_any(any_of)
    }

    /// # Errors
    /// [`Sorry`], naming what is missing.
    pub(super) fn ensure(&self, any_of: &[Permission]) -> Result<(), Sorry> {
        if self.may(any_of) {
            return Ok(());
        }
        let names: Vec<&str> = any_of.iter().map(|p| p.as_str()).collect();
        Err(Sorry::new(
            StatusCode::FORBIDDEN,
            if self.is_stale {
                "Vendure, which knows what you may do, does not answer. Until it does, you can only look.".into()
            } else {
                format!(
                    "{} lacks the permission {} in Vendure, in the channel that veracore-sync works for.",
                    self.admitted.name,
                    names.join(" or ")
                )
            },
        ))
    }

    /// # Errors
    /// [`Sorry`], when he may not see orders.
    pub(super) fn ensure_reader(&self) -> Result<(), Sorry> {
        self.ensure(READ_ORDERS)
    }

    pub(super) fn reader(&self) -> Reader {
        Reader {
            now: self.services.clock.now(),
            zone: self.services.agenda.calendar.timezone(),
        }
    }

    pub(super) fn frame(&self, place: &'static str, title: impl Into<String>) -> Frame {
        Frame {
            title: title.into(),
            place,
            user: Some(self.admitted.name.clone()),
            form_token: self.secret.form_token(),
            note: self.note.clone(),
            is_stale: self.is_stale,
            stands_still: self.services.stands_still(),
            ..Frame::of_stranger("")
        }
    }

    /// The page; a note that it told is told once.
    pub(super) fn answer(&self, page: &impl askama::Template) -> Response {
        let response = answer(StatusCode::OK, page);
        if self.note.is_some() {
            let gone = set_cookie(Note::COOKIE, "", Some(0), self.is_https);
            return with_cookie(response, gone);
        }
        response
    }

    /// To another page, which tells what came of something.
    pub(super) fn tell(&self, path: &str, told: Result<String, String>) -> Response {
        let text = self.secret.sign(&Note::of(told).to_text());
        let cookie = set_cookie(Note::COOKIE, &text, Some(60), self.is_https);
        with_cookie(go_to(path), cookie)
    }
}
