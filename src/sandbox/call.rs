//! A call to the sandbox, read completely.

use hyper::{HeaderMap, Method, header::CONTENT_TYPE};
use percent_encoding::percent_decode_str;

/// A call, read completely.
pub(super) struct Call {
    pub method: Method,
    /// As it was sent, the base path included.
    pub full_path: String,
    /// After the base path; the whole path of a call that goes past the base.
    pub path: String,
    /// Whether it goes past the base path.
    pub astray: bool,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The segments of a path, each decoded by itself so that `%2F` stays inside its segment. `None`
/// when one is not UTF-8.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    path.strip_prefix('/')?
        .split('/')
        .map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8().ok()?;
            Some(decoded.into_owned())
        })
        .collect()
}

/// Whether the body is said to be of this type, parameters such as the character set aside.
pub(super) fn has_type(call: &Call, wanted: &str) -> bool {
    call.headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(wanted))
}
