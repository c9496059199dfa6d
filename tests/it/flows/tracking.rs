//! VeraCore's shipments in a real shop: each package becomes at most one fulfillment, and no line is
//! fulfilled twice (I6).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use veracore_sync::{
    ledger::LeaseKey,
    sandbox::{FaultKind, Item, NewPackage},
};

use crate::harness::{Operation, ShopFulfillment, Style, World, ZONE};

fn package(number: &str, items: &[(&str, u32)]) -> NewPackage {
    NewPackage {
        tracking_number: Some(number.into()),
        items: Some(
            items
                .iter()
                .map(|(sku, n)| Item::from(((*sku).to_owned(), *n)))
                .collect(),
        ),
        ..NewPackage::default()
    }
}

fn shipped(tracking: &str, units: &[u64]) -> ShopFulfillment {
    ShopFulfillment {
        state: "Shipped".into(),
        method: "UPS".into(),
        tracking: tracking.into(),
        units: units.to_vec(),
    }
}

#[tokio::test]
async fn a_partial_and_then_a_full_shipment_are_fulfilled() {
    let world = World::named("partial").build().await;
    let order = world.pay_order(&[("A-0", 3), ("A-1", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    let (one, other) = (world.clock.now() - TimeDelta::hours(9), world.clock.now());
    let utc = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let shop_date = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    let first = NewPackage {
        ship_date: Some(utc(one)),
        ..package("1Z A", &[("A-0", 2)])
    };
    world.sandbox.ship(&order.code, vec![first]).unwrap();
    let summary = service.sync_tracking().await;
    assert_eq!((summary.fulfilled, summary.tracking_updated), (1, 1));
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&order).await;
    assert_eq!(state, "PartiallyShipped");
    assert_eq!(fulfillments, [shipped("1Z A", &[2])]);
    assert_eq!(
        fields,
        json!({ "trackingCode": "1Z A", "carrier": "UPS", "shipDate": shop_date(one) })
    );

    let second = NewPackage {
        carrier: Some("FedEx".into()),
        service: Some("Ground".into()),
        // Without a time zone: VeraCore's.
        ship_date: Some(utc(other.with_timezone(&ZONE).naive_local().and_utc()).replace('Z', "")),
        ..package("7 8", &[("A-0", 1), ("A-1", 1)])
    };
    world.sandbox.ship(&order.code, vec![second]).unwrap();
    assert_eq!(service.sync_tracking().await.fulfilled, 1);
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&order).await;
    assert_eq!(state, "Shipped");
    let last = ShopFulfillment {
        method: "FedEx Ground".into(),
        ..shipped("7 8", &[1, 1])
    };
    assert_eq!(fulfillments, [shipped("1Z A", &[2]), last]);
    assert_eq!(
        fields,
        json!({ "trackingCode": "1Z A, 7 8", "carrier": "UPS, FedEx", "shipDate": shop_date(other) })
    );

    // Further syncs change nothing and call nothing for this order.
    let before = world.shop.fulfillment_state(&order).await;
    for _ in 0..3 {
        let again = service.sync_tracking().await;
        assert_eq!((again.orders_checked, again.shipments), (0, 2));
    }
    assert_eq!(world.shop.fulfillment_state(&order).await, before);
    assert_eq!(world.ledger.open_orders(None).await.unwrap(), []);
    world.assert_settled().await;
}

#[tokio::test]
async fn one_sync_reads_the_list_once_for_all_orders() {
    let world = World::named("bulk").build().await;
    let orders = world.pay_orders(8).await;
    let mut service = world.service();
    service.sync_orders().await;
    for order in &orders[..3] {
        world.sandbox.ship(&order.code, vec![]).unwrap();
    }
    let before = world.sandbox.requests().len();
    assert_eq!(service.sync_tracking().await.fulfilled, 3);
    let calls = world.sandbox.requests().split_off(before);
    let style = Style::current();
    let count = |ask: Operation| calls.iter().filter(|call| style.is_call(call, ask)).count();
    let expected = match style {
        Style::Rest => (1, 0),
        // The list is read some days at a time. In the style `oms`, contents are read per order, and
        // only for orders with packages.
        Style::Oms => (2, 3),
    };
    let counts = (count(Operation::Shipments), count(Operation::LookUp));
    assert_eq!(counts, expected, "{calls:?}");
    for order in &orders[..3] {
        assert_eq!(world.shop.fulfillment_state(order).await.0, "Shipped");
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn packages_without_contents_cover_what_is_left() {
    let world = World::named("sparse")
        .sandbox(|s| s.sparse = true)
        .build()
        .await;
    let whole = world.pay_order(&[("A-0", 2), ("A-1", 1)]).await;
    let parts = world.pay_order(&[("A-0", 2), ("A-1", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    world.sandbox.ship(&whole.code, vec![]).unwrap();
    let part = vec![package("P1", &[("A-0", 2)])];
    world.sandbox.ship(&parts.code, part).unwrap();
    let summary = service.sync_tracking().await;
    assert_eq!((summary.fulfilled, summary.waiting), (1, 1), "{summary:?}");
    let (state, fulfillments, _) = world.shop.fulfillment_state(&whole).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 1));
    assert_eq!(fulfillments[0].units, [2, 1]);
    assert_eq!(world.shop.fulfillment_state(&parts).await.1, []);
    // Once everything is shipped, the last package covers the rest.
    let rest = vec![package("P2", &[("A-1", 1)])];
    world.sandbox.ship(&parts.code, rest).unwrap();
    service.sync_tracking().await;
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&parts).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 1));
    assert_eq!(fulfillments[0].units, [2, 1]);
    assert_eq!(fields["trackingCode"], "P1, P2");
    world.assert_settled().await;
}

#[tokio::test]
async fn manual_fulfillments_are_not_fulfilled_again() {
    let world = World::named("by_hand").build().await;
    let same = world.pay_order(&[("A-0", 2)]).await;
    let other = world.pay_order(&[("A-1", 2)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    // One with the package's number, still pending; one without a number.
    let pending = world.shop.fulfill(&same, &[(0, 2)], "N1").await;
    let done = world.shop.fulfill(&other, &[(0, 2)], "").await;
    world.shop.move_fulfillment(&done, "Shipped").await;
    world
        .sandbox
        .ship(&same.code, vec![package("N1", &[("A-0", 2)])])
        .unwrap();
    world
        .sandbox
        .ship(&other.code, vec![package("N2", &[("A-1", 2)])])
        .unwrap();
    let summary = service.sync_tracking().await;
    assert_eq!(
        (summary.fulfilled, summary.linked, summary.covered),
        (0, 1, 1),
        "{summary:?}"
    );
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&same).await;
    assert_eq!(
        (state.as_str(), fulfillments.len()),
        ("Shipped", 1),
        "{pending}"
    );
    assert_eq!(fields["trackingCode"], "N1");
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&other).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 1));
    assert_eq!(fields["trackingCode"], "N2");
    assert_eq!(service.sync_tracking().await.orders_checked, 0);
    world.assert_settled().await;
}

#[tokio::test]
async fn void_packages_are_not_fulfilled() {
    let mut world = World::named("void").build().await;
    let before = world.pay_order(&[("A-0", 1)]).await;
    let after = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    world
        .sandbox
        .ship(&before.code, vec![package("V1", &[("A-0", 1)])])
        .unwrap();
    world.sandbox.void(&before.code, "V1").unwrap();
    world
        .sandbox
        .ship(&after.code, vec![package("V2", &[("A-0", 1)])])
        .unwrap();
    let summary = service.sync_tracking().await;
    assert_eq!((summary.fulfilled, summary.void), (1, 1));
    assert_eq!(world.shop.fulfillment_state(&before).await.1, []);
    // Voided after it was fulfilled: needs attention.
    world.sandbox.void(&after.code, "V2").unwrap();
    let summary = service.sync_tracking().await;
    assert_eq!(summary.problems.len(), 1, "{summary:?}");
    assert_eq!(world.shop.fulfillment_state(&after).await.1.len(), 1);
    // And its replacement.
    world
        .sandbox
        .ship(&before.code, vec![package("V3", &[("A-0", 1)])])
        .unwrap();
    assert_eq!(service.sync_tracking().await.fulfilled, 1);
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&before).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 1));
    assert_eq!(fields["trackingCode"], "V3");
    world.expect_error("parcel needs attention");
    world.assert_settled().await;
}

#[tokio::test]
async fn packages_that_do_not_match_are_reported_and_stop_nothing_else() {
    let mut world = World::named("misfits").build().await;
    let odd = world.pay_order(&[("A-0", 1), ("A-1", 2)]).await;
    let fine = world.pay_order(&[("A-2", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    let items = vec![("A-0".to_owned(), 9).into()];
    world
        .sandbox
        .record_foreign("SOMEBODY-ELSES", items)
        .unwrap();
    world.sandbox.ship("SOMEBODY-ELSES", vec![]).unwrap();
    // One line is cancelled in the shop after sending.
    world.shop.cancel_line(&odd, 1).await;
    for package in [package("M1", &[("A-1", 2)]), package("M2", &[("A-0", 1)])] {
        world.sandbox.ship(&odd.code, vec![package]).unwrap();
    }
    let waiting = NewPackage {
        tracking_number: Some(String::new()),
        ..package("", &[("A-2", 1)])
    };
    world.sandbox.ship(&fine.code, vec![waiting]).unwrap();
    let summary = service.sync_tracking().await;
    assert_eq!((summary.fulfilled, summary.waiting), (1, 1), "{summary:?}");
    assert_eq!(summary.unknown, ["SOMEBODY-ELSES"]);
    assert_eq!(summary.problems.len(), 1);
    assert!(summary.problems[0].problem.contains("cancelled"));
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&odd).await;
    assert_eq!(state, "Shipped");
    assert_eq!(fulfillments, [shipped("M2", &[1])]);
    assert_eq!(fields["trackingCode"], "M2");
    assert_eq!(world.shop.fulfillment_state(&fine).await.1, []);
    world.expect_error("parcel needs attention");
    world.assert_settled().await;
}

#[tokio::test]
async fn long_tracking_numbers_and_spaces_are_kept() {
    let world = World::named("long_numbers").build().await;
    let order = world.pay_order(&[("A-0", 2)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    let long = "9".repeat(200);
    for number in [long.as_str(), "LEFT AT THE DOOR 12"] {
        let package = package(number, &[("A-0", 1)]);
        world.sandbox.ship(&order.code, vec![package]).unwrap();
    }
    assert_eq!(service.sync_tracking().await.fulfilled, 2);
    let (_, fulfillments, fields) = world.shop.fulfillment_state(&order).await;
    let mut numbers: Vec<_> = fulfillments.iter().map(|f| f.tracking.as_str()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [long.as_str(), "LEFT AT THE DOOR 12"]);
    assert_eq!(fields["trackingCode"].as_str().unwrap().len(), 200 + 2 + 19);
    world.assert_settled().await;
}

#[tokio::test]
async fn shipments_of_an_order_in_doubt_are_processed_once_it_is_known() {
    let world = World::named("doubt_shipped").build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    let fault = Style::current().fault(Operation::Send, FaultKind::DropAnswer);
    world.sandbox.add_fault(fault.times(1));
    service.sweep().await;
    service.work().await;
    world.sandbox.ship(&order.code, vec![]).unwrap();
    // VeraCore ships an order in doubt: its package is neither lost nor fulfilled yet.
    let summary = service.sync_tracking().await;
    assert_eq!((summary.fulfilled, summary.unknown_orders), (0, 1));
    assert_eq!(world.ledger.shipments_cursor().await.unwrap(), None);
    service.settle().await;
    assert_eq!(service.sync_tracking().await.fulfilled, 1);
    assert!(world.ledger.shipments_cursor().await.unwrap().is_some());
    world.assert_settled().await;
}

/// An operator adopts an order days after VeraCore shipped it. Its package is read again, although
/// the list has been read beyond it.
#[tokio::test]
async fn a_package_of_an_order_adopted_late_is_not_lost() {
    let mut world = World::named("adopted_late").build().await;
    world.expect_error("which this installation never sent");
    let order = world.pay_order(&[("A-0", 2)]).await;
    let items = vec![("A-0".to_owned(), 2).into()];
    world.sandbox.record_foreign(&order.code, items).unwrap();
    let mut service = world.service();
    service.sync_orders().await;
    world.sandbox.ship(&order.code, vec![]).unwrap();
    assert_eq!(service.sync_tracking().await.unknown_orders, 1);
    assert!(world.ledger.shipments_cursor().await.unwrap().is_some());
    for _ in 0..5 {
        world.advance(TimeDelta::days(1));
        service.sync_tracking().await;
    }
    let adopt = ["orders", "retry", "--adopt", &order.code, "--json"];
    world.cli_json(&adopt).await;
    service.settle_after_processes().await;
    assert_eq!(service.sync_tracking().await.fulfilled, 1);
    assert_eq!(world.shop.fulfillment_state(&order).await.0, "Shipped");
    world.assert_settled().await;
}

/// A package that could not be recorded is read again until it is.
#[tokio::test]
async fn the_shipments_cursor_does_not_pass_an_unrecorded_package() {
    let world = World::named("unrecorded").build().await;
    let order = world.pay_order(&[("A-0", 2)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    world.sandbox.ship(&order.code, vec![]).unwrap();
    let id = veracore_sync::domain::ShopOrderId::parse(order.id.clone()).unwrap();
    let keys = [LeaseKey::Fulfillments(&id)];
    let day = Duration::from_secs(24 * 3600);
    let held = world
        .ledger
        .acquire_lease(&keys, 6 * day)
        .await
        .unwrap()
        .unwrap();
    for _ in 0..5 {
        assert_eq!(service.sync_tracking().await.busy, 1);
        assert_eq!(world.ledger.shipments_cursor().await.unwrap(), None);
        world.advance(TimeDelta::days(1));
    }
    world.ledger.release_lease(&held).await.unwrap();
    assert_eq!(service.sync_tracking().await.fulfilled, 1);
    assert!(world.ledger.shipments_cursor().await.unwrap().is_some());
    world.assert_settled().await;
}
