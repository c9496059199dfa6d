//! What a fault means.
//!
//! Owns which words of a fault are VeraCore's own, and which class they put it in. The sentences are
//! not documented (reference, D 2): they are told apart by single words, and what is not recognized
//! leaves open whether anything was done.

/// What a fault says about what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SoapFaultKind {
    /// There is such a thing already.
    AlreadyExists,
    /// There is nothing of what was asked for.
    NotFound,
    /// It does not know us.
    CredentialsRefused,
    /// It knows us, and we may not do this.
    Forbidden,
    /// It has no such operation: the address is another service's, or the namespace is.
    UnknownOperation,
    /// It does not do it: nothing was done.
    Rejected,
    /// It stumbled, and may have done anything.
    ServerError,
}

/// A fault, in VeraCore's words: to be made safe before they are shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SoapFault {
    pub kind: SoapFaultKind,
    pub message: String,
}

/// Where the message of an error begins that VeraCore raised itself.
const EXCEPTION_MARKER: &str = "System.Exception:";

// Whole words, since "catalog in" is no "log in"; one that ends in `*` may go on.
const ALREADY_EXISTS_TERMS: &[&str] = &["already exist*", "duplicate order"];
const CREDENTIALS_TERMS: &[&str] = &[
    "login*",
    "log in",
    "logon*",
    "log on",
    "password*",
    "invalid user*",
    "unknown user*",
    "authenticat*",
    "invalid credential*",
];
const FORBIDDEN_TERMS: &[&str] = &[
    "permission*",
    "access denied",
    "access is denied",
    "denied access",
    "no access",
    "not have access",
    "not authorized",
    "unauthorized",
    "not allowed to",
    "not permitted",
];
/// What a machine says of itself, not of an order.
const SERVER_ERROR_TERMS: &[&str] = &[
    "timeout*",
    "timed out",
    "deadlock*",
    "connection*",
    "network-related",
    "outofmemory*",
    "out of memory",
    "transaction*",
    "object reference*",
    "database*",
    "server is busy",
    "stored procedure*",
];
const NOT_FOUND_TERMS: &[&str] = &[
    "not found",
    "not exist*",
    "no such",
    "could not find",
    "cannot find",
    "can not find",
    "unable to find",
    "unable to locate",
    "invalid order",
    "unknown order",
    "no order",
];

/// Shorter values of the order's own are left in: without every "an" nothing could be told apart.
const MIN_REDACTED_CHARS: usize = 3;

/// What a fault is read against.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FaultContext<'a> {
    /// Words for what was asked for.
    pub subject_terms: &'a [&'a str],
    /// How this system says that it does not have an order, if that is known.
    pub not_found_text: Option<&'a str>,
    /// The order's own words, which say nothing about what kind of fault it is: a buyer may be
    /// called Login.
    pub redactions: &'a [&'a str],
}

/// Whether `words` (in lower case) hold one of these.
fn contains_term(words: &str, known: &[&str]) -> bool {
    known.iter().any(|word| {
        let (stem, goes_on) = word
            .strip_suffix('*')
            .map_or((*word, false), |stem| (stem, true));
        words.match_indices(stem).any(|(at, _)| {
            let before = words[..at].chars().next_back();
            let behind = words[at + stem.len()..].chars().next();
            !before.is_some_and(char::is_alphanumeric)
                && (goes_on || !behind.is_some_and(char::is_alphanumeric))
        })
    })
}

impl SoapFault {
    pub(super) fn classify(code: &str, text: &str, asked: FaultContext<'_>) -> Self {
        let own = application_message(text);
        let message = own.unwrap_or_else(|| first_line(text)).to_owned();
        let own_values = asked
            .redactions
            .iter()
            .filter(|value| value.chars().count() >= MIN_REDACTED_CHARS);
        let lower = own_values.fold(message.to_lowercase(), |words, value| {
            words.replace(&value.to_lowercase(), "\u{2026}")
        });
        let says = |known: &[&str]| contains_term(&lower, known);
        let is_missing = asked
            .not_found_text
            .is_some_and(|text| lower.contains(&text.to_lowercase()))
            || says(asked.subject_terms) && says(NOT_FOUND_TERMS);
        // A request that could not be read at all was not worked on.
        let unread = code
            .rsplit(':')
            .next()
            .is_some_and(|code| matches!(code.trim(), "Client" | "Sender"));
        let kind = if lower.contains("soapaction") {
            SoapFaultKind::UnknownOperation
        } else if says(ALREADY_EXISTS_TERMS) {
            SoapFaultKind::AlreadyExists
        } else if says(SERVER_ERROR_TERMS) {
            SoapFaultKind::ServerError
        } else if says(CREDENTIALS_TERMS) {
            SoapFaultKind::CredentialsRefused
        } else if says(FORBIDDEN_TERMS) {
            SoapFaultKind::Forbidden
        } else if is_missing {
            SoapFaultKind::NotFound
        } else if own.is_some_and(|own| !own.is_empty()) || unread {
            SoapFaultKind::Rejected
        } else {
            SoapFaultKind::ServerError
        };
        Self { kind, message }
    }
}

/// From behind the last mark to the first line of the trace.
fn application_message(text: &str) -> Option<&str> {
    let at = text.rfind(EXCEPTION_MARKER)?;
    let rest = &text[at + EXCEPTION_MARKER.len()..];
    let trace = rest.match_indices(['\n', '\r']).find(|(at, _)| {
        let line = &rest[at + 1..];
        let behind = line.trim_start_matches([' ', '\t']);
        behind.len() < line.len() && behind.starts_with("at ")
    });
    Some(rest[..trace.map_or(rest.len(), |(at, _)| at)].trim())
}

/// Of a fault that VeraCore did not raise itself, without the trace.
fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: FaultContext<'_> = FaultContext {
        subject_terms: &["order*"],
        not_found_text: None,
        redactions: &[],
    };

    #[test]
    fn what_the_order_says_of_itself_and_parts_of_words_say_nothing_about_a_fault() {
        let private = ["Login", "Password", "Already Exists Ltd"];
        for text in [
            "The address of Login Password could not be validated",
            "Company already exists ltd is not on file",
            "Offer SKU-013 is missing from the catalog in this view",
            "No orders may be viewed by this user group",
        ] {
            let asked = FaultContext {
                redactions: &private,
                ..ORDER
            };
            let fault = SoapFault::classify("soap:Server", &format!("{PREFIX}{text}"), asked);
            assert_eq!(
                (fault.kind, fault.message.as_str()),
                (SoapFaultKind::Rejected, text)
            );
        }
    }

    fn fault(text: &str) -> (SoapFaultKind, String) {
        let fault = SoapFault::classify("soap:Server", text, ORDER);
        (fault.kind, fault.message)
    }

    const PREFIX: &str = "System.Web.Services.Protocols.SoapException: Server was unable to process request. ---> System.Exception: ";

    #[test]
    fn the_words_are_those_of_the_innermost_error_without_its_trace() {
        for (text, words) in [
            (
                "Order at hand is bad\n   at Pm.Order.Add() in c:\\x",
                "Order at hand is bad",
            ),
            (
                "Line one\r\nline two at once\r\n\tat X.Y()",
                "Line one\r\nline two at once",
            ),
            ("a ---> System.Exception: b\n at c", "b"),
            ("Invalid Source", "Invalid Source"),
        ] {
            let (kind, told) = fault(&format!("{PREFIX}{text}"));
            assert_eq!((kind, told.as_str()), (SoapFaultKind::Rejected, words));
        }
    }

    #[test]
    fn faults_are_told_apart() {
        for (text, kind) in [
            ("Order T-1 already exists.", SoapFaultKind::AlreadyExists),
            ("Order T-1 was not found.", SoapFaultKind::NotFound),
            ("Order ID does not exist", SoapFaultKind::NotFound),
            ("Offer MUG was not found.", SoapFaultKind::Rejected),
            (
                "Invalid user or password.",
                SoapFaultKind::CredentialsRefused,
            ),
            ("Login failed.", SoapFaultKind::CredentialsRefused),
            (
                "The user has no permission for GetOffers",
                SoapFaultKind::Forbidden,
            ),
            ("Access is denied.", SoapFaultKind::Forbidden),
            ("Accessory kit is unknown", SoapFaultKind::Rejected),
            (
                "Timeout expired while the order was not found.",
                SoapFaultKind::ServerError,
            ),
            ("Transaction was deadlocked", SoapFaultKind::ServerError),
            ("", SoapFaultKind::ServerError),
        ] {
            assert_eq!(fault(&format!("{PREFIX}{text}")).0, kind, "{text}");
        }
        // Not VeraCore's own: nobody knows what was done.
        let null = "System.NullReferenceException: Object reference not set\n   at X";
        assert_eq!(fault(null).0, SoapFaultKind::ServerError);
        assert_eq!(
            fault("Server was unable to process request.").0,
            SoapFaultKind::ServerError
        );
        assert_eq!(fault("").0, SoapFaultKind::ServerError);
        let other =
            "Server did not recognize the value of HTTP Header SOAPAction: http://x/AddOrder.";
        let other = SoapFault::classify("soap:Client", other, ORDER);
        assert_eq!(other.kind, SoapFaultKind::UnknownOperation);
        let unread = "Server was unable to read request.";
        let unread = SoapFault::classify("soap:Client", unread, ORDER);
        assert_eq!(unread.kind, SoapFaultKind::Rejected);
    }

    #[test]
    fn a_system_with_a_sentence_of_its_own_can_be_understood() {
        let text = format!("{PREFIX}Nichts da: T-1");
        let kind = |sentence| {
            SoapFault::classify(
                "",
                &text,
                FaultContext {
                    not_found_text: sentence,
                    ..ORDER
                },
            )
            .kind
        };
        assert_eq!(kind(None), SoapFaultKind::Rejected);
        assert_eq!(kind(Some("nichts DA")), SoapFaultKind::NotFound);
    }

    #[test]
    fn what_is_missing_must_be_what_was_asked_for() {
        let kind = |words: &str, about| {
            let text = format!("{PREFIX}{words}");
            SoapFault::classify(
                "",
                &text,
                FaultContext {
                    subject_terms: about,
                    ..FaultContext::default()
                },
            )
            .kind
        };
        let product: &[&str] = &["product", "part", "item"];
        assert_eq!(
            kind("Part number MUG does not exist", product),
            SoapFaultKind::NotFound
        );
        assert_eq!(
            kind("Product MUG was not found.", &["order"]),
            SoapFaultKind::Rejected
        );
        assert_eq!(
            kind("Owner ACME was not found.", product),
            SoapFaultKind::Rejected
        );
        assert_eq!(
            kind("Offer MUG was not found.", &[]),
            SoapFaultKind::Rejected
        );
    }
}
