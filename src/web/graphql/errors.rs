//! Errors of the API: a sentence for people, a code for programs.

use async_graphql::{Error, ErrorExtensionValues, ErrorExtensions as _, Response, ServerError};

use crate::{
    domain::text::one_line, ledger::LedgerError, vendure::Permission, web::actions::ActionError,
};

/// No message is longer.
const MAX_MESSAGE_CHARS: usize = 400;

/// The caller may not; names what is missing.
pub(super) fn forbidden(any_of: &[Permission]) -> Error {
    let names: Vec<&str> = any_of.iter().map(|p| p.as_str()).collect();
    let message = format!(
        "This needs the permission {} in Vendure, in the channel that veracore-sync works for.",
        names.join(" or ")
    );
    Error::new(message).extend_with(|_, e| {
        e.set("code", "FORBIDDEN");
        e.set("permission", names.first().copied().unwrap_or_default());
    })
}

/// What was asked for makes no sense.
pub(super) fn bad_input(message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, e| e.set("code", "BAD_USER_INPUT"))
}

/// It may work later.
pub(super) fn unavailable(message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, e| e.set("code", "UNAVAILABLE"))
}

/// The ledger could not be read or written. What exactly it was is for the log.
pub(super) fn ledger(error: LedgerError) -> Error {
    action(&ActionError::Ledger(error))
}

/// It is not known what comes of a wish.
pub(super) fn action(why: &ActionError) -> Error {
    if why.is_transient() {
        return unavailable(why.message());
    }
    why.log();
    Error::new(why.message()).extend_with(|_, e| e.set("code", "INTERNAL"))
}

/// The answer to a document that is not looked into.
pub(super) fn document_rejected(why: &str) -> Response {
    let mut error = ServerError::new(why, None);
    sanitize(&mut error);
    Response::from_errors(vec![error])
}

/// Makes the library's own message fit for one line: of a document that makes no sense it draws a
/// picture, the whole of it included.
pub(super) fn sanitize(error: &mut ServerError) {
    // What has no code is the library's complaint of the document.
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", "BAD_USER_INPUT");
    }
    if error.message.contains('\n') {
        let why = error.message.lines().last().unwrap_or_default();
        let why = why.trim_start_matches([' ', '=']);
        error.message = format!("The document makes no sense: {why}");
    }
    if error.message.chars().count() > MAX_MESSAGE_CHARS
        || error.message.chars().any(char::is_control)
    {
        error.message = one_line(&error.message, MAX_MESSAGE_CHARS);
    }
}
