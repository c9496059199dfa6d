//! Answers of a shop that are nearly right, and some that are nothing at all: no operation panics,
//! and what it says of them is a short line that tells nobody's address.

use std::sync::{Arc, Mutex};

use proptest::{prelude::*, strategy::ValueTree as _};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any as anything};

use super::{tests::client, *};
use crate::{
    domain::{FulfillmentId, LineId, LineUnits, LocationId, ShopOrderId, Sku, VariantId},
    fuzz_tests::{assert_one_line, mutated, oversized_documents},
};

/// A customer's street, which no message may contain.
const STREET: &str = "12 Elm St 9z";

const ANSWERS: &[&str] = &[
    r#"{"data":{"activeChannel":{"code":"main","token":"t-main"},"orders":{"totalItems":2,"items":[{"id":"1","code":"C1","state":"PaymentSettled","createdAt":"2026-11-21T10:00:00.000Z","orderPlacedAt":null},{"id":"2","code":"C2","state":"PaymentSettled","createdAt":"2026-11-21T10:00:00.000Z","orderPlacedAt":"2026-11-21T10:00:00.000Z"}]},"all":{"totalItems":9}}}"#,
    r#"{"data":{"activeChannel":{"code":"main","token":"t-main"},"globalSettings":{"serverConfig":{"moneyStrategyPrecision":2}},"order":{"id":"1","code":"C1","state":"PaymentSettled","createdAt":"2026-11-21T10:00:00.000Z","orderPlacedAt":null,"currencyCode":"USD","customer":{"firstName":"Ann","lastName":"Lee","emailAddress":"ann@example.com","phoneNumber":null},"shippingAddress":{"fullName":"Ann Lee","company":null,"streetLine1":"12 Elm St 9z","streetLine2":null,"city":"Reno","province":"NV","postalCode":"89501","countryCode":"US","phoneNumber":null},"billingAddress":{},"shippingLines":[{"shippingMethod":{"code":"standard"}}],"lines":[{"id":"11","quantity":2,"proratedUnitPriceWithTax":1250,"proratedUnitPrice":1000,"productVariant":{"sku":"A"}}]}}}"#,
    r#"{"data":{"activeChannel":{"code":"main","token":"t-main"},"globalSettings":{"trackInventory":false},"productVariants":{"totalItems":1,"items":[{"id":"1","sku":"A","trackInventory":"INHERIT","stockLevels":[{"stockLocationId":"1","stockOnHand":-3,"stockAllocated":2},{"stockLocationId":"2","stockOnHand":9,"stockAllocated":2147483647}]}]}}}"#,
    r#"{"data":{"activeChannel":{"code":"main","token":"t-main"},"orders":{"totalItems":1,"items":[{"id":"1","code":"C1","state":"PartiallyShipped","lines":[{"id":"11","quantity":3,"productVariant":{"id":"21","sku":"A"}}],"fulfillments":[{"id":"8","state":"Shipped","trackingCode":null,"lines":[{"orderLineId":"11","quantity":1}]}]}]}}}"#,
    r#"{"data":{"updateProductVariants":[{"id":"1","stockLevels":[{"stockLocationId":"1","stockOnHand":5,"stockAllocated":2}]}],"activeChannel":{"code":"main","token":"t-main"}}}"#,
    r#"{"data":{"addFulfillmentToOrder":{"__typename":"Fulfillment","id":"8","state":"Pending"},"transitionFulfillmentToState":{"__typename":"Fulfillment","id":"8","state":"Shipped"},"setOrderCustomFields":{"id":"1"}}}"#,
    r#"{"data":{"addFulfillmentToOrder":{"__typename":"ItemsAlreadyFulfilledError","errorCode":"ITEMS_ALREADY_FULFILLED_ERROR","message":"all of them"},"transitionFulfillmentToState":{"__typename":"FulfillmentStateTransitionError","errorCode":"X","transitionError":"not from there"}}}"#,
    r#"{"data":{"activeChannel":{"code":"main","token":"t-main"},"stockLocations":{"items":[{"id":"1","name":"Main"}]},"__type":{"inputFields":[{"name":"trackingCode"}]}}}"#,
    r#"{"errors":[{"message":"no such thing","path":["order","lines"],"extensions":{"code":"INTERNAL_SERVER_ERROR"}}],"data":null}"#,
    r#"{"errors":[{"message":"not authorized","extensions":{"code":"FORBIDDEN"}}]}"#,
];

/// A shop that answers with whatever was put down last.
struct Shop {
    body: Arc<Mutex<Vec<u8>>>,
    server: MockServer,
}

impl Shop {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let body = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::clone(&body);
        let answers = move |_: &Request| {
            let body = answer.lock().unwrap().clone();
            ResponseTemplate::new(200).set_body_raw(body, "application/json")
        };
        Mock::given(anything())
            .respond_with(answers)
            .mount(&server)
            .await;
        Self { body, server }
    }

    /// Asks for everything, and is given the same answer each time.
    async fn call_everything(&self, body: &[u8]) {
        *self.body.lock().unwrap() = body.to_vec();
        let here = LocationId::parse("1").unwrap();
        let order = ShopOrderId::parse("1").unwrap();
        let variants = [VariantId::parse("1").unwrap()];
        let skus = [Sku::parse("A").unwrap()];
        let level = NewStockLevel {
            variant: variants[0].clone(),
            on_hand: 5,
        };
        let fulfillment = NewFulfillment {
            lines: vec![LineUnits {
                line: LineId::parse("11").unwrap(),
                quantity: 1,
            }],
            method: "UPS".into(),
            tracking_code: "1Z".into(),
        };
        let fields = TrackingFields {
            carrier: Some("UPS".into()),
            ..TrackingFields::default()
        };
        let made = FulfillmentId::parse("8").unwrap();
        let key = VendureCredentials::ApiKey("key".to_owned().into());
        let shop = client(&self.server, key, Some("t-main"));
        check_page(shop.newest_orders(&[], 50).await);
        check_page(shop.orders_from(&[], SweepPosition::default(), 50).await);
        check(shop.order(&order).await);
        check(shop.stock_locations().await);
        check(
            shop.variants(VariantSelection::Page { skip: 0, take: 50 }, &here)
                .await,
        );
        check(shop.variants(VariantSelection::Skus(&skus), &here).await);
        check(shop.set_stock(&here, &[level]).await);
        check(
            shop.fulfillment_progress(std::slice::from_ref(&order))
                .await,
        );
        check(shop.add_fulfillment(&fulfillment).await);
        check(shop.ship_fulfillment(&made).await);
        check(shop.set_tracking(&order, &fields).await);
        check(shop.supported_tracking_fields().await);
        let refused = String::from_utf8_lossy(body).contains("FORBIDDEN");
        assert!(
            refused || shop.circuit().is_closed(),
            "answers that are no answers do not stop the calls"
        );
    }
}

fn check<T>(outcome: Result<T, StorefrontError>) {
    if let Err(error) = outcome {
        let message = error.to_string();
        assert_one_line(&message);
        assert!(!message.contains(STREET), "{message}");
        let _ = (error.class(), error.category(), error.has_response());
    }
}

fn check_page(page: Result<OrderPage, StorefrontError>) {
    if let Ok(page) = &page {
        assert!(page.len <= 50);
        for bad in &page.unreadable {
            assert_one_line(&bad.key);
            assert_one_line(&bad.problem);
        }
    }
    check(page);
}

fn with_shop(test: impl AsyncFnOnce(&Shop)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let shop = Shop::start().await;
        test(&shop).await;
        drop(shop.server);
    });
}

#[test]
fn nearly_valid_responses_never_panic() {
    let mut runner = proptest::test_runner::TestRunner::default();
    // Each costs a dozen calls.
    let cases = runner.config().cases / 4;
    let strategy = mutated(ANSWERS);
    with_shop(async |shop| {
        for valid in ANSWERS {
            shop.call_everything(valid.as_bytes()).await;
        }
        for _ in 0..cases {
            let body = strategy.new_tree(&mut runner).unwrap().current();
            println!("{}", String::from_utf8_lossy(&body));
            shop.call_everything(&body).await;
        }
    });
}

#[test]
fn monsters_are_survived() {
    with_shop(async |shop| {
        for mut monster in oversized_documents() {
            // More than that is not read at all.
            let end = (0..=90_000.min(monster.len()))
                .rev()
                .find(|at| monster.is_char_boundary(*at));
            monster.truncate(end.unwrap());
            shop.call_everything(monster.as_bytes()).await;
        }
    });
}
