//! What a fault means.
//!
//! Owns which words of a fault are VeraCore's own, and which class they put it in. The sentences are
//! not documented (reference, D 2): they are told apart by single words, and what is not recognized
//! leaves open whether anything was done.

/// What a fault says about what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is such a thing already.
    Exists,
    /// There is nothing of what was asked for.
    Missing,
    /// It does not know us.
    Login,
    /// It knows us, and we may not do this.
    Permission,
    /// It has no such operation: the address is another service's, or the namespace is.
    NoOperation,
    /// It does not do it: nothing was done.
    Refusal,
    /// It stumbled, and may have done anything.
    Trouble,
}

/// A fault, in VeraCore's words: to be made safe before they are shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub kind: Kind,
    pub words: String,
}

/// Where the message of an error begins that VeraCore raised itself.
const MARK: &str = "System.Exception:";

// Whole words, since "catalog in" is no "log in"; one that ends in `*` may go on.
const EXISTS: &[&str] = &["already exist*", "duplicate order"];
const LOGIN: &[&str] = &[
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
const PERMISSION: &[&str] = &[
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
const TROUBLE: &[&str] = &[
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
const MISSING: &[&str] = &[
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
const LEAST: usize = 3;

/// What a fault is read against.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    /// Words for what was asked for.
    pub about: &'a [&'a str],
    /// How this system says that it does not have an order, if that is known.
    pub missing: Option<&'a str>,
    /// The order's own words, which say nothing about what kind of fault it is: a buyer may be
    /// called Login.
    pub private: &'a [&'a str],
}

/// Whether `words` (in lower case) hold one of these.
fn hold(words: &str, known: &[&str]) -> bool {
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

impl Fault {
    pub(super) fn of(code: &str, text: &str, asked: Asked<'_>) -> Self {
        let own = own_words(text);
        let words = own.unwrap_or_else(|| first_line(text)).to_owned();
        let own_values = asked
            .private
            .iter()
            .filter(|value| value.chars().count() >= LEAST);
        let lower = own_values.fold(words.to_lowercase(), |words, value| {
            words.replace(&value.to_lowercase(), "\u{2026}")
        });
        let says = |known: &[&str]| hold(&lower, known);
        let is_missing = asked
            .missing
            .is_some_and(|text| lower.contains(&text.to_lowercase()))
            || says(asked.about) && says(MISSING);
        // A request that could not be read at all was not worked on.
        let unread = code
            .rsplit(':')
            .next()
            .is_some_and(|code| matches!(code.trim(), "Client" | "Sender"));
        let kind = if lower.contains("soapaction") {
            Kind::NoOperation
        } else if says(EXISTS) {
            Kind::Exists
        } else if says(TROUBLE) {
            Kind::Trouble
        } else if says(LOGIN) {
            Kind::Login
        } else if says(PERMISSION) {
            Kind::Permission
        } else if is_missing {
            Kind::Missing
        } else if own.is_some_and(|own| !own.is_empty()) || unread {
            Kind::Refusal
        } else {
            Kind::Trouble
        };
        Self { kind, words }
    }
}

/// From behind the last mark to the first line of the trace.
fn own_words(text: &str) -> Option<&str> {
    let at = text.rfind(MARK)?;
    let rest = &text[at + MARK.len()..];
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

    const ORDER: Asked<'_> = Asked {
        about: &["order*"],
        missing: None,
        private: &[],
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
            let asked = Asked {
                private: &private,
                ..ORDER
            };
            let fault = Fault::of("soap:Server", &format!("{PREFIX}{text}"), asked);
            assert_eq!((fault.kind, fault.words.as_str()), (Kind::Refusal, text));
        }
    }

    fn fault(text: &str) -> (Kind, String) {
        let fault = Fault::of("soap:Server", text, ORDER);
        (fault.kind, fault.words)
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
            assert_eq!((kind, told.as_str()), (Kind::Refusal, words));
        }
    }

    #[test]
    fn faults_are_told_apart() {
        for (text, kind) in [
            ("Order T-1 already exists.", Kind::Exists),
            ("Order T-1 was not found.", Kind::Missing),
            ("Order ID does not exist", Kind::Missing),
            ("Offer MUG was not found.", Kind::Refusal),
            ("Invalid user or password.", Kind::Login),
            ("Login failed.", Kind::Login),
            ("The user has no permission for GetOffers", Kind::Permission),
            ("Access is denied.", Kind::Permission),
            ("Accessory kit is unknown", Kind::Refusal),
            (
                "Timeout expired while the order was not found.",
                Kind::Trouble,
            ),
            ("Transaction was deadlocked", Kind::Trouble),
            ("", Kind::Trouble),
        ] {
            assert_eq!(fault(&format!("{PREFIX}{text}")).0, kind, "{text}");
        }
        // Not VeraCore's own: nobody knows what was done.
        let null = "System.NullReferenceException: Object reference not set\n   at X";
        assert_eq!(fault(null).0, Kind::Trouble);
        assert_eq!(
            fault("Server was unable to process request.").0,
            Kind::Trouble
        );
        assert_eq!(fault("").0, Kind::Trouble);
        let other =
            "Server did not recognize the value of HTTP Header SOAPAction: http://x/AddOrder.";
        let other = Fault::of("soap:Client", other, ORDER);
        assert_eq!(other.kind, Kind::NoOperation);
        let unread = "Server was unable to read request.";
        let unread = Fault::of("soap:Client", unread, ORDER);
        assert_eq!(unread.kind, Kind::Refusal);
    }

    #[test]
    fn a_system_with_a_sentence_of_its_own_can_be_understood() {
        let text = format!("{PREFIX}Nichts da: T-1");
        let kind = |sentence| {
            Fault::of(
                "",
                &text,
                Asked {
                    missing: sentence,
                    ..ORDER
                },
            )
            .kind
        };
        assert_eq!(kind(None), Kind::Refusal);
        assert_eq!(kind(Some("nichts DA")), Kind::Missing);
    }

    #[test]
    fn what_is_missing_must_be_what_was_asked_for() {
        let kind = |words: &str, about| {
            let text = format!("{PREFIX}{words}");
            Fault::of(
                "",
                &text,
                Asked {
                    about,
                    ..Asked::default()
                },
            )
            .kind
        };
        let product: &[&str] = &["product", "part", "item"];
        assert_eq!(
            kind("Part number MUG does not exist", product),
            Kind::Missing
        );
        assert_eq!(
            kind("Product MUG was not found.", &["order"]),
            Kind::Refusal
        );
        assert_eq!(kind("Owner ACME was not found.", product), Kind::Refusal);
        assert_eq!(kind("Offer MUG was not found.", &[]), Kind::Refusal);
    }
}
