//! Error responses: a status and a message, as JSON.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError {
    pub status: StatusCode,
    pub message: String,
    pub retry_after: Option<Duration>,
}

impl RequestError {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after: None,
        }
    }

    pub fn with_retry_after(self, delay: Duration) -> Self {
        Self {
            retry_after: Some(delay),
            ..self
        }
    }

    /// The same message whatever was wrong with the credential.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Send API_TOKEN or a Vendure administrator's session token as 'Authorization: Bearer …', or a Vendure API key as 'vendure-api-key: …'.",
        )
    }

    pub fn starting() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "veracore-sync is starting: its database is not available yet.",
        )
        .with_retry_after(Duration::from_secs(3))
    }
}

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        let body = json!({ "errors": [{ "message": self.message }] });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(time) = self.retry_after {
            headers.insert(header::RETRY_AFTER, time.as_secs().max(1).into());
        }
        response
    }
}
