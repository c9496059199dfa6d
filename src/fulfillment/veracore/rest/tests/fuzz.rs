//! Nearly valid and random responses: no parser panics or needs more memory than the response, and
//! every message is one short line.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{super::token, *};
use crate::{
    fuzz_tests::{assert_one_line, mutated, mutated_text, oversized_documents},
    http::HttpResponse,
};

const ZONES: [Tz; 3] = [
    chrono_tz::America::Sao_Paulo,
    chrono_tz::Pacific::Kiritimati,
    Tz::UTC,
];

/// Values that no message may contain.
const SECRET: &str = "s3cr3t-s3cr3t";
const CARD: &str = "4111 1111 1111 1111";

const ANSWERS: &[&str] = &[
    r#"[{"SKU":"A-0","AvailableQuantity":45.0,"ReservedQuantity":2,"OnHandQuantity":4.7e1}]"#,
    r#"{"Items":[{"SKU":"A","AvailableQuantity":1},{"SKU":"B","AvailableQuantity":0}],"NextPage":"https://v.example/vc/api/inventory?page=2"}"#,
    r#"{"SKU":"A-0","AvailableQuantity":45,"ReservedQuantity":null}"#,
    r#"[{"ShipmentId":17,"OrderNumber":"C1","TrackingNumber":"1Z","Carrier":"UPS","Service":"Ground","ShipDate":"2026-11-21T10:00:00-08:00","Status":"Shipped","Items":[{"SKU":"A","Quantity":2},{"SKU":"B","Quantity":0}]}]"#,
    r#"{"OrderNumber":"C1","OrderId":"VC-1","Status":"Shipped","TrackingNumber":"1Z","ShipDate":"2026-11-01","Carrier":"UPS"}"#,
    r#"{"OrderId":100001}"#,
    r#"{"access_token":"s3cr3t-s3cr3t","expires_in":3600,"token_type":"Bearer"}"#,
];

const ERRORS: &[&str] = &[
    r#"{"message":"bad client s3cr3t-s3cr3t, card 4111 1111 1111 1111"}"#,
    r#"{"Error":{"code":7,"errors":[{"message":"s3cr3t-s3cr3t"},{"detail":"4111 1111 1111 1111"}]}}"#,
    r#"{"error":"invalid_client","error_description":"no s3cr3t-s3cr3t here"}"#,
    "<!DOCTYPE html><html><head><title>502 s3cr3t-s3cr3t</title></head></html>",
    "<?xml version='1.0'?><a>s3cr3t-s3cr3t</a>",
    "order already exists: s3cr3t-s3cr3t",
];

fn read_answer(body: &[u8]) {
    let answer = HttpResponse::from_body(body.to_vec());
    match token::read_token(&answer) {
        Ok((_, lifetime)) => assert!((1..=86_400).contains(&lifetime)),
        Err(error) => {
            assert_one_line(&error.to_string());
            assert!(!error.to_string().contains(SECRET), "{error}");
        }
    }
    let raw = match answer.json::<Box<RawValue>>() {
        Ok(raw) => raw,
        Err(error) => return assert_one_line(&error.to_string()),
    };
    read_rows(&raw);
    read_row(&raw);
    for outcome in [
        lookup::receipt(&raw).map(drop),
        lookup::found_order(&raw, ZONES[0]).map(|found| {
            assert_one_line(&found.status);
            assert_one_line(found.carrier.as_deref().unwrap_or(""));
        }),
    ] {
        assert_one_line(&outcome.err().unwrap_or_default());
    }
}

fn read_rows(raw: &RawValue) {
    let mut count = 0;
    let listed = rows::list(raw, |_, row| {
        count += 1;
        read_row(row);
    });
    assert!(count <= raw.get().len(), "a row has a length");
    match listed {
        Err(problem) => assert_one_line(&problem),
        Ok(next) => {
            if let Some(next) = next {
                let base = BaseUrl::new("https://v.example/vc".parse().unwrap()).unwrap();
                match base.next(&base.inventory(), &next) {
                    Err(problem) => assert_one_line(&problem),
                    Ok(page) => {
                        let url = base.page(&page).unwrap();
                        assert_eq!(url.host_str(), Some("v.example"));
                        // Percent signs make three bytes of one.
                        assert!(page.as_str().len() <= 3 * next.len() + 100);
                    }
                }
            }
        }
    }
}

fn read_row(row: &RawValue) {
    let mut bad = rows::stock_item(3, row)
        .err()
        .into_iter()
        .collect::<Vec<_>>();
    for zone in ZONES {
        match rows::shipment(3, row, zone) {
            Err(wrong) => bad.push(wrong),
            Ok(shipment) => {
                let items = shipment.items.map_or(0, |items| items.len());
                assert!(items <= row.get().len());
                assert_one_line(&shipment.status);
            }
        }
    }
    for bad in bad {
        assert_one_line(&bad.problem);
        assert_one_line(bad.key.as_deref().unwrap_or(""));
    }
}

fn read_error(body: &[u8]) {
    let parsed = ErrorBody::parse(body);
    let shown = parsed.masked_message(&[SECRET]);
    assert_one_line(&shown);
    assert!(!shown.contains(SECRET), "{shown}");
    // With other digits at its end it is none.
    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let cards = shown.match_indices(CARD);
    let cards = cards.filter(|(at, _)| {
        let before = shown[..*at].chars().next_back();
        !digit(&shown[at + CARD.len()..]) && !before.is_some_and(|c| c.is_ascii_digit())
    });
    assert_eq!(cards.count(), 0, "{shown}");
    let _ = (parsed.is_not_found(), parsed.is_duplicate_order());
}

proptest! {
    #[test]
    fn nearly_valid_responses_never_panic(body in mutated(ANSWERS)) {
        read_answer(&body);
        read_error(&body);
    }

    #[test]
    fn refusals_become_one_line_without_secrets(body in mutated(ERRORS)) {
        read_error(&body);
        read_answer(&body);
    }

    #[test]
    fn pages_of_any_name_stay_with_the_same_server(next in mutated_text(&[
        "https://v.example/vc/api/inventory?page=2",
        "//v.example:443/x",
        "?page=2#x",
        "../../\\evil",
        "http://user:s3cr3t-s3cr3t@evil.example/",
    ])) {
        let base = BaseUrl::new("https://v.example/vc".parse().unwrap()).unwrap();
        match base.next(&base.inventory(), &next) {
            Ok(page) => prop_assert!(page.as_str().starts_with("https://v.example/"), "{}", page.as_str()),
            Err(problem) => {
                assert_one_line(&problem);
                prop_assert!(!problem.contains(super::fuzz::SECRET), "{}", problem);
            }
        }
    }
}

#[test]
fn monsters_are_survived() {
    for monster in oversized_documents() {
        read_answer(monster.as_bytes());
        read_error(monster.as_bytes());
    }
}
