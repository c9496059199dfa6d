use serde_json::{Value, json};
use wiremock::{
    MockServer, ResponseTemplate,
    matchers::{body_string_contains, header_exists},
};

use super::*;
use crate::{
    domain::{FailureClass, LineId},
    vendure::{
        ShopSetup, SupportedTrackingFields,
        stock::tests::{readable, received_requests},
        tests::{client, forbidden, logged_in, mount_response, password},
    },
};

/// A shop that gives this answer to everything but the login.
async fn shop(data: Value) -> (MockServer, VendureClient) {
    let server = MockServer::start().await;
    mount_response(&server, body_string_contains("login("), logged_in("s")).await;
    let template = ResponseTemplate::new(200).set_body_json(json!({ "data": data }));
    mount_response(&server, header_exists("authorization"), template).await;
    let client = client(&server, password(), Some("t-main"));
    (server, client)
}

fn order(id: &str) -> Value {
    json!({
        "id": id, "code": format!("C{id}"), "state": "PartiallyShipped",
        "lines": [
            { "id": "11", "quantity": 3, "productVariant": { "id": "21", "sku": "A" } },
            { "id": "12", "quantity": 0, "productVariant": { "id": "22", "sku": "" } },
        ],
        "fulfillments": [
            { "id": "10", "state": "Pending", "trackingCode": " ", "lines": [] },
            { "id": "9", "state": "Cancelled", "trackingCode": "1Z1",
              "lines": [{ "orderLineId": "11", "quantity": 2 }] },
            { "id": "8", "state": "Shipped", "trackingCode": null,
              "lines": [{ "orderLineId": "11", "quantity": 1 }] },
        ],
    })
}

fn orders(items: &[Value]) -> Value {
    json!({
        "activeChannel": { "code": "main", "token": "t-main" },
        "orders": { "totalItems": items.len(), "items": items },
    })
}

fn ids(ids: &[&str]) -> Vec<ShopOrderId> {
    ids.iter()
        .map(|id| ShopOrderId::parse(*id).unwrap())
        .collect()
}

#[tokio::test]
async fn a_bad_order_in_a_page_spoils_no_others_progress() {
    let mut no_state = order("2");
    no_state["state"] = json!("");
    let mut taken = order("3");
    taken["fulfillments"][2]["lines"][0]["quantity"] = json!(-1);
    let mut new = order("4");
    new["fulfillments"] = Value::Null;
    let mut no_variant = order("5");
    no_variant["lines"][1]["productVariant"] = Value::Null;
    let items = [order("1"), no_state, taken, new, no_variant, json!(7)];
    let (server, shop) = shop(orders(&items)).await;
    let all = ids(&["1", "2", "3", "4", "5", "6"]);
    let page = shop.fulfillment_progress(&all).await.unwrap();
    let first = &page.orders[0];
    let fulfillments: Vec<_> = first
        .fulfillments
        .iter()
        .map(|f| (f.id.as_str(), f.tracking_code.as_deref()))
        .collect();
    assert_eq!(
        fulfillments,
        [("8", None), ("9", Some("1Z1")), ("10", None)]
    );
    let left = |line: &str| first.unfulfilled_units(&LineId::parse(line).unwrap());
    assert_eq!((left("11"), left("12"), left("13")), (2, 0, 0));
    assert_eq!(page.orders.len(), 2);
    assert_eq!(page.orders[1].fulfillments, []);
    let problems: Vec<String> = page
        .unreadable
        .iter()
        .map(|bad| format!("{}: {}", bad.key, bad.problem))
        .collect();
    insta::assert_snapshot!("bad_progress", problems.join("\n"));
    insta::assert_snapshot!(
        "progress_request",
        readable(&received_requests(&server).await[0])
    );

    let error = shop.fulfillment_progress(&all[..1]).await.unwrap_err();
    assert!(
        error.to_string().contains("has 6 items, 1 were requested"),
        "{error}"
    );
    let error = shop
        .fulfillment_progress(&ids(&["7"; 6]))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("was not requested: 1"),
        "{error}"
    );
    let requests = received_requests(&server).await.len();
    assert_eq!(
        shop.fulfillment_progress(&[]).await,
        Ok(FulfillmentProgressPage::default())
    );
    assert_eq!(
        received_requests(&server).await.len(),
        requests,
        "nothing to ask for"
    );
}

fn package(lines: &[(&str, u32)]) -> NewFulfillment {
    let units = |&(line, quantity): &(&str, u32)| LineUnits {
        line: LineId::parse(line).unwrap(),
        quantity,
    };
    NewFulfillment {
        lines: lines.iter().map(units).collect(),
        method: "UPS Ground".into(),
        tracking_code: "1Z1".into(),
    }
}

#[tokio::test]
async fn a_fulfillment_is_made_with_method_and_tracking_code() {
    let made = json!({ "__typename": "Fulfillment", "id": "7", "state": "Pending" });
    let (server, shop) = shop(json!({ "addFulfillmentToOrder": made })).await;
    let id = shop
        .add_fulfillment(&package(&[("11", 2), ("12", 1)]))
        .await;
    assert_eq!(id.unwrap().as_str(), "7");
    insta::assert_snapshot!(readable(&received_requests(&server).await[0]));
    let cases: [&[(&str, u32)]; 3] = [
        &[("11", 0)],
        &[("11", 1), ("11", 1)],
        &[("11", 2_147_483_648)],
    ];
    for lines in cases {
        let error = shop.add_fulfillment(&package(lines)).await.unwrap_err();
        assert!(
            matches!(error, StorefrontError::InvalidField { .. }),
            "{error}"
        );
    }
    assert_eq!(
        received_requests(&server).await.len(),
        1,
        "the others were not sent"
    );
}

/// Each of the errors that the schema names, and whether a fulfillment may be there then.
#[tokio::test]
async fn the_named_errors_of_fulfillments_are_told_apart() {
    let named = |name: &str, code: &str| json!({ "__typename": name, "errorCode": code, "message": "It says why" });
    let mut failed = named("CreateFulfillmentError", "CREATE_FULFILLMENT_ERROR");
    failed["fulfillmentHandlerError"] = json!("no label\n printer");
    let mut stuck = named(
        "FulfillmentStateTransitionError",
        "FULFILLMENT_STATE_TRANSITION_ERROR",
    );
    stuck["transitionError"] = json!("not on a Sunday");
    let answers = [
        failed,
        named(
            "EmptyOrderLineSelectionError",
            "EMPTY_ORDER_LINE_SELECTION_ERROR",
        ),
        named(
            "InsufficientStockOnHandError",
            "INSUFFICIENT_STOCK_ON_HAND_ERROR",
        ),
        named(
            "InvalidFulfillmentHandlerError",
            "INVALID_FULFILLMENT_HANDLER_ERROR",
        ),
        named(
            "ItemsAlreadyFulfilledError",
            "ITEMS_ALREADY_FULFILLED_ERROR",
        ),
        stuck.clone(),
        named("NewError", "NEW_ERROR"),
        json!({ "__typename": "Fulfillment", "id": "", "state": "Pending" }),
    ];
    let mut messages = Vec::new();
    let mut record = |error: StorefrontError| {
        let (class, category) = (error.class().as_str(), error.category());
        messages.push(format!("{class}: {error} ({category})"));
    };
    for made in answers {
        let (_server, shop) = shop(json!({ "addFulfillmentToOrder": made })).await;
        record(
            shop.add_fulfillment(&package(&[("11", 1)]))
                .await
                .unwrap_err(),
        );
    }
    let pending = json!({ "__typename": "Fulfillment", "id": "7", "state": "Pending" });
    for moved in [stuck, pending, named("NewError", "NEW_ERROR")] {
        let (_server, shop) = shop(json!({ "transitionFulfillmentToState": moved })).await;
        let id = FulfillmentId::parse("7").unwrap();
        record(shop.ship_fulfillment(&id).await.unwrap_err());
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[tokio::test]
async fn only_the_fields_that_are_given_are_written() {
    let (server, shop) = shop(json!({ "setOrderCustomFields": { "id": "1" } })).await;
    let order = ShopOrderId::parse("1").unwrap();
    let fields = TrackingFields {
        tracking_code: Some("1Z1".into()),
        carrier: None,
        ship_date: Some("2026-11-20T22:30:00.5-08:00".parse().unwrap()),
    };
    shop.set_tracking(&order, &fields).await.unwrap();
    shop.set_tracking(&order, &TrackingFields::default())
        .await
        .unwrap();
    let asked = received_requests(&server).await;
    assert_eq!(asked.len(), 1, "there was nothing to write");
    insta::assert_snapshot!(readable(&asked[0]));
    let other = ShopOrderId::parse("2").unwrap();
    let error = shop.set_tracking(&other, &fields).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Ambiguous, "{error}");
}

/// A shop without introspection whose orders have these custom fields.
async fn closed_shop(fields: &[&str]) -> (MockServer, VendureClient) {
    let server = MockServer::start().await;
    let invalid = |message: &str| {
        ResponseTemplate::new(400).set_body_json(json!({ "errors": [
            { "message": message, "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } }
        ]}))
    };
    mount_response(&server, body_string_contains("login("), logged_in("s")).await;
    let introspection = invalid("GraphQL introspection is not allowed");
    mount_response(&server, body_string_contains("__type("), introspection).await;
    for field in ["trackingCode", "carrier", "shipDate"] {
        if !fields.contains(&field) {
            let unknown = invalid(&format!("Cannot query field \"{field}\""));
            mount_response(&server, body_string_contains(field), unknown).await;
        }
    }
    let item = json!({ "customFields": {} });
    let found = json!({ "data": { "orders": { "items": [item] } } });
    let found = ResponseTemplate::new(200).set_body_json(found);
    mount_response(&server, body_string_contains("customFields"), found).await;
    let client = client(&server, password(), None);
    (server, client)
}

#[tokio::test]
async fn a_shop_without_introspection_shows_its_fields_by_being_read() {
    for (fields, calls) in [
        (&["trackingCode", "carrier", "shipDate"][..], 2),
        (&["trackingCode", "shipDate"], 5),
        (&[], 5),
    ] {
        let (server, shop) = closed_shop(fields).await;
        let known = SupportedTrackingFields {
            tracking_code: fields.contains(&"trackingCode"),
            carrier: fields.contains(&"carrier"),
            ship_date: fields.contains(&"shipDate"),
        };
        assert_eq!(shop.supported_tracking_fields().await, Ok(known));
        assert_eq!(received_requests(&server).await.len(), calls, "{fields:?}");
    }
}

#[tokio::test]
async fn fields_are_not_taken_for_missing_when_the_shop_is_down() {
    for (template, expected) in [
        (forbidden(), Ok(SupportedTrackingFields::default())),
        (ResponseTemplate::new(502), Err(())),
        (
            ResponseTemplate::new(200)
                .set_body_json(json!({ "errors": [{ "message": "Connection terminated" }] })),
            Err(()),
        ),
    ] {
        let server = MockServer::start().await;
        mount_response(&server, body_string_contains("login("), logged_in("s")).await;
        let introspection = ResponseTemplate::new(400).set_body_json(json!({ "errors": [
            { "message": "no", "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } }
        ]}));
        mount_response(&server, body_string_contains("__type("), introspection).await;
        mount_response(&server, body_string_contains("customFields"), template).await;
        let shop = client(&server, password(), None);
        assert_eq!(
            shop.supported_tracking_fields().await.map_err(|_| ()),
            expected
        );
    }
}
