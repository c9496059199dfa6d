//! Sending orders and looking them up.

use super::*;
use crate::domain::{ErrorCategory, FailureClass};

#[tokio::test]
async fn the_order_body_matches_the_documentation() {
    let fixture = RestFixture::basic().await;
    fixture
        .on("POST", "orders", answer(201, json!({"OrderId": "VC-1"})))
        .await;
    let receipt = fixture.client.submit_order(&order()).await.unwrap();
    assert_eq!(receipt.provider_order_id.as_str(), "VC-1");

    let request = &fixture.requests("orders").await[0];
    assert_eq!(request.headers["content-type"], "application/json");
    // One field a line, to be read; apart from that, byte for byte.
    let body = String::from_utf8_lossy(&request.body).replace(",\"", ",\n\"");
    insta::assert_snapshot!(body, @r#"
    {"CompanyId":"ACME",
    "OrderNumber":"T/1 é",
    "OrderDate":"2026-11-21T10:00:00Z",
    "CurrencyCode":"USD",
    "ShippingMethod":"UPS-GROUND",
    "Comments":"Leave \"it\"\nat the door",
    "Customer":{"FirstName":"Ada",
    "LastName":"Lovelace",
    "Email":"ada@example.com"},
    "ShippingAddress":{"FirstName":"Ada",
    "LastName":"Lovelace",
    "Address1":"12 Elm St",
    "City":"Portland",
    "State":"OR",
    "Zip":"01234",
    "Country":"US",
    "Phone":"+1 555 0100"},
    "BillingAddress":{"LastName":"Byron",
    "Address1":"1 Main St",
    "Country":"GB"},
    "Items":[{"SKU":"MUG-1",
    "Quantity":2,
    "UnitPrice":12.50},{"SKU":"MUG-1",
    "Quantity":1,
    "UnitPrice":19.9999}]}
    "#);
}

#[tokio::test]
async fn the_order_id_may_be_a_number_and_must_be_there() {
    for (body, id) in [
        (
            json!({"OrderId": 9_007_199_254_740_993_u64}),
            "9007199254740993",
        ),
        (json!({"OrderId": " VC-1 ", "Status": 3}), "VC-1"),
    ] {
        let fixture = RestFixture::basic().await;
        fixture.on("POST", "orders", answer(200, body)).await;
        let receipt = fixture.client.submit_order(&order()).await.unwrap();
        assert_eq!(receipt.provider_order_id.as_str(), id);
    }
    for body in [
        r#"{"OrderId":""}"#,
        r#"{"OrderId":null}"#,
        r#"{"OrderId":true}"#,
        r#"{"OrderId":1.5}"#,
        r#"{"OrderId":"a","OrderId":"b"}"#,
        r#"{}"#,
        r#"["VC-1"]"#,
        r#"{"OrderId":"#,
        "",
        "<html>done</html>",
    ] {
        let fixture = RestFixture::basic().await;
        let garbled = ResponseTemplate::new(200).set_body_string(body);
        fixture.on("POST", "orders", garbled).await;
        let error = fixture.client.submit_order(&order()).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Ambiguous, "{body}");
        assert!(error.to_string().starts_with("VeraCore submit_order: "));
    }
}

#[tokio::test]
async fn refusals_are_classified() {
    type Case = (u16, Value, FailureClass, ErrorCategory, &'static str);
    let cases: [Case; 7] = [
        (
            422,
            json!({"Error": "unknown SKU MUG-1"}),
            FailureClass::Permanent,
            ErrorCategory::Validation,
            "VeraCore submit_order: HTTP 422: unknown SKU MUG-1",
        ),
        (
            409,
            json!({}),
            FailureClass::Permanent,
            ErrorCategory::Conflict,
            "an order T/1 é already exists: ",
        ),
        (
            400,
            json!({"error": {"message": "Order T/1 é ALREADY EXISTS"}}),
            FailureClass::Permanent,
            ErrorCategory::Conflict,
            "an order T/1 é already exists: Order T/1 é ALREADY EXISTS",
        ),
        (
            400,
            json!("Duplicate order number"),
            FailureClass::Permanent,
            ErrorCategory::Conflict,
            "an order T/1 é already exists: Duplicate order number",
        ),
        (
            500,
            json!({"message": "already exists"}),
            FailureClass::Ambiguous,
            ErrorCategory::Upstream,
            "VeraCore submit_order: HTTP 500: already exists",
        ),
        (
            403,
            json!({"message": "a duplicate order"}),
            FailureClass::Transient,
            ErrorCategory::Auth,
            "VeraCore submit_order: HTTP 403: the API client has no access to orders, which VeraCore can grant (a duplicate order)",
        ),
        (
            422,
            json!({"message": "12 Elm St, call +1 555 0100 or ada@example.com"}),
            FailureClass::Permanent,
            ErrorCategory::Validation,
            "VeraCore submit_order: HTTP 422: […], call […] or […]",
        ),
    ];
    for (status, body, class, category, message) in cases {
        let fixture = RestFixture::basic().await;
        fixture.on("POST", "orders", answer(status, body)).await;
        let error = fixture.client.submit_order(&order()).await.unwrap_err();
        let known = (error.class(), error.category(), error.to_string());
        assert_eq!(known, (class, category, message.to_owned()));
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_to_retry() {
    let fixture = RestFixture::basic().await;
    let busy = answer(429, json!({"message": "already exists in the queue"}))
        .insert_header("Retry-After", "7");
    fixture.on("POST", "orders", busy).await;
    let error = fixture.client.submit_order(&order()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Transient);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn an_order_that_could_not_be_looked_up_is_not_sent() {
    let fixture = RestFixture::basic().await;
    let mut unnameable = order();
    unnameable.number = code("..");
    let error = fixture.client.submit_order(&unnameable).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Permanent);
    assert_eq!(error.category(), ErrorCategory::Validation);
    assert!(fixture.client.find_order(&code(".")).await.is_err());
    let sent = fixture.server.received_requests().await.unwrap();
    assert!(sent.is_empty());
}

#[tokio::test]
async fn a_found_order_is_read_whole() {
    let fixture = RestFixture::basic().await;
    let body = json!({
        "OrderNumber": "../x", "OrderId": 77, "Status": "Weird\u{7} state",
        "TrackingNumber": " 1Z ", "ShipDate": "2026-11-21T02:00:00", "Carrier": "", "More": [{}],
    });
    fixture
        .on("GET", "orders/..%2Fx/status", answer(200, body))
        .await;
    let found = fixture.client.find_order(&code("../x")).await.unwrap();
    let expected = FoundOrder {
        number: code("../x"),
        provider_order_id: Some(crate::domain::ProviderOrderId::parse("77").unwrap()),
        status: "Weird state".into(),
        tracking_number: text("1Z"),
        carrier: None,
        shipped_at: Some("2026-11-21T10:00:00Z".parse().unwrap()),
    };
    assert_eq!(found, Some(expected));
}

#[tokio::test]
async fn a_different_order_is_an_error() {
    for answered in ["t-1", "T-1 ", "T-10"] {
        let fixture = RestFixture::basic().await;
        let body = json!({"OrderNumber": answered, "Status": "New"});
        fixture
            .on("GET", "orders/T-1/status", answer(200, body))
            .await;
        let error = fixture.client.find_order(&code("T-1")).await.unwrap_err();
        let ProviderError::WrongOrder { returned, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(returned, answered.trim());
    }
}

#[tokio::test]
async fn a_lookup_depends_on_the_number_alone() {
    let fixture = RestFixture::basic().await;
    let body = json!({
        "OrderNumber": "T-1", "OrderId": {}, "Status": [], "ShipDate": "soon",
        "TrackingNumber": "1Z\u{1b}x", "Carrier": 7
    });
    fixture
        .on("GET", "orders/T-1/status", answer(200, body))
        .await;
    let found = fixture
        .client
        .find_order(&code("T-1"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.status, "unknown");
    assert_eq!((found.provider_order_id, found.shipped_at), (None, None));
    assert_eq!((found.tracking_number, found.carrier), (None, None));
}

#[tokio::test]
async fn a_lookup_names_its_invalid_field() {
    for (body, problem) in [
        (json!({"Status": "New"}), "OrderNumber is missing"),
        (
            json!({"OrderNumber": 1, "Status": "New"}),
            "OrderNumber is not a text",
        ),
        (json!([]), "it is not an object"),
    ] {
        let fixture = RestFixture::basic().await;
        fixture
            .on("GET", "orders/T-1/status", answer(200, body))
            .await;
        let error = fixture.client.find_order(&code("T-1")).await.unwrap_err();
        let expected = format!("VeraCore find_order: invalid response: {problem}");
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn only_veracore_itself_can_say_that_it_has_no_such_order() {
    for missing in [
        ResponseTemplate::new(404),
        answer(404, json!({"message": "no such order"})),
        answer(404, json!(null)),
    ] {
        let fixture = RestFixture::basic().await;
        fixture.on("GET", "orders/T-1/status", missing).await;
        assert_eq!(fixture.client.find_order(&code("T-1")).await, Ok(None));
    }
    for page in [
        html(404),
        ResponseTemplate::new(404).set_body_string("404 page not found"),
        answer(
            404,
            json!({"message": "no Route matched with those values"}),
        ),
        html(200),
    ] {
        let fixture = RestFixture::basic().await;
        fixture.on("GET", "orders/T-1/status", page).await;
        let error = fixture.client.find_order(&code("T-1")).await.unwrap_err();
        assert_eq!(error.category(), ErrorCategory::Upstream, "{error}");
        assert!(!error.to_string().contains("Elm"), "{error}");
    }
}
