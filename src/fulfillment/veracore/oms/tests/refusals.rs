//! Refused orders, and responses that leave an order in doubt.

use super::*;
use crate::domain::{ErrorCategory, FailureClass};

async fn refused(answer: ResponseTemplate) -> ProviderError {
    let fixture = OmsFixture::new().await;
    fixture.on("AddOrder", answer).await;
    fixture.client.submit_order(&order()).await.unwrap_err()
}

fn summarize(error: &ProviderError) -> (FailureClass, ErrorCategory, String) {
    (error.class(), error.category(), error.to_string())
}

#[tokio::test]
async fn refusals_are_classified() {
    type Case = (&'static str, FailureClass, ErrorCategory, &'static str);
    let cases: [Case; 6] = [
        (
            "Invalid Source",
            FailureClass::Permanent,
            ErrorCategory::Validation,
            "VeraCore submit_order: refused: Invalid Source",
        ),
        (
            "Order T-1 already exists.",
            FailureClass::Permanent,
            ErrorCategory::Conflict,
            "an order T-1 already exists: Order T-1 already exists.",
        ),
        (
            "Invalid login wsuser / s3cr3t-of-the-user",
            FailureClass::Transient,
            ErrorCategory::Auth,
            "VeraCore AddOrder: not allowed for our credentials: Invalid login […] / […]",
        ),
        (
            "No permission for AddOrder",
            FailureClass::Transient,
            ErrorCategory::Auth,
            "VeraCore AddOrder: not allowed for our credentials: No permission for AddOrder",
        ),
        (
            "No offer MUG-1 for 12 Elm St,\n call +1 555 0100\r\nor ada@example.com, card 4111 1111 1111 1111",
            FailureClass::Permanent,
            ErrorCategory::Validation,
            "VeraCore submit_order: refused: No offer MUG-1 for […], call […] or […], card […]",
        ),
        (
            "Transaction (Process ID 61) was deadlocked on lock resources",
            FailureClass::Ambiguous,
            ErrorCategory::Upstream,
            "VeraCore submit_order: HTTP 500: Transaction (Process ID 61) was deadlocked on lock resources",
        ),
    ];
    for (words, class, category, message) in cases {
        let error = refused(fault(500, words)).await;
        assert_eq!(summarize(&error), (class, category, message.to_owned()));
        // The same within a 200, as some gateways make of it.
        let within = refused(fault(200, words)).await;
        assert_eq!(
            (within.class(), within.category()),
            (class, category),
            "{words}"
        );
    }
}

#[tokio::test]
async fn an_error_that_is_no_refusal_is_ambiguous() {
    let cases = [
        xml(
            500,
            &raw_fault("soap:Server", "Server was unable to process request."),
        ),
        xml(
            500,
            &raw_fault(
                "soap:Server",
                "System.NullReferenceException: Object reference not set\n   at X.Y()",
            ),
        ),
        xml(200, &raw_fault("soap:Server", "")),
        ResponseTemplate::new(500),
        ResponseTemplate::new(502),
        html(503),
        html(200),
        ResponseTemplate::new(302),
        ResponseTemplate::new(200),
        answer("AddOrder", ""),
        answer("AddOrder", "<AddOrderResult/>"),
        answer(
            "AddOrder",
            "<AddOrderResult><OrderID> </OrderID></AddOrderResult>",
        ),
        answer("GetOffers", "<GetOffersResult/>"),
    ];
    for answer in cases {
        let error = refused(answer).await;
        assert_eq!(error.class(), FailureClass::Ambiguous, "{error}");
        assert!(
            error.to_string().starts_with("VeraCore submit_order: "),
            "{error}"
        );
        assert!(!error.to_string().contains("Elm"), "{error}");
    }
}

#[tokio::test]
async fn an_unread_request_did_nothing() {
    let unread = raw_fault(
        "soap:Client",
        "Server was unable to read request. ---&gt; There is an error in XML document (1, 300).",
    );
    for status in [200, 400, 500] {
        let error = refused(xml(status, &unread)).await;
        assert_eq!(error.class(), FailureClass::Permanent, "{error}");
        assert_eq!(error.category(), ErrorCategory::Validation);
    }
}

#[tokio::test]
async fn statuses_without_a_fault_say_what_they_say() {
    for (status, class, category) in [
        (401, FailureClass::Transient, ErrorCategory::Auth),
        (403, FailureClass::Transient, ErrorCategory::Auth),
        (404, FailureClass::Permanent, ErrorCategory::NotFound),
        (429, FailureClass::Transient, ErrorCategory::RateLimited),
    ] {
        let error = refused(html(status)).await;
        assert_eq!(
            (error.class(), error.category()),
            (class, category),
            "{error}"
        );
    }
    let busy = fault(429, "Order T-1 already exists").insert_header("Retry-After", "7");
    let error = refused(busy).await;
    assert_eq!(error.class(), FailureClass::Transient);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_refused_login_stops_the_calls_and_a_refused_order_does_not() {
    let fixture = OmsFixture::new().await;
    fixture.on("AddOrder", fault(500, "Invalid Source")).await;
    for _ in 0..30 {
        let error = fixture.client.submit_order(&order()).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Permanent, "{error}");
    }
    assert!(fixture.client.circuit().is_closed());

    // Just before, the same credentials worked for the lookup.
    let fixture = OmsFixture::new().await;
    fixture.on("AddOrder", fault(500, "Invalid login")).await;
    let error = fixture.client.submit_order(&order()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Transient, "{error}");
    assert!(fixture.client.circuit().is_closed());

    let fixture = OmsFixture::new().await;
    fixture
        .on("GetOrderInfo", fault(500, "Invalid login"))
        .await;
    let number = &order().number;
    assert!(fixture.client.find_order(number).await.is_err());
    assert!(!fixture.client.circuit().is_closed());
    let parked = fixture.client.find_order(number).await.unwrap_err();
    assert!(parked.circuit_open_for().is_some(), "{parked}");
    assert_eq!(fixture.requests().await.len(), 1);
}

#[tokio::test]
async fn servers_that_fail_open_the_circuit() {
    let fixture = OmsFixture::new().await;
    fixture.on("AddOrder", ResponseTemplate::new(500)).await;
    for _ in 0..30 {
        assert!(fixture.client.submit_order(&order()).await.is_err());
    }
    assert!(!fixture.client.circuit().is_closed());
}

#[tokio::test]
async fn an_order_accepted_under_another_number_counts_as_accepted() {
    for (result, id) in [
        (
            "<AddOrderResult><OrderSeqID>7</OrderSeqID></AddOrderResult>",
            "7",
        ),
        (
            "<AddOrderResult><OrderID> T-1 </OrderID></AddOrderResult>",
            "T-1",
        ),
        (
            "<AddOrderResult><OrderID>WEB-77</OrderID></AddOrderResult>",
            "WEB-77",
        ),
    ] {
        let fixture = OmsFixture::new().await;
        fixture.on("AddOrder", answer("AddOrder", result)).await;
        let receipt = fixture.client.submit_order(&order()).await.unwrap();
        assert_eq!(receipt.provider_order_id.as_str(), id);
    }
}

/// The problem of an order that must not be sent.
async fn unsendable(change: impl FnOnce(&mut NewOrder)) -> String {
    let fixture =
        OmsFixture::with(|settings| settings.unmapped_freight = UnmappedFreight::Refuse).await;
    let mut order = order();
    change(&mut order);
    let error = fixture.client.submit_order(&order).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Permanent);
    assert!(fixture.requests().await.is_empty());
    let ProviderError::NotSendable { problem } = error else {
        panic!("{error}");
    };
    problem
}

#[tokio::test]
async fn values_that_do_not_fit_are_named_and_not_sent() {
    let long = |size: usize| text(&"x".repeat(size));
    let problem = unsendable(|order| {
        order.ship_to.city = long(51);
        order.ship_to.zip = long(16);
        order.customer.email = long(256);
    });
    assert_eq!(
        problem.await,
        "OrderedBy.City is 51 characters long; VeraCore accepts 50; \
         OrderedBy.PostalCode is 16 characters long; VeraCore accepts 15; \
         OrderedBy.Email is 256 characters long; VeraCore accepts 255; \
         OrderShipTo.City is 51 characters long; VeraCore accepts 50; \
         OrderShipTo.PostalCode is 16 characters long; VeraCore accepts 15"
    );
    let problem = unsendable(|order| order.items[1].sku = Sku::parse("x".repeat(51)).unwrap());
    assert!(problem.await.starts_with("Offers[1].Offer.Header.ID is 51"));
    let problem = unsendable(|order| order.number = code(&"x".repeat(51)));
    assert!(problem.await.starts_with("Header.ID is 51"));
    let problem = unsendable(|order| order.items[0].sku = Sku::parse("A\u{fffe}").unwrap());
    assert_eq!(
        problem.await,
        "Offers[0].Offer.Header.ID contains a character that XML does not allow"
    );
    let problem = unsendable(|order| order.shipping_method = "FERRY".into());
    assert_eq!(
        problem.await,
        "the shipping method 'FERRY' is not in the table [freight] of the settings file"
    );
}

#[tokio::test]
async fn long_comments_are_cut_and_an_unmapped_method_is_omitted() {
    let fixture = OmsFixture::new().await;
    let taken = "<AddOrderResult><OrderID>T-1</OrderID></AddOrderResult>";
    fixture.on("AddOrder", answer("AddOrder", taken)).await;
    let mut order = order();
    order.comments = Some("\u{1f381}".repeat(5000));
    order.shipping_method = "FERRY".into();
    fixture.client.submit_order(&order).await.unwrap();
    let sent = &fixture.sent_bodies().await[0];
    assert_eq!(sent.matches('\u{1f381}').count(), 4000);
    assert!(!sent.contains("<Shipping>"), "{sent}");
    assert!(!sent.contains("FERRY"), "{sent}");
}
