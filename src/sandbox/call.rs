//! An HTTP call to the sandbox, read completely.

use hyper::{HeaderMap, Method, header::CONTENT_TYPE};
use percent_encoding::percent_decode_str;

pub(super) struct Call {
    pub method: Method,
    /// As sent, including the base path.
    pub full_path: String,
    /// The part after the base path, or the full path if the call is outside of it.
    pub path: String,
    pub outside_base: bool,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The segments of a path, split before decoding so that `%2F` stays inside its segment. `None` if
/// one is not UTF-8.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    path.strip_prefix('/')?
        .split('/')
        .map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8().ok()?;
            Some(decoded.into_owned())
        })
        .collect()
}

/// Compares the body's content type, ignoring parameters such as the character set.
pub(super) fn has_type(call: &Call, expected: &str) -> bool {
    call.headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(expected))
}
