//! Reads request headers and bodies within bounds.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode},
};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::request_error::RequestError;

const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// Excess bytes that are read and discarded: many clients read the response only after sending all.
const MAX_DISCARDED: usize = 32 << 20;

/// The header's value. `None` if the header is missing or appears twice.
pub(super) fn single_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok())?
}

/// Reads a whole body of at most `max` bytes.
pub(super) async fn read_body(body: Body, max: usize) -> Result<Bytes, RequestError> {
    timeout(READ_TIMEOUT, collect(body, max))
        .await
        .unwrap_or_else(|_| {
            Err(RequestError::new(
                StatusCode::REQUEST_TIMEOUT,
                format!(
                    "The request body did not arrive within {} s.",
                    READ_TIMEOUT.as_secs()
                ),
            ))
        })
}

async fn collect(mut body: Body, max: usize) -> Result<Bytes, RequestError> {
    let mut whole = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let cut_off =
            |_| RequestError::new(StatusCode::BAD_REQUEST, "The request body was cut off.");
        let Ok(data) = frame.map_err(cut_off)?.into_data() else {
            continue;
        };
        length += data.len();
        if length <= max {
            whole.extend_from_slice(&data);
        } else if length > max + MAX_DISCARDED {
            break;
        }
    }
    if length > max {
        return Err(RequestError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The request body is larger than {max} bytes."),
        ));
    }
    Ok(whole.into())
}
