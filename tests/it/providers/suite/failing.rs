//! Failures and their classes: the class decides whether an order may be sent again without a lookup
//! (I1, I3), and no error counts as a result (I5).

use veracore_sync::{
    domain::{ErrorCategory, FailureClass},
    fulfillment::{CancelResponse, ProviderError},
};

use super::{found, submitted};
use crate::providers::{
    bench::{Arrived, Bench, Failure, for_each_form},
    sample::{self, code, order, sku},
};

pub async fn a_lost_response_is_ambiguous_and_not_retried<B: Bench>() {
    let ways = for_each_form::<B>(Failure::ResponseLost, async |bench, way| {
        let order = order("A-1");
        let error = bench.provider().submit_order(&order).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Ambiguous, "{way}: {error}");
        assert_eq!(bench.sends(), 1, "{way}");
        assert_eq!(bench.arrived(), [Arrived::of(&order)], "{way}");
        // A lookup finds the order, and a second send is a duplicate.
        found(bench.provider(), "A-1").await;
        let again = bench.provider().submit_order(&order).await;
        assert!(
            matches!(again, Err(ProviderError::DuplicateOrder { .. })),
            "{way}: {again:?}"
        );
        assert_eq!(bench.arrived().len(), 1, "{way}");
    })
    .await;
    assert!(ways > 0);
}

pub async fn a_lost_request_is_ambiguous_and_not_retried<B: Bench>() {
    let ways = for_each_form::<B>(Failure::RequestLost, async |bench, way| {
        let order = order("A-1");
        let error = bench.provider().submit_order(&order).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Ambiguous, "{way}: {error}");
        assert_eq!(bench.sends(), 1, "{way}");
        assert_eq!(bench.arrived(), [], "{way}");
        let asked = bench.provider().find_order(&order.number).await;
        assert_eq!(asked, Ok(None), "{way}");
        submitted(bench, &order).await;
    })
    .await;
    assert!(ways > 0);
}

pub async fn a_rejected_order_is_transient<B: Bench>() {
    let ways = for_each_form::<B>(Failure::Rejected, async |bench, way| {
        let order = order("A-1");
        let error = bench.provider().submit_order(&order).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Transient, "{way}: {error}");
        assert_eq!(bench.arrived(), [], "{way}");
    })
    .await;
    assert!(ways > 0);
}

pub async fn an_unreachable_warehouse_is_always_an_error<B: Bench>() {
    let bench = B::open().await;
    bench.stock(&[("MUG-1", 5)]);
    submitted(&bench, &order("A-1")).await;
    bench.go_down().await;
    let sends = bench.sends();
    let provider = bench.provider();
    let error = provider.submit_order(&order("A-2")).await.unwrap_err();
    // The order was certainly not sent, and the error is transient.
    assert_eq!(error.class(), FailureClass::Transient, "{error}");
    assert_eq!(error.category(), ErrorCategory::Network, "{error}");
    assert_eq!(bench.sends(), sends);
    assert_eq!(bench.arrived().len(), 1);
    assert_no_answer(&bench, "down").await;
}

/// Asserts that every read returns an error.
async fn assert_no_answer<B: Bench>(bench: &B, way: &str) {
    let provider = bench.provider();
    let since = sample::placed_at();
    let order = provider.find_order(&code("A-1")).await;
    assert!(order.is_err(), "{way}: {order:?}");
    let page = provider.inventory_page(None).await;
    assert!(page.is_err(), "{way}: {page:?}");
    let page = provider.shipments_page(since, None).await;
    assert!(page.is_err(), "{way}: {page:?}");
    let level = provider.find_stock_item(&sku("MUG-1")).await;
    assert!(
        matches!(level, Err(_) | Ok(Some(Err(_)))),
        "{way}: {level:?}"
    );
}

pub async fn a_malformed_response_is_always_an_error<B: Bench>() {
    let ways = for_each_form::<B>(Failure::Malformed, async |bench, way| {
        assert_no_answer(bench, way).await;
    })
    .await;
    assert!(ways > 0);
}

pub async fn no_message_contains_the_customer_or_our_password<B: Bench>() {
    let secrets = |bench: &B| bench.password().into_iter().chain(sample::PRIVATE);
    let ways = for_each_form::<B>(Failure::Echoing, async |bench, way| {
        let error = bench.provider().submit_order(&order("A-1")).await;
        let error = error.unwrap_err();
        for secret in secrets(bench) {
            let messages = format!("{error} {error:?}");
            assert!(!messages.contains(secret), "{way}: {messages}");
        }
    })
    .await;
    assert!(ways > 0);

    // Nor does a row or a request with misplaced data.
    let bench = B::open().await;
    bench.set_stock_rows(&[("MUG-1", "77 Secret Alley"), ("CAP", "Vandersloot")]);
    let mut messages = String::new();
    for row in super::whole_feed(bench.provider()).await {
        messages += &row.unwrap_err().to_string();
    }
    bench.go_down().await;
    let provider = bench.provider();
    let number = code("A-1");
    messages += &provider.find_order(&number).await.unwrap_err().to_string();
    match provider.cancel_order(&number).await {
        Err(error) => messages += &error.to_string(),
        Ok(
            CancelResponse::Refused { message: words }
            | CancelResponse::Ambiguous { problem: words },
        ) => {
            messages += &words;
        }
        Ok(CancelResponse::Accepted) => panic!("an unreachable warehouse accepted it"),
    }
    for secret in secrets(&bench) {
        assert!(!messages.contains(secret), "{messages}");
    }
}
