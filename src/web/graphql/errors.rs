//! Errors of the API: a message for people, a code for programs.

use async_graphql::{Error, ErrorExtensionValues, ErrorExtensions as _, Response, ServerError};

use crate::{
    domain::text::one_line,
    vendure::Permission,
    web::{actions::ActionError, settings::SettingsError},
};

const MAX_MESSAGE_CHARS: usize = 400;

pub(super) fn forbidden(any_of: &[Permission]) -> Error {
    let names: Vec<&str> = any_of.iter().map(|p| p.as_str()).collect();
    let message = format!(
        "This needs the Vendure permission {} in veracore-sync's channel.",
        names.join(" or ")
    );
    Error::new(message).extend_with(|_, e| {
        e.set("code", "FORBIDDEN");
        e.set("permission", names.first().copied().unwrap_or_default());
    })
}

pub(super) fn bad_input(message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, e| e.set("code", "BAD_USER_INPUT"))
}

/// A retry may succeed.
pub(super) fn unavailable(message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, e| e.set("code", "UNAVAILABLE"))
}

impl From<ActionError> for Error {
    fn from(error: ActionError) -> Self {
        if error.is_transient() {
            return unavailable(error.message());
        }
        error.log();
        Self::new(error.message()).extend_with(|_, e| e.set("code", "INTERNAL"))
    }
}

impl From<SettingsError> for Error {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Rejected(message) => bad_input(message),
            SettingsError::Unavailable(message) => unavailable(message),
        }
    }
}

/// The response to a document that exceeds a limit.
pub(super) fn document_rejected(reason: &str) -> Response {
    let mut error = ServerError::new(reason, None);
    sanitize(&mut error);
    Response::from_errors(vec![error])
}

/// Shortens the library's messages to one line: a parse error quotes the whole document.
pub(super) fn sanitize(error: &mut ServerError) {
    // An error without a code is the library's, about the document.
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", "BAD_USER_INPUT");
    }
    if error.message.contains('\n') {
        let reason = error.message.lines().last().unwrap_or_default();
        let reason = reason.trim_start_matches([' ', '=']);
        error.message = format!("Invalid GraphQL document: {reason}");
    }
    if error.message.chars().count() > MAX_MESSAGE_CHARS
        || error.message.chars().any(char::is_control)
    {
        error.message = one_line(&error.message, MAX_MESSAGE_CHARS);
    }
}
