//! The text of a note on an order: short, for a merchant, without customer data. Pure.

use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{ErrorCategory, OrderCode, text::one_line},
    ledger::ClaimedNote,
};

/// Identifies our note: looked up before a note is written again.
pub(super) fn note_marker(event: Uuid) -> String {
    let id = event.simple().to_string();
    format!("[ref {}]", &id[..12])
}

pub(super) fn note_text(note: &ClaimedNote) -> String {
    let text = message(&note.event_type, &note.data, &note.code);
    format!("{text} {}", note_marker(note.event_id))
}

fn message(event_type: &str, data: &Value, code: &OrderCode) -> String {
    match event_type {
        "order.accepted" => match text_field(data, "veracoreOrderId") {
            Some(id) => format!("VeraCore has accepted this order as {id}."),
            None => "VeraCore has accepted this order.".into(),
        },
        "order.failed" => failed_message(data, code),
        "order.cancelled" => cancelled_message(data).into(),
        _ => shipped_message(data),
    }
}

fn cancelled_message(data: &Value) -> &'static str {
    match data.get("outcome").and_then(Value::as_str) {
        Some("stopped") => "This order was cancelled, and VeraCore does not ship it.",
        Some("by_hand") => {
            "This order was cancelled after it was sent to VeraCore. Have it cancelled at VeraCore before it ships."
        }
        Some("too_late") => "This order was cancelled, but VeraCore has shipped it.",
        Some("cancelled_at_veracore") => {
            "VeraCore has cancelled this order: have it reactivated there, or cancel it here."
        }
        _ => "This order was cancelled before it was sent to VeraCore; VeraCore does not ship it.",
    }
}

fn failed_message(data: &Value, code: &OrderCode) -> String {
    let why = text_field(data, "category").map_or("", |category| failure_reason(&category));
    let doubt = match data.get("inDoubt").and_then(Value::as_bool) {
        Some(true) => " VeraCore may have it anyway: check there first.",
        _ => "",
    };
    format!(
        "This order was not sent to VeraCore and needs attention: {why}.{doubt} Details: `veracore-sync orders show {code}`."
    )
}

/// The reason, without other systems' messages: they may quote the customer.
fn failure_reason(category: &str) -> &'static str {
    match ErrorCategory::parse(category) {
        Some(ErrorCategory::Validation) => "its data was refused",
        Some(ErrorCategory::Conflict) => {
            "its number is already used at VeraCore, or it changed meanwhile"
        }
        Some(ErrorCategory::NotFound) => "something it refers to was not found",
        Some(ErrorCategory::Auth) => "the credentials were refused",
        Some(ErrorCategory::Network | ErrorCategory::Timeout) => "VeraCore could not be reached",
        Some(ErrorCategory::RateLimited) => "VeraCore limited the request rate",
        Some(ErrorCategory::Upstream) => "VeraCore failed repeatedly",
        Some(ErrorCategory::Internal) | None => "an internal error occurred",
    }
}

fn shipped_message(data: &Value) -> String {
    let numbers = list_field(data, "trackingNumbers");
    let carriers = list_field(data, "carriers");
    let by = if carriers.is_empty() {
        String::new()
    } else {
        format!(" by {carriers}")
    };
    if numbers.is_empty() {
        format!("VeraCore has shipped from this order{by}.")
    } else {
        format!("VeraCore has shipped from this order{by}; tracking: {numbers}.")
    }
}

fn text_field(data: &Value, field: &str) -> Option<String> {
    let text = one_line(data.get(field)?.as_str()?, 80);
    (!text.is_empty()).then_some(text)
}

fn list_field(data: &Value, field: &str) -> String {
    let items = data.get(field).and_then(Value::as_array);
    let items = items.into_iter().flatten().filter_map(Value::as_str);
    let items: Vec<String> = items.map(|item| one_line(item, 60)).take(10).collect();
    items.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notes_are_short_name_veracore_and_quote_nobody() {
        let code = OrderCode::parse("T_1").unwrap();
        let say = |event: &str, data: Value| message(event, &data, &code);
        let all = [
            say("order.accepted", json!({ "veracoreOrderId": "VC-7" })),
            say("order.accepted", json!({ "veracoreOrderId": null })),
            say(
                "order.failed",
                json!({ "category": "validation", "message": "12 Main St", "inDoubt": false }),
            ),
            say("order.failed", json!({ "category": "?", "inDoubt": true })),
            say("order.cancelled", json!({})),
            say(
                "order.cancelled",
                json!({ "outcome": "too_late", "message": "12 Main St" }),
            ),
            say(
                "tracking.updated",
                json!({ "trackingNumbers": ["1Z", "2Z"], "carriers": ["UPS"], "shipDate": null }),
            ),
            say("tracking.updated", json!({})),
        ];
        assert_eq!(all[0], "VeraCore has accepted this order as VC-7.");
        assert!(all[3].contains("VeraCore may have it"), "{}", all[3]);
        assert!(all[5].contains("but VeraCore has shipped it"), "{}", all[5]);
        assert_eq!(
            all[6],
            "VeraCore has shipped from this order by UPS; tracking: 1Z, 2Z."
        );
        assert_eq!(all[7], "VeraCore has shipped from this order.");
        for words in &all {
            assert!(words.contains("VeraCore") && words.len() < 250, "{words}");
            assert!(!words.contains("Main St"), "{words}");
        }
    }
}
