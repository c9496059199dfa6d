//! The classification of SOAP faults by their text.
//!
//! The texts are not documented, so single words decide. After an unknown fault it is open whether
//! anything was done.

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
mod tests {
    use super::*;

    const ORDER: FaultContext<'_> = FaultContext {
        subject_terms: &["order*"],
        not_found_text: None,
        redactions: &[],
    };

    #[test]
    fn values_of_the_order_and_parts_of_words_do_not_classify_a_fault() {
        let redactions = ["Login", "Password", "Already Exists Ltd"];
        for text in [
            "The address of Login Password could not be validated",
            "Company already exists ltd is not on file",
            "Offer SKU-013 is missing from the catalog in this view",
            "No orders may be viewed by this user group",
        ] {
            let context = FaultContext {
                redactions: &redactions,
                ..ORDER
            };
            let fault = SoapFault::classify("soap:Server", &format!("{PREFIX}{text}"), context);
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
    fn the_message_is_the_innermost_error_without_its_trace() {
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
            let (kind, message) = fault(&format!("{PREFIX}{text}"));
            assert_eq!((kind, message.as_str()), (SoapFaultKind::Rejected, words));
        }
    }

    #[test]
    fn faults_are_classified() {
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
    fn a_configured_text_means_not_found() {
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
    fn only_the_requested_object_counts_as_not_found() {
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
