//! The classification of SOAP faults by their text.
//!
//! The texts are not documented, so single words decide. After an unknown fault, anything may have
//! been done.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SoapFaultKind {
    AlreadyExists,
    NotFound,
    CredentialsRefused,
    Forbidden,
    /// The operation does not exist: the URL or the namespace is another service's.
    UnknownOperation,
    /// VeraCore refused: nothing was done.
    Rejected,
    /// VeraCore failed: it is unknown what was done.
    ServerError,
}

/// A classified fault. Its message is not yet safe to show.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SoapFault {
    pub kind: SoapFaultKind,
    pub message: String,
}

/// Precedes the message of an error that VeraCore itself raised.
const EXCEPTION_MARKER: &str = "System.Exception:";

/// The terms of each kind, in the order in which they decide. Whole words: "catalog in" is not
/// "log in". A `*` allows any ending.
const TERMS: [(SoapFaultKind, &str); 4] = [
    (
        SoapFaultKind::AlreadyExists,
        "already exist*, duplicate order",
    ),
    // Failures of the server, not of a request.
    (
        SoapFaultKind::ServerError,
        "timeout*, timed out, deadlock*, connection*, network-related, outofmemory*, out of memory, \
         transaction*, object reference*, database*, server is busy, stored procedure*",
    ),
    (
        SoapFaultKind::CredentialsRefused,
        "login*, log in, logon*, log on, password*, invalid user*, unknown user*, authenticat*, \
         invalid credential*",
    ),
    (
        SoapFaultKind::Forbidden,
        "permission*, access denied, access is denied, denied access, no access, not have access, \
         not authorized, unauthorized, not allowed to, not permitted",
    ),
];
const NOT_FOUND_TERMS: &str = "not found, not exist*, no such, could not find, cannot find, can not find, unable to find, \
     unable to locate, invalid order, unknown order, no order";

/// Shorter values of an order are not removed before the classification.
const MIN_REDACTED_CHARS: usize = 3;

/// The request that a fault responds to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FaultContext<'a> {
    /// Words for the requested object.
    pub subject_terms: &'a [&'a str],
    /// The configured text of a fault for an unknown order.
    pub not_found_text: Option<&'a str>,
    /// The order's own values, which are removed before the classification: a buyer may be called
    /// Login.
    pub redactions: &'a [&'a str],
}

/// Whether `text` (in lower case) contains one of `terms`.
fn contains_term<'a>(text: &str, terms: impl IntoIterator<Item = &'a str>) -> bool {
    terms.into_iter().any(|term| {
        let (stem, is_prefix) = term
            .strip_suffix('*')
            .map_or((term, false), |stem| (stem, true));
        text.match_indices(stem).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + stem.len()..].chars().next();
            !before.is_some_and(char::is_alphanumeric)
                && (is_prefix || !after.is_some_and(char::is_alphanumeric))
        })
    })
}

impl SoapFault {
    pub(super) fn classify(code: &str, text: &str, context: FaultContext<'_>) -> Self {
        let own = application_message(text);
        let message = own.unwrap_or_else(|| first_line(text)).to_owned();
        let own_values = context
            .redactions
            .iter()
            .filter(|value| value.chars().count() >= MIN_REDACTED_CHARS);
        let lower = own_values.fold(message.to_lowercase(), |text, value| {
            text.replace(&value.to_lowercase(), "\u{2026}")
        });
        let has = |terms: &str| contains_term(&lower, terms.split(", "));
        let is_missing = context
            .not_found_text
            .is_some_and(|text| lower.contains(&text.to_lowercase()))
            || contains_term(&lower, context.subject_terms.iter().copied()) && has(NOT_FOUND_TERMS);
        // VeraCore could not read the request, so it did nothing.
        let is_unread = code
            .rsplit(':')
            .next()
            .is_some_and(|code| matches!(code.trim(), "Client" | "Sender"));
        let kind = if lower.contains("soapaction") {
            SoapFaultKind::UnknownOperation
        } else if let Some((kind, _)) = TERMS.iter().find(|(_, terms)| has(terms)) {
            *kind
        } else if is_missing {
            SoapFaultKind::NotFound
        } else if own.is_some_and(|own| !own.is_empty()) || is_unread {
            SoapFaultKind::Rejected
        } else {
            SoapFaultKind::ServerError
        };
        Self { kind, message }
    }
}

/// The text after the last marker, without the stack trace.
fn application_message(text: &str) -> Option<&str> {
    let at = text.rfind(EXCEPTION_MARKER)?;
    let rest = &text[at + EXCEPTION_MARKER.len()..];
    let trace = rest.match_indices(['\n', '\r']).find(|(at, _)| {
        let line = &rest[at + 1..];
        let rest = line.trim_start_matches([' ', '\t']);
        rest.len() < line.len() && rest.starts_with("at ")
    });
    Some(rest[..trace.map_or(rest.len(), |(at, _)| at)].trim())
}

/// The message of any other fault, without the stack trace.
fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests;
