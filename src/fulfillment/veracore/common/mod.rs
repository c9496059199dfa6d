//! The values, rows and errors that both styles of VeraCore share.

pub(crate) mod base_url;
pub(crate) mod credentials;
pub(crate) mod dates;
pub(crate) mod error_body;
pub(crate) mod fields;
pub(crate) mod quantities;
pub(crate) mod rows;
pub(crate) mod webhooks;

use crate::fulfillment::ProviderError;

/// VeraCore's name in errors and metrics.
pub(crate) const VERACORE: &str = "VeraCore";

/// Rows of one response. A row takes far more memory than the two bytes that it may be written in.
pub(crate) const MAX_ROWS: usize = 500_000;

/// Texts of VeraCore that are only displayed: states, carriers, services.
pub(crate) const MAX_LABEL_CHARS: usize = 100;

/// Codes, order numbers and ids.
pub(crate) const MAX_CODE_CHARS: usize = 255;

/// The message of a 3xx.
pub(crate) const REDIRECT: &str = "a redirect, which is not followed: check VERACORE_API_URL";

/// A cursor that this client did not create.
pub(crate) fn invalid_page_cursor() -> ProviderError {
    ProviderError::NotSendable {
        problem: "the page cursor is not from this VeraCore".into(),
    }
}

/// The status of a refusal, and VeraCore's message if it has one.
pub(crate) fn refusal_message(status: u16, message: &str) -> String {
    match message {
        "" => format!("HTTP {status}"),
        _ => format!("HTTP {status}: {message}"),
    }
}
