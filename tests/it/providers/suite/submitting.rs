//! Submitting an order: exactly once, with any number, or not at all (I1).

use std::collections::BTreeSet;

use tokio::join;
use veracore_sync::{
    domain::{ErrorCategory, FailureClass},
    fulfillment::{NewOrder, ProviderError},
};

use super::{found, submitted};
use crate::providers::{
    bench::{Arrived, Bench, Failure, for_each_form},
    sample::{self, item, order, with_items},
};

pub async fn an_order_is_taken_and_found<B: Bench>() {
    let bench = B::open().await;
    let order = order("A-1");
    let receipt = bench.provider().submit_order(&order).await.unwrap();
    assert_eq!(bench.arrived(), [Arrived::of(&order)]);
    assert_eq!(bench.sends(), 1);
    let found = found(bench.provider(), "A-1").await;
    assert_eq!(found.number, order.number);
    assert!(!found.is_cancelled(), "{found:?}");
    assert_eq!(found.tracking_number, None);
    if let Some(id) = found.provider_order_id {
        assert_eq!(id, receipt.provider_order_id);
    }
}

fn is_duplicate<T: std::fmt::Debug>(again: Result<T, ProviderError>, order: &NewOrder) {
    let error = again.unwrap_err();
    let ProviderError::DuplicateOrder { number, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*number, order.number);
    assert_eq!(error.class(), FailureClass::Permanent);
    assert_eq!(error.category(), ErrorCategory::Conflict);
}

pub async fn a_second_order_of_a_number_is_a_duplicate<B: Bench>() {
    let bench = B::open().await;
    let first = order("A-1");
    submitted(&bench, &first).await;
    // The same order, and a different one with the same number.
    for again in [
        first.clone(),
        with_items("A-1", vec![item("CAP", 7, 1_000)]),
        sample::gift("A-1"),
    ] {
        is_duplicate(bench.provider().submit_order(&again).await, &again);
        assert_eq!(bench.arrived(), [Arrived::of(&first)]);
    }
    // A cancelled order keeps its number, too.
    bench.cancel("A-1");
    is_duplicate(bench.provider().submit_order(&first).await, &first);
    assert_eq!(bench.arrived().len(), 1);
}

pub async fn of_two_concurrent_orders_one_is_a_duplicate<B: Bench>() {
    let bench = B::open().await;
    let order = order("A-1");
    let (one, other) = join!(
        bench.provider().submit_order(&order),
        bench.provider().submit_order(&order)
    );
    let (taken, refused) = if one.is_ok() {
        (one, other)
    } else {
        (other, one)
    };
    taken.unwrap();
    is_duplicate(refused, &order);
    assert_eq!(bench.arrived(), [Arrived::of(&order)]);
}

pub async fn numbers_of_any_characters_stay_apart<B: Bench>() {
    const NUMBERS: [&str; 20] = [
        "a b",
        "a+b",
        "a/b",
        "a%2Fb",
        "../a",
        "..\\a",
        "a?b#c",
        "a%",
        ".a",
        "-n",
        "a.json",
        "&<>\"'",
        "&amp;",
        "]]>",
        "a:b|c*",
        "Zoë-№7",
        "日本語 1",
        "📦📦",
        "{a}",
        "a_b",
    ];
    let bench = B::open().await;
    for (number, units) in NUMBERS.into_iter().zip(1..) {
        let order = with_items(number, vec![item("MUG-1", units, 1_000)]);
        submitted(&bench, &order).await;
    }
    let arrived = bench.arrived();
    assert_eq!(arrived.len(), NUMBERS.len());
    for (number, units) in NUMBERS.into_iter().zip(1..) {
        let order = arrived.iter().find(|order| order.number == number);
        assert_eq!(order.unwrap().lines[0].1, units, "{number}");
        assert_eq!(
            found(bench.provider(), number).await.number.as_str(),
            number
        );
    }
}

pub async fn an_unsendable_order_is_not_sent<B: Bench>() {
    let bench = B::open().await;
    let orders = bench.unsendable();
    assert!(!orders.is_empty());
    for (order, named) in orders {
        let error = bench.provider().submit_order(&order).await.unwrap_err();
        assert!(
            matches!(error, ProviderError::NotSendable { .. }),
            "{error}"
        );
        assert_eq!(error.class(), FailureClass::Permanent);
        assert!(error.to_string().contains(named), "{error}: no '{named}'");
        for private in sample::PRIVATE {
            assert!(!error.to_string().contains(private), "{error}");
        }
    }
    assert_eq!(bench.sends(), 0);
    assert_eq!(bench.arrived(), []);
}

pub async fn a_refusal_of_the_warehouse_is_permanent<B: Bench>() {
    let ways = for_each_form::<B>(Failure::Refused, async |bench, way| {
        let error = bench.provider().submit_order(&order("A-1")).await;
        let error = error.unwrap_err();
        assert_eq!(error.class(), FailureClass::Permanent, "{way}: {error}");
        assert_eq!(
            error.category(),
            ErrorCategory::Validation,
            "{way}: {error}"
        );
        assert_eq!(bench.sends(), 1, "{way}");
        assert_eq!(bench.arrived(), [], "{way}");
    })
    .await;
    assert_eq!(ways > 0, B::CAPABILITIES.refuses);
    if !B::CAPABILITIES.refuses {
        // A warehouse that cannot refuse accepts every sendable order.
        let bench = B::open().await;
        let orders = [sample::hostile("A-1"), sample::least("A-2")];
        for order in &orders {
            submitted(&bench, order).await;
        }
        let numbers: BTreeSet<String> = bench.arrived().into_iter().map(|o| o.number).collect();
        assert_eq!(numbers.len(), orders.len());
    }
}
