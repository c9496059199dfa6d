//! Error pages, and the timeouts of pages.

use std::time::Duration;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::page::{PageFrame, render, with_retry_after};
use crate::{
    ledger::LedgerError,
    web::{
        actions::{ActionError, ActionResult, read_ledger},
        request_error::RequestError,
        settings::SettingsError,
    },
};

pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A page waits this long for an action; a longer one continues in the background.
pub(super) const ACTION_TIMEOUT: Duration = Duration::from_secs(8);

#[derive(Debug)]
pub(in crate::web) struct ErrorPage(RequestError);

pub(super) type PageResult = Result<Response, ErrorPage>;

impl ErrorPage {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(RequestError::new(status, message))
    }

    pub(super) fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn unavailable(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }
}

/// For an unknown URL.
pub(in crate::web) fn no_such_page() -> ErrorPage {
    ErrorPage::not_found("This page does not exist.")
}

impl From<RequestError> for ErrorPage {
    fn from(error: RequestError) -> Self {
        Self(error)
    }
}

impl From<ActionError> for ErrorPage {
    fn from(error: ActionError) -> Self {
        error.log();
        let status = if error.is_transient() {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Self::new(status, error.message())
    }
}

impl From<SettingsError> for ErrorPage {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Rejected(message) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
            }
            SettingsError::Unavailable(_) => {
                Self::unavailable("The database is unavailable. Try again shortly.")
            }
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorTemplate {
    frame: PageFrame,
    message: String,
    is_transient: bool,
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        let RequestError {
            status,
            message,
            retry_after,
        } = self.0;
        let title = match status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::UNAUTHORIZED => "Not logged in",
            StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
            StatusCode::SERVICE_UNAVAILABLE => "Temporarily unavailable",
            _ => "Request failed",
        };
        let page = ErrorTemplate {
            frame: PageFrame::anonymous(title),
            message,
            is_transient: status == StatusCode::SERVICE_UNAVAILABLE,
        };
        with_retry_after(render(status, &page), retry_after)
    }
}

/// Reads the ledger within the timeout.
pub(super) async fn with_timeout<T>(
    work: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, ErrorPage> {
    Ok(read_ledger(READ_TIMEOUT, work).await?)
}

/// Waits for an action. One that takes longer continues in the background: `None`.
pub(super) async fn with_action_timeout<T>(
    work: impl Future<Output = ActionResult<T>>,
) -> ActionResult<Option<T>> {
    match tokio::time::timeout(ACTION_TIMEOUT, work).await {
        Ok(result) => result.map(Some),
        Err(_) => Ok(None),
    }
}
