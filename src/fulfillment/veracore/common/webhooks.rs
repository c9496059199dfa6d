//! The bodies of webhooks: the same objects as in VeraCore's responses.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde_json::value::RawValue;

use super::{fields::ParseProblem, rows};
use crate::{
    domain::{NoticeKind, ParcelNotice, WebhookNotice, text::one_line},
    fulfillment::{FeedRow, StockItem, WebhookBodyError},
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
    // serde's own message quotes the body.
    let body: &RawValue = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("the body is not JSON from line {line}, column {column}")
    })?;
    match kind {
        NoticeKind::Inventory => inventory(body),
        NoticeKind::Order => {
            let (number, status) = rows::order_status(body).map_err(name_the_body)?;
            Ok(WebhookNotice::Order { number, status })
        }
        NoticeKind::Tracking => {
            let shipment =
                rows::shipment(0, body, zone).map_err(|bad| name_the_body(bad.problem))?;
            Ok(WebhookNotice::Tracking(ParcelNotice {
                number: shipment.order_number,
                shipment_id: shipment.id,
                tracking_number: shipment.tracking_number,
                status: shipment.status,
            }))
        }
    }
}

/// Reads one item or a list of them. One invalid item makes the whole body doubtful.
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
    let skus: FeedRow<BTreeSet<_>> = items.into_iter().map(|row| Ok(row?.sku)).collect();
    let skus = skus.map_err(|bad| bad.to_string())?;
    Ok(WebhookNotice::Inventory {
        skus: skus.into_iter().collect(),
    })
}

/// A problem that names no field concerns the whole body.
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

    fn parse_text(kind: NoticeKind, body: &str) -> Result<WebhookNotice, String> {
        parse(kind, body.as_bytes(), Tz::UTC).map_err(|bad| bad.0)
    }

    fn skus(body: &str) -> Vec<String> {
        match parse_text(NoticeKind::Inventory, body) {
            Ok(WebhookNotice::Inventory { skus }) => skus.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_item_or_a_list_names_the_changed_skus() {
        assert_eq!(
            skus(r#"{"SKU":"A","AvailableQuantity":1,"New":[1]}"#),
            ["A"]
        );
        let many = r#"[{"SKU":"B","AvailableQuantity":1},{"SKU":"A","AvailableQuantity":0},
            {"SKU":"B","AvailableQuantity":2}]"#;
        assert_eq!(skus(many), ["A", "B"]);
    }

    #[test]
    fn only_ids_and_status_of_a_parcel_are_kept() {
        let body = r#"{"ShipmentId":17,"OrderNumber":"C1","TrackingNumber":" 1Z ","Carrier":"UPS",
            "ShipDate":"2026-11-21","Status":"Shipped","Address1":"1 Main St","Items":[]}"#;
        let parcel = ParcelNotice {
            number: crate::domain::OrderCode::parse("C1").unwrap(),
            shipment_id: Some("17".into()),
            tracking_number: Some("1Z".into()),
            status: "Shipped".into(),
        };
        assert_eq!(
            parse_text(NoticeKind::Tracking, body),
            Ok(WebhookNotice::Tracking(parcel.clone()))
        );
        let status = "On\nHold".to_owned();
        let body = serde_json::json!({ "OrderNumber": "C1", "Status": status, "Email": "a@b.c" });
        assert_eq!(
            parse_text(NoticeKind::Order, &body.to_string()),
            Ok(WebhookNotice::Order {
                number: parcel.number,
                status: "On Hold".into()
            })
        );
    }

    #[test]
    fn the_invalid_field_is_named() {
        use NoticeKind::{Inventory, Order, Tracking};
        let long = format!(r#"{{"OrderNumber":"{}","Status":"x"}}"#, "9".repeat(256));
        for (kind, body, problem) in [
            (Order, "", "the body is not JSON from line 1, column 0"),
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
                "the body has a field twice",
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
            let message = parse_text(kind, body).unwrap_err();
            assert!(message.starts_with(problem), "{body}: {message}");
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

    fn assert_parsed_or_refused(body: &[u8]) {
        for kind in NoticeKind::ALL {
            match parse(kind, body, chrono_tz::America::Sao_Paulo) {
                Err(bad) => assert_one_line(&bad.0),
                Ok(notice) => {
                    assert_eq!(notice.kind(), kind);
                    // An accepted notice survives storage, and is no larger than its body.
                    let kept = serde_json::to_string(&notice).unwrap();
                    assert!(kept.len() <= 2 * body.len() + 200, "{kept}");
                    assert_eq!(
                        serde_json::from_str::<WebhookNotice>(&kept).unwrap(),
                        notice
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn nearly_valid_bodies_never_panic(body in mutated(BODIES)) {
            assert_parsed_or_refused(&body);
        }
    }

    #[test]
    fn oversized_bodies_never_panic() {
        for monster in oversized_documents() {
            assert_parsed_or_refused(monster.as_bytes());
        }
    }
}
