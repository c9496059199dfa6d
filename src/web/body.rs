//! Reading what somebody sends: never more than agreed, and not for ever.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::request_error::RequestError;

/// How long a whole body may take to arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// So much more than agreed is taken and thrown away: whoever is cut off while he sends does not read
/// why.
const MAX_DISCARDED: usize = 32 << 20;

/// The whole body.
///
/// # Errors
/// When it is larger than `most` bytes, takes too long, or breaks off.
pub(super) async fn read(body: Body, most: usize) -> Result<Bytes, RequestError> {
    timeout(READ_TIMEOUT, collect(body, most))
        .await
        .unwrap_or_else(|_| {
            Err(RequestError::new(
                StatusCode::REQUEST_TIMEOUT,
                format!(
                    "The body did not arrive within {} s.",
                    READ_TIMEOUT.as_secs()
                ),
            ))
        })
}

async fn collect(mut body: Body, most: usize) -> Result<Bytes, RequestError> {
    let mut whole = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let breaks_off = |_| RequestError::new(StatusCode::BAD_REQUEST, "The body breaks off.");
        let Ok(data) = frame.map_err(breaks_off)?.into_data() else {
            continue;
        };
        length += data.len();
        if length <= most {
            whole.extend_from_slice(&data);
        } else if length > most + MAX_DISCARDED {
            break;
        }
    }
    if length > most {
        return Err(RequestError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is larger than {most} bytes."),
        ));
    }
    Ok(whole.into())
}
