//! Reads forms, and refuses those of other sites.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode},
};

use super::error_page::ErrorPage;
use crate::web::request::read_body;

const MAX_FORM_BYTES: usize = 8 * 1024;

/// The CSRF token of every form.
pub(super) const TOKEN_FIELD: &str = "form_token";

/// The fields of a form, by name.
pub(super) type FormFields = BTreeMap<String, String>;

/// Reads a form, without checking its token.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<FormFields, ErrorPage> {
    let bytes = read_body(body, MAX_FORM_BYTES).await?;
    // Current browsers send the header; a client that does not still needs the token.
    let site = headers.get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(cross_site_error());
    }
    Ok(url::form_urlencoded::parse(&bytes).into_owned().collect())
}

pub(super) fn cross_site_error() -> ErrorPage {
    ErrorPage::new(
        StatusCode::FORBIDDEN,
        "The form was sent from another site. No action was taken.",
    )
}
