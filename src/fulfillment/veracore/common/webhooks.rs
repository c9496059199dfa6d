//! The bodies of VeraCore's webhooks: the very objects that it answers when it is asked.
//!
//! Owns which of them are taken, and what is kept of each. Must not know who sent them.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde_json::value::RawValue;

use super::{fields::ParseProblem, rows};
use crate::{
    domain::{NoticeKind, ParcelNotice, WebhookNotice, text::one_line},
    fulfillment::{FeedRow, RowError, StockItem, WebhookBodyError},
};

pub(crate) fn parse(
    kind: NoticeKind,
    body: &[u8],
    zone: Tz,
) -> Result<WebhookNotice, WebhookBodyError> {
    parse_body(kind, body, zone).map_err(|problem| WebhookBodyError(one_line(&problem, 300)))
}

fn parse_body(kind: NoticeKind, body: &[u8], zone: Tz) -> Result<WebhookNotice, ParseProblem> {
    let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8")?;
    // serde's own message quotes what it stumbled over.
    let body: &RawValue = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("the body is not JSON, from line {line}, column {column} on")
    })?;
    match kind {
        NoticeKind::Inventory => inventory(body),
        NoticeKind::Order => {
            let (number, status) = rows::order_status(body).map_err(name_the_body)?;
            Ok(WebhookNotice::Order { number, status })
        }
        NoticeKind::Tracking => {
            let told = rows::shipment(0, body, zone).map_err(|bad| name_the_body(bad.problem))?;
            Ok(WebhookNotice::Tracking(ParcelNotice {
                number: told.order_number,
                shipment_id: told.id,
                tracking_number: told.tracking_number,
                status: told.status,
            }))
        }
    }
}

/// One item or a list of them. All must be right: who sends half of it wrong may mean anything by
/// the rest.
fn inventory(body: &RawValue) -> Result<WebhookNotice, ParseProblem> {
    if body.get().starts_with('{') {
        let item = rows::stock_item(0, body).map_err(|bad| name_the_body(bad.problem))?;
        return Ok(WebhookNotice::Inventory {
            skus: vec![item.sku],
        });
    }
    if !body.get().starts_with('[') {
        return Err("the body is neither an inventory item nor a list of them".into());
    }
    let mut items: Vec<FeedRow<StockItem>> = Vec::new();
    rows::list(body, |at, row| items.push(rows::stock_item(at, row)))?;
    if items.is_empty() {
        return Err("the list of inventory items is empty".into());
    }
    let items: FeedRow<Vec<StockItem>> = items.into_iter().collect();
    let items = items.map_err(|bad: RowError| bad.to_string())?;
    let skus: BTreeSet<_> = items.into_iter().map(|item| item.sku).collect();
    Ok(WebhookNotice::Inventory {
        skus: skus.into_iter().collect(),
    })
}

/// A problem that names no field is one of the whole.
fn name_the_body(problem: ParseProblem) -> ParseProblem {
    match problem.strip_prefix("it ") {
        Some(rest) => format!("the body {rest}"),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz_tests::{assert_one_line, mutated, oversized_documents};

    fn news(kind: NoticeKind, body: &str) -> Result<WebhookNotice, String> {
        parse(kind, body.as_bytes(), Tz::UTC).map_err(|bad| bad.0)
    }

    fn skus(body: &str) -> Vec<String> {
        match news(NoticeKind::Inventory, body) {
            Ok(WebhookNotice::Inventory { skus }) => skus.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_item_or_many_say_which_skus_changed() {
        assert_eq!(
            skus(r#"{"SKU":"A","AvailableQuantity":1,"New":[1]}"#),
            ["A"]
        );
        let many = r#"[{"SKU":"B","AvailableQuantity":1},{"SKU":"A","AvailableQuantity":0},
            {"SKU":"B","AvailableQuantity":2}]"#;
        assert_eq!(skus(many), ["A", "B"]);
    }

    #[test]
    fn what_is_kept_of_a_package_is_its_names_and_its_state() {
        let body = r#"{"ShipmentId":17,"OrderNumber":"C1","TrackingNumber":" 1Z ","Carrier":"UPS",
            "ShipDate":"2026-11-21","Status":"Shipped","Address1":"1 Main St","Items":[]}"#;
        let package = ParcelNotice {
            number: crate::domain::OrderCode::parse("C1").unwrap(),
            shipment_id: Some("17".into()),
            tracking_number: Some("1Z".into()),
            status: "Shipped".into(),
        };
        assert_eq!(
            news(NoticeKind::Tracking, body),
            Ok(WebhookNotice::Tracking(package.clone()))
        );
        let status = "On\nHold".to_owned();
        let body = serde_json::json!({ "OrderNumber": "C1", "Status": status, "Email": "a@b.c" });
        assert_eq!(
            news(NoticeKind::Order, &body.to_string()),
            Ok(WebhookNotice::Order {
                number: package.number,
                status: "On Hold".into()
            })
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        use NoticeKind::{Inventory, Order, Tracking};
        let long = format!(r#"{{"OrderNumber":"{}","Status":"x"}}"#, "9".repeat(256));
        for (kind, body, problem) in [
            (Order, "", "the body is not JSON, from line 1, column 0 on"),
            (Order, "[]", "the body is not an object"),
            (Order, r#"{"OrderNumber":"C1"}"#, "Status is missing"),
            (Order, r#"{"Status":"x"}"#, "OrderNumber is missing"),
            (
                Order,
                r#"{"OrderNumber":7,"Status":"x"}"#,
                "OrderNumber is not a text",
            ),
            (
                Order,
                &long,
                "OrderNumber: the order code is 256 characters long; at most 255 are accepted",
            ),
            (
                Order,
                r#"{"OrderNumber":"C1","OrderNumber":"C2","Status":"x"}"#,
                "one of its fields is there twice",
            ),
            (Inventory, "[]", "the list of inventory items is empty"),
            (
                Inventory,
                "\"A\"",
                "the body is neither an inventory item nor a list of them",
            ),
            (Inventory, r#"{"SKU":"A"}"#, "AvailableQuantity is missing"),
            (
                Inventory,
                r#"[{"SKU":"A","AvailableQuantity":1},{"SKU":"B","AvailableQuantity":-2}]"#,
                "row 1 (B): AvailableQuantity: -2 is negative",
            ),
            (
                Tracking,
                r#"{"OrderNumber":"C1","Status":"x","ShipDate":"soon"}"#,
                "ShipDate is not a date",
            ),
        ] {
            let told = news(kind, body).unwrap_err();
            assert!(told.starts_with(problem), "{body}: {told}");
        }
        let bytes = parse(Order, b"{\"OrderNumber\":\"\xff\"}", Tz::UTC);
        assert_eq!(bytes, Err(WebhookBodyError("the body is not UTF-8".into())));
    }

    const BODIES: &[&str] = &[
        r#"{"SKU":"A-0","AvailableQuantity":45.0,"ReservedQuantity":2,"OnHandQuantity":4.7e1}"#,
        r#"[{"SKU":"A","AvailableQuantity":1},{"SKU":"B","AvailableQuantity":0}]"#,
        r#"{"OrderNumber":"C1","Status":"Shipped"}"#,
        r#"{"ShipmentId":17,"OrderNumber":"C1","TrackingNumber":"1Z","Carrier":"UPS","ShipDate":"2026-11-21T10:00:00-08:00","Status":"Shipped","Items":[{"SKU":"A","Quantity":2}]}"#,
    ];

    fn survive(body: &[u8]) {
        for kind in NoticeKind::ALL {
            match parse(kind, body, chrono_tz::America::Sao_Paulo) {
                Err(bad) => assert_one_line(&bad.0),
                Ok(news) => {
                    assert_eq!(news.kind(), kind);
                    // Whatever was taken can be kept and read again, and is no larger than it came.
                    let kept = serde_json::to_string(&news).unwrap();
                    assert!(kept.len() <= 2 * body.len() + 200, "{kept}");
                    assert_eq!(serde_json::from_str::<WebhookNotice>(&kept).unwrap(), news);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn bodies_that_are_nearly_right_are_survived(body in mutated(BODIES)) {
            survive(&body);
        }
    }

    #[test]
    fn monsters_are_survived() {
        for monster in oversized_documents() {
            survive(monster.as_bytes());
        }
    }
}
