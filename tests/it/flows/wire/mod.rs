//! The expected request for an order in each style, built from the shop's data.

mod oms;
mod rest;

use serde_json::Value;

use crate::harness::Style;

/// Asserts that the body received has exactly the shop's data.
pub fn assert_exact(body: &str, order: &Value) {
    match Style::current() {
        Style::Rest => {
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!(body, rest::body(order));
        }
        Style::Oms => {
            let (_, sent) = body
                .split_once("<AddOrder xmlns=\"http://omscom/\">")
                .unwrap();
            let (sent, _) = sent.split_once("</AddOrder>").unwrap();
            assert_eq!(sent, oms::order(order));
        }
    }
}

/// A body on several lines, without values that differ between runs.
pub fn readable(body: &str, order: &Value) -> String {
    let string = |value: &Value| value.as_str().unwrap().to_owned();
    let body = body
        .replace(&string(&order["code"]), "[code]")
        .replace(&string(&order["customer"]["emailAddress"]), "[email]");
    match Style::current() {
        Style::Rest => {
            let date = string(&rest::body(order)["OrderDate"]);
            body.replace(&date, "[date]").replace(",\"", ",\n\"")
        }
        Style::Oms => {
            let (before, rest) = body.split_once("<EntryDate>").unwrap();
            let (_, after) = rest.split_once('<').unwrap();
            format!("{before}<EntryDate>[date]<{after}").replace("><", ">\n<")
        }
    }
}

/// The unit price that the customer pays for each line.
pub fn prices(order: &Value) -> Vec<String> {
    let lines = order["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| line["proratedUnitPriceWithTax"].as_u64().unwrap())
        .map(|cents| format!("{}.{:02}", cents / 100, cents % 100))
        .collect()
}
