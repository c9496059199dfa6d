//! Reading what somebody sends: never more than agreed, and not for ever.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::refusal::Refusal;

/// How long a whole body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// The whole body.
///
/// # Errors
/// When it is larger than `most` bytes, takes too long, or breaks off.
pub(super) async fn read(body: Body, most: usize) -> Result<Bytes, Refusal> {
    let whole = Limited::new(body, most).collect();
    match timeout(PATIENCE, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is larger than {most} bytes."),
        )),
        Ok(Err(_)) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "The body breaks off.",
        )),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("The body did not arrive within {} s.", PATIENCE.as_secs()),
        )),
    }
}
