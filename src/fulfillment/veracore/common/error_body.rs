//! The message in the body of an error response, with secrets masked.
//!
//! The body itself is never shown: some systems quote the request in it, including credentials.

use serde_json::Value;

use crate::domain::text::{mask_card_numbers, one_line};

const MAX_MESSAGE_CHARS: usize = 300;

/// Fields that hold messages, in display order: the three of docs/veracore-rest.md, and those
/// of OAuth (RFC 6749), ASP.NET and problem details (RFC 9457).
const FIELDS: [&str; 9] = [
    "message",
    "Message",
    "error_description",
    "error",
    "Error",
    "errors",
    "Errors",
    "detail",
    "title",
];

/// Nesting that is searched for messages.
const MAX_DEPTH: usize = 4;

/// The part of a body that is read: parsing a longer one can take far more memory than its length.
const MAX_BYTES: usize = 64 * 1024;

/// The body of an error response, by format.
pub(crate) enum ErrorBody {
    Empty,
    /// The messages found in JSON, possibly none.
    Json(Vec<String>),
    Html {
        title: Option<String>,
    },
    Xml,
    /// Any other text: searched, never shown.
    Text(String),
}

impl ErrorBody {
    pub(crate) fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&body[..body.len().min(MAX_BYTES)]);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Self::Empty;
        }
        if let Ok(json) = serde_json::from_str::<Value>(text) {
            let mut messages = Vec::new();
            collect_messages(&json, 0, &mut messages);
            return Self::Json(messages);
        }
        if !text.starts_with('<') {
            return Self::Text(text.to_owned());
        }
        let lower = text.to_ascii_lowercase();
        let is_page = ["<!doctype html", "<html", "<head", "<body", "<title", "<h1"]
            .iter()
            .any(|tag| lower.contains(tag));
        if !is_page {
            return Self::Xml;
        }
        // ASCII lowercasing keeps byte offsets.
        let title = lower.find("<title").and_then(|tag| {
            let start = tag + lower[tag..].find('>')? + 1;
            let end = start + lower[start..].find("</title")?;
            // Not shortened yet: the cut could leave half of a secret, which is then not masked.
            Some(one_line(&text[start..end], MAX_BYTES)).filter(|title| !title.is_empty())
        });
        Self::Html { title }
    }

    /// One bounded line about the body, with `redactions` masked.
    pub(crate) fn masked_message(&self, redactions: &[&str]) -> String {
        let message = match self {
            Self::Empty => String::new(),
            Self::Json(messages) => messages.join("; "),
            Self::Html { title: Some(title) } => format!("an HTML page, \"{title}\""),
            Self::Html { title: None } => "an HTML page".into(),
            Self::Xml => "an XML document".into(),
            Self::Text(_) => "a text without a known message".into(),
        };
        redacted_line(&message, redactions)
    }

    /// Whether it reports that an order with this number already exists.
    pub(crate) fn is_duplicate_order(&self) -> bool {
        let says = |text: &str| {
            let text = text.to_lowercase();
            text.contains("already exist") || text.contains("duplicate order")
        };
        match self {
            Self::Json(messages) => messages.iter().any(|message| says(message)),
            Self::Text(text) => says(text),
            Self::Empty | Self::Html { .. } | Self::Xml => false,
        }
    }

    /// Whether a 404 with this body says that VeraCore lacks the object. A page, or a message about
    /// routes, comes from a wrong URL or a proxy: to trust it would send the order twice.
    pub(crate) fn is_not_found(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Json(messages) => !messages.iter().any(|message| {
                let message = message.to_lowercase();
                ["no http resource", "route", "cannot get ", "upstream"]
                    .iter()
                    .any(|word| message.contains(word))
            }),
            Self::Html { .. } | Self::Xml | Self::Text(_) => false,
        }
    }
}

/// `text` as one bounded line, with `redactions` and card numbers masked.
pub(crate) fn redacted_line(text: &str, redactions: &[&str]) -> String {
    let masked = redactions
        .iter()
        // A shorter value would mask half of the message, and is no secret.
        .filter(|value| value.len() >= 4)
        .fold(text.to_owned(), |text, value| text.replace(value, "[…]"));
    one_line(&mask_card_numbers(&masked), MAX_MESSAGE_CHARS)
}

fn collect_messages(value: &Value, depth: usize, messages: &mut Vec<String>) {
    if depth > MAX_DEPTH || messages.len() >= 5 {
        return;
    }
    match value {
        Value::String(text) => {
            let text = text.trim();
            if !text.is_empty() && !messages.iter().any(|known| known == text) {
                messages.push(text.to_owned());
            }
        }
        Value::Array(values) => {
            for value in values {
                collect_messages(value, depth + 1, messages);
            }
        }
        Value::Object(fields) => {
            for name in FIELDS {
                if let Some(value) = fields.get(name) {
                    collect_messages(value, depth + 1, messages);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &str) -> String {
        ErrorBody::parse(body.as_bytes()).masked_message(&[])
    }

    #[test]
    fn every_known_message_field_is_found() {
        for body in [
            r#"{"message":"bad SKU"}"#,
            r#"{"error":"bad SKU"}"#,
            r#"{"Error":"bad SKU"}"#,
            r#"{"Error":{"code":7,"message":"bad\r\nSKU"}}"#,
            r#"{"errors":[{"message":"bad SKU"},{"message":"bad SKU"}]}"#,
            r#""bad SKU""#,
        ] {
            assert_eq!(shown(body), "bad SKU", "{body}");
        }
        assert_eq!(
            shown(r#"{"error":"Bad","message":"No SKU"}"#),
            "No SKU; Bad"
        );
        assert_eq!(shown(r#"{"message":null,"code":7}"#), "");
        assert_eq!(shown(" "), "");
    }

    #[test]
    fn pages_and_texts_are_named_and_not_shown() {
        let page = "<!DOCTYPE html><HTML><Title lang=en>502\nBad Gateway</TITLE>secret";
        assert_eq!(shown(page), r#"an HTML page, "502 Bad Gateway""#);
        assert_eq!(shown("<html>secret"), "an HTML page");
        assert_eq!(shown("<?xml version='1.0'?><a/>"), "an XML document");
        assert!(!shown("secret").contains("secret"));
    }

    #[test]
    fn messages_are_bounded_and_secrets_masked() {
        let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(5000));
        assert_eq!(shown(&long).chars().count(), MAX_MESSAGE_CHARS + 1);
        let huge = format!(r#"{{"message":"{}"}}"#, "x".repeat(MAX_BYTES));
        assert!(shown(&huge).starts_with("a text without"));
        let page = format!("<title>{}s3cr3t</title>", "x".repeat(80));
        let title = ErrorBody::parse(page.as_bytes()).masked_message(&["s3cr3t"]);
        assert!(title.ends_with("x[…]\""), "{title}");
        let body = ErrorBody::parse(br#"{"message":"no client with s3cr3t, 12 Elm St"}"#);
        let shown = body.masked_message(&["s3cr3t", "12 Elm St", "no"]);
        assert_eq!(shown, "no client with […], […]");
    }

    #[test]
    fn only_a_404_of_veracore_itself_means_that_something_is_missing() {
        let missing = |body: &str| ErrorBody::parse(body.as_bytes()).is_not_found();
        assert!(missing(""));
        assert!(missing("{}"));
        assert!(missing(r#"{"message":"order not found"}"#));
        assert!(!missing("<html><title>404</title></html>"));
        assert!(!missing("404 page not found"));
        assert!(!missing("{\"message\":"));
        assert!(!missing(
            r#"{"message":"no Route matched with those values"}"#
        ));
        assert!(!missing(
            r#"{"Message":"No HTTP resource was found that matches the request URI"}"#
        ));
    }
}
