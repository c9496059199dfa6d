//! Looking up an order, which decides whether one in doubt is sent again (I3).

use chrono::TimeDelta;
use veracore_sync::clock::Clock as _;

use super::{found, submitted};
use crate::providers::{
    bench::{Bench, Parcel},
    sample::{code, item, order, with_items},
};

pub async fn an_unknown_number_is_not_found<B: Bench>() {
    let bench = B::open().await;
    let provider = bench.provider();
    for number in ["A-1", "a/b", "日本", "&<>\"'"] {
        assert_eq!(
            provider.find_order(&code(number)).await,
            Ok(None),
            "{number}"
        );
    }
    submitted(&bench, &order("A-1")).await;
    // Neither a prefix of a number nor a pattern matches.
    for number in ["A-", "A-11", "A-%", "*", "?-1"] {
        assert_eq!(
            provider.find_order(&code(number)).await,
            Ok(None),
            "{number}"
        );
    }
}

pub async fn a_response_about_another_order_is_an_error<B: Bench>() {
    let bench = B::open().await;
    submitted(&bench, &order("A-1")).await;
    submitted(&bench, &order("A-2")).await;
    bench.return_other_order("A-1", "A-2");
    let answer = bench.provider().find_order(&code("A-1")).await;
    assert!(answer.is_err(), "{answer:?}");
}

pub async fn an_order_is_followed_to_its_shipment<B: Bench>() {
    let bench = B::open().await;
    let items = vec![item("MUG-1", 2, 1_000), item("CAP", 1, 1_000)];
    submitted(&bench, &with_items("A-1", items)).await;
    let before = found(bench.provider(), "A-1").await;
    bench.clock().advance(TimeDelta::hours(2));
    let shipped_at = bench.clock().now();
    let all = [("CAP", 1), ("MUG-1", 2)];
    bench.ship(
        "A-1",
        &[Parcel {
            tracking: "1Z 1",
            items: &all,
        }],
    );
    bench.clock().advance(TimeDelta::hours(2));
    let after = found(bench.provider(), "A-1").await;
    assert_ne!(before.status, after.status);
    assert!(!after.is_cancelled());
    assert_eq!(after.tracking_number.as_deref(), Some("1Z 1"));
    assert_eq!(after.carrier.as_deref(), Some("UPS"));
    assert_eq!(after.shipped_at, Some(shipped_at));
    // A voided package does not count.
    bench.void("A-1", "1Z 1");
    let again = found(bench.provider(), "A-1").await;
    assert_eq!(again.tracking_number, None);
    assert!(!again.is_cancelled());
}

pub async fn an_order_cancelled_by_the_warehouse_is_found_cancelled<B: Bench>() {
    let bench = B::open().await;
    submitted(&bench, &order("A-1")).await;
    submitted(&bench, &order("A-2")).await;
    bench.cancel("A-1");
    assert!(found(bench.provider(), "A-1").await.is_cancelled());
    assert!(!found(bench.provider(), "A-2").await.is_cancelled());
}
