//! Forms of our own pages: bounded, and only from a page that we made for this very session.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode},
};

use super::{page::ErrorPage, session_context::SessionContext};
use crate::web::body;

/// No form of ours is larger.
const MAX_FORM_BYTES: usize = 8 * 1024;

/// The field that every form has; see [`super::session::Secret::form_token`].
pub(super) const TOKEN_FIELD: &str = "form_token";

/// The fields of a form, by name.
pub(super) type FormFields = BTreeMap<String, String>;

/// Reads a form, whoever sends it.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<FormFields, ErrorPage> {
    let bytes = body::read(body, MAX_FORM_BYTES).await?;
    // Browsers say where a form comes from; whatever says nothing is no browser of these years, and
    // the token still stands in its way.
    let site = headers.get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(cross_site_error());
    }
    Ok(url::form_urlencoded::parse(&bytes).into_owned().collect())
}

/// What another site's form is told.
pub(super) fn cross_site_error() -> ErrorPage {
    ErrorPage::new(
        StatusCode::FORBIDDEN,
        "This form was sent from another site. Nothing was done.",
    )
}

impl SessionContext {
    /// Reads a form of this session.
    pub(super) async fn read_form(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<FormFields, ErrorPage> {
        let fields = read(headers, body).await?;
        let token = fields.get(TOKEN_FIELD).map_or("", String::as_str);
        if self.secret.is_valid_form_token(token) {
            return Ok(fields);
        }
        Err(ErrorPage::new(
            StatusCode::FORBIDDEN,
            "This form is not of your present session. Nothing was done; open the page again and repeat it.",
        ))
    }
}
