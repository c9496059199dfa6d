//! The stylesheet, the script and the icon, embedded and named by content hash for caching.

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};

use crate::domain::text::hex;

const STYLE: &str = include_str!("assets/app.css");
const SCRIPT: &str = include_str!("assets/app.js");
const ICON: &str = include_str!("assets/icon.svg");

/// The names in the URLs.
pub(super) struct AssetNames {
    pub style: String,
    pub script: String,
    pub icon: String,
}

static ASSET_NAMES: LazyLock<AssetNames> = LazyLock::new(|| AssetNames {
    style: hashed_name("app", "css", STYLE),
    script: hashed_name("app", "js", SCRIPT),
    icon: hashed_name("icon", "svg", ICON),
});

pub(super) fn names() -> &'static AssetNames {
    &ASSET_NAMES
}

fn hashed_name(stem: &str, ending: &str, content: &str) -> String {
    let digest = Sha256::digest(content);
    let short = hex(&digest[..6]);
    format!("{stem}-{short}.{ending}")
}

pub(super) fn find(name: &str) -> Option<Response> {
    let (kind, content) = match name {
        name if name == ASSET_NAMES.style => ("text/css; charset=utf-8", STYLE),
        name if name == ASSET_NAMES.script => ("text/javascript; charset=utf-8", SCRIPT),
        name if name == ASSET_NAMES.icon => ("image/svg+xml", ICON),
        _ => return None,
    };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let cached = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, cached);
    Some(response)
}
