//! The style, the script and the icon: within the program, named after their content so that browsers
//! may keep them.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};

use super::nothing_here;

const STYLE: &str = include_str!("assets/app.css");
const SCRIPT: &str = include_str!("assets/app.js");
const ICON: &str = include_str!("assets/icon.svg");

/// How pages call them.
pub(super) struct Names {
    pub style: String,
    pub script: String,
    pub icon: String,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
    style: named("app", "css", STYLE),
    script: named("app", "js", SCRIPT),
    icon: named("icon", "svg", ICON),
});

pub(super) fn names() -> &'static Names {
    &NAMES
}

fn named(stem: &str, ending: &str, content: &str) -> String {
    let digest = Sha256::digest(content);
    let short: String = digest[..6].iter().map(|b| format!("{b:02x}")).collect();
    format!("{stem}-{short}.{ending}")
}

/// One of them. Nobody needs to be logged in for these.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let (kind, content) = match name {
        name if name == NAMES.style => ("text/css; charset=utf-8", STYLE),
        name if name == NAMES.script => ("text/javascript; charset=utf-8", SCRIPT),
        name if name == NAMES.icon => ("image/svg+xml", ICON),
        _ => return nothing_here(),
    };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, kept);
    response
}
