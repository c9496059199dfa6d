//! Order lookups.

use super::*;
use crate::domain::ErrorCategory;

const ORDER: &str = include_str!("order.xml");

async fn find(answer: ResponseTemplate) -> Result<Option<FoundOrder>, ProviderError> {
    let fixture = OmsFixture::new().await;
    fixture.on("GetOrderInfo", answer).await;
    fixture.client.find_order(&code("T-1")).await
}

#[tokio::test]
async fn a_found_order_is_read_whole() {
    let found = find(answer("GetOrderInfo", ORDER)).await.unwrap();
    let expected = FoundOrder {
        number: code("T-1"),
        provider_order_id: Some(crate::domain::ProviderOrderId::parse("T-1").unwrap()),
        status: "Partially shipped".into(),
        tracking_number: text("1Z0000000000000002"),
        carrier: text("UPS"),
        shipped_at: Some("2026-11-20T22:05:00Z".parse().unwrap()),
    };
    assert_eq!(found, Some(expected));
}

#[tokio::test]
async fn nothing_is_not_an_order() {
    for nothing in [
        answer("GetOrderInfo", ""),
        answer("GetOrderInfo", "<GetOrderInfoResult/>"),
        answer("GetOrderInfo", "<GetOrderInfoResult xsi:nil=\"true\"/>"),
        answer(
            "GetOrderInfo",
            "<GetOrderInfoResult><OrdHead/></GetOrderInfoResult>",
        ),
        answer(
            "GetOrderInfo",
            "<GetOrderInfoResult><OrdHead><OrderId> </OrderId><EntryDate>0001-01-01T00:00:00</EntryDate></OrdHead><OfferInfo/></GetOrderInfoResult>",
        ),
        fault(500, "Order T-1 was not found."),
        fault(500, "The order does not exist"),
        fault(200, "Invalid Order ID"),
    ] {
        assert_eq!(find(nothing).await, Ok(None));
    }
}

#[tokio::test]
async fn what_is_no_answer_is_not_nothing() {
    for answer in [
        html(404),
        html(200),
        ResponseTemplate::new(404),
        ResponseTemplate::new(200),
        answer(
            "GetOrderInfo",
            "<GetOrderInfoResult><OfferInfo><OfferType><OfferId>A</OfferId></OfferType></OfferInfo></GetOrderInfoResult>",
        ),
        fault(500, "Something else"),
        xml(
            500,
            &raw_fault("soap:Server", "Server was unable to process request."),
        ),
    ] {
        let error = find(answer).await.unwrap_err();
        assert!(!error.to_string().contains("Elm"), "{error}");
        assert_ne!(error.category(), ErrorCategory::Auth);
    }
}

#[tokio::test]
async fn a_configured_not_found_text_is_recognized() {
    let fixture =
        OmsFixture::with(|settings| settings.order_not_found_text = text("Nichts da")).await;
    fixture.on("GetOrderInfo", fault(500, "nichts da!")).await;
    assert_eq!(fixture.client.find_order(&code("T-1")).await, Ok(None));
}

#[tokio::test]
async fn an_unknown_order_shows_that_veracore_works() {
    let fixture = OmsFixture::new().await;
    fixture
        .on("GetOrderInfo", fault(500, "Order T-1 was not found."))
        .await;
    for _ in 0..30 {
        assert_eq!(fixture.client.find_order(&code("T-1")).await, Ok(None));
    }
    assert!(fixture.client.circuit().is_closed());
    let health = fixture.client.circuit().health();
    assert!(matches!(health, crate::http::HealthState::Up { .. }));
}

#[tokio::test]
async fn a_different_order_is_an_error() {
    for answered in ["t-1", "T-10", "X\nY"] {
        let head = format!(
            "<GetOrderInfoResult><OrdHead><OrderId>{answered}</OrderId></OrdHead></GetOrderInfoResult>"
        );
        let error = find(answer("GetOrderInfo", &head)).await.unwrap_err();
        assert!(matches!(error, ProviderError::WrongOrder { .. }), "{error}");
    }
    let head =
        "<GetOrderInfoResult><OrdHead><OrderId> T-1 </OrderId></OrdHead></GetOrderInfoResult>";
    let found = find(answer("GetOrderInfo", head)).await.unwrap().unwrap();
    assert_eq!(
        (found.number, found.status.as_str()),
        (code("T-1"), "unknown")
    );
}

#[tokio::test]
async fn status_flags_become_a_label() {
    for (flags, word, cancelled) in [
        ("Shipped Complete", "Shipped", false),
        ("Pending", "In warehouse", false),
        ("Unprocessed Pending", "In warehouse", false),
        ("Canceled Complete", "Cancelled", true),
        (
            "Shipped Canceled Complete",
            "Shipped, the rest cancelled",
            false,
        ),
        ("Canceled Pending", "In warehouse", false),
        ("Canceled", "Partly cancelled", false),
        ("Shipped Backordered", "Partially shipped", false),
        ("Backordered", "Backordered", false),
        ("Unapproved Unprocessed", "Unapproved", false),
        ("DeniedCredit", "Held, credit denied", false),
        ("Hold Processed", "Held", false),
        ("Picked", "In warehouse", false),
        ("Unprocessed", "Received", false),
        ("Accepted", "Received", false),
        ("Complete", "Complete", false),
        ("", "unknown", false),
    ] {
        let mut status = String::from("<Hold>false</Hold><Shipped>0</Shipped>");
        for flag in flags.split_whitespace() {
            status = format!("<{flag}>true</{flag}>{status}")
                .replace(&format!("<{flag}>false</{flag}>"), "")
                .replace(&format!("<{flag}>0</{flag}>"), "");
        }
        let head = format!(
            "<GetOrderInfoResult><OrdHead><OrderId>T-1</OrderId><Status>{status}</Status></OrdHead></GetOrderInfoResult>"
        );
        let found = find(answer("GetOrderInfo", &head)).await.unwrap().unwrap();
        assert_eq!(found.status, word, "{flags}");
        assert_eq!(found.is_cancelled(), cancelled, "{flags}");
    }
}
