//! A webhook about a package: veracore-sync reads the package from VeraCore and fulfills that.

use chrono::TimeDelta;
use serde_json::{Value, json};
use veracore_sync::sandbox::{Fault, FaultKind, Item, NewPackage};

use super::{Office, states, webhooks};
use crate::harness::World;

fn package(number: &str, items: &[(&str, u32)]) -> NewPackage {
    let items = items
        .iter()
        .map(|(sku, n)| Item::from(((*sku).to_owned(), *n)));
    NewPackage {
        tracking_number: Some(number.into()),
        items: Some(items.collect()),
        ..NewPackage::default()
    }
}

fn update(order: &str, number: &str, status: &str) -> Value {
    json!({ "OrderNumber": order, "TrackingNumber": number, "Carrier": "Forged",
        "Status": status, "Items": [{ "SKU": "A-0", "Quantity": 99 }] })
}

#[tokio::test]
async fn a_package_is_fulfilled_at_once_exactly_as_veracore_lists_it() {
    let world = World::named("package").build().await;
    let order = world.pay_order(&[("A-0", 3), ("A-1", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    let office = Office::of(&service, &world).await;
    let first = package("N1", &[("A-0", 2)]);
    world.sandbox.ship(&order.code, vec![first]).unwrap();
    office
        .sender
        .deliver("tracking-update", &update(&order.code, "N1", "Shipped"))
        .await;
    office.work().await;
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&order).await;
    assert_eq!(state, "PartiallyShipped");
    assert_eq!(fulfillments.len(), 1);
    // Not with the webhook's content, which might be outdated.
    assert_eq!(
        (&fulfillments[0].units[..], fulfillments[0].method.as_str()),
        (&[2][..], "UPS")
    );
    assert_eq!(fields["trackingCode"], "N1");
    assert_eq!(states(&world).await, ["done"]);

    // An older snapshot, a duplicate and an old void change nothing.
    let before = world.shop.fulfillment_state(&order).await;
    for (number, status) in [
        ("N1", "Packed"),
        ("N1", "Shipped"),
        ("N1", "Void"),
        ("N1", "Shipped"),
    ] {
        office
            .sender
            .deliver("tracking-update", &update(&order.code, number, status))
            .await;
        office.work().await;
        assert_eq!(
            world.shop.fulfillment_state(&order).await,
            before,
            "{status}"
        );
    }
    assert_eq!(states(&world).await, ["done"; 5]);
    let second = package("N2", &[("A-0", 1), ("A-1", 1)]);
    world.sandbox.ship(&order.code, vec![second]).unwrap();
    for _ in 0..3 {
        office
            .sender
            .deliver("tracking-update", &update(&order.code, "N2", "Shipped"))
            .await;
    }
    office.work().await;
    let (state, fulfillments, _) = world.shop.fulfillment_state(&order).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 2));
    world.assert_settled().await;
}

#[tokio::test]
async fn an_unknown_package_is_never_written_and_given_up_after_an_hour() {
    let world = World::named("forged").build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    let office = Office::of(&service, &world).await;
    office
        .sender
        .deliver("tracking-update", &update(&order.code, "X1", "Shipped"))
        .await;
    office
        .sender
        .deliver("tracking-update", &update("NOBODYS", "X2", "Shipped"))
        .await;
    let began = world.clock.now();
    office.work().await;
    assert_eq!(states(&world).await, ["waiting", "unknown"]);
    // VeraCore lists it half an hour later.
    while states(&world).await[0] == "waiting" {
        world.advance(TimeDelta::seconds(30));
        office.work().await;
        assert_eq!(world.shop.fulfillment_state(&order).await.1, []);
        assert!(world.clock.now() - began < TimeDelta::hours(2));
    }
    assert!(world.clock.now() - began > TimeDelta::minutes(25));
    assert_eq!(states(&world).await[0], "unconfirmed");
    let warnings = world.log_lines();
    let warnings = warnings
        .iter()
        .filter(|line| line["end"] == "unconfirmed" && line["level"] == "WARN");
    assert_eq!(warnings.count(), 1);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_list_that_lags_behind_is_read_again() {
    let world = World::named("lagging").build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    let office = Office::of(&service, &world).await;
    office
        .sender
        .deliver("tracking-update", &update(&order.code, "L1", "Shipped"))
        .await;
    office.work().await;
    assert_eq!(webhooks(&world).await[0].2, 1);
    world
        .sandbox
        .ship(&order.code, vec![package("L1", &[("A-0", 1)])])
        .unwrap();
    world.advance(TimeDelta::seconds(10));
    office.work().await;
    assert_eq!(states(&world).await, ["done"]);
    assert_eq!(world.shop.fulfillment_state(&order).await.0, "Shipped");
    world.assert_settled().await;
}

#[tokio::test]
async fn many_webhooks_share_one_list_call_and_an_invalid_one_stops_no_other() {
    let world = World::named("many").build().await;
    let orders = world.pay_orders(12).await;
    let mut service = world.service();
    service.sync_orders().await;
    let office = Office::of(&service, &world).await;
    for (at, order) in orders.iter().enumerate() {
        world.sandbox.ship(&order.code, vec![]).unwrap();
        let number = world.sandbox.order(&order.code).unwrap().packages[0]
            .tracking_number
            .clone();
        office
            .sender
            .deliver("tracking-update", &update(&order.code, &number, "Shipped"))
            .await;
        if at == 0 {
            // A row that this version cannot read.
            sqlx::query("insert into veracore_webhook (kind, order_number, news, received_at, next_attempt)
                 select kind, order_number, '{\"tracking\": {\"number\": \"\"}}', received_at, next_attempt from veracore_webhook")
                .execute(&world.tables).await.unwrap();
        }
    }
    let before = world.sandbox.requests().len();
    office.work().await;
    let calls = world.sandbox.requests().split_off(before);
    let lists = calls
        .iter()
        .filter(|call| call.path == "/api/shipments")
        .count();
    assert_eq!(lists, 1, "{calls:?}");
    for order in &orders {
        assert_eq!(world.shop.fulfillment_state(order).await.0, "Shipped");
    }
    let mut states = states(&world).await;
    assert_eq!(states.remove(1), "failed");
    assert_eq!(states, ["done"; 12]);
    let run: (String, String) =
        sqlx::query_as("select origin, outcome from veracore_sync_run where job = 'sync_tracking'")
            .fetch_one(&world.tables)
            .await
            .unwrap();
    assert_eq!(run, ("webhook".into(), "done".into()));
    let mut world = world;
    world.expect_error("unreadable webhook marked as failed");
    world.assert_settled().await;
}

#[tokio::test]
async fn while_veracore_is_unavailable_no_attempt_is_used_up() {
    let mut world = World::named("down").build().await;
    world.expect_error("VeraCore is unavailable");
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    let office = Office::of(&service, &world).await;
    world
        .sandbox
        .ship(&order.code, vec![package("D1", &[("A-0", 1)])])
        .unwrap();
    world
        .sandbox
        .add_fault(Fault::on("/", FaultKind::DropRequest));
    office
        .sender
        .deliver("tracking-update", &update(&order.code, "D1", "Shipped"))
        .await;
    // Attempts count until the circuit opens; then the webhook is parked.
    for _ in 0..50 {
        office
            .worker
            .process_due(veracore_sync::sync::inbox::InboxQueue::Orders)
            .await
            .unwrap();
        if !office.worker.upstreams.are_available() {
            break;
        }
        world.advance(TimeDelta::seconds(30));
    }
    assert!(!office.worker.upstreams.are_available());
    let tries = webhooks(&world).await[0].2;
    for _ in 0..20 {
        office
            .worker
            .process_due(veracore_sync::sync::inbox::InboxQueue::Orders)
            .await
            .unwrap();
    }
    assert_eq!(webhooks(&world).await[0].2, tries, "parked");
    world.sandbox.clear_faults();
    let office = Office::of(&world.service(), &world).await;
    world.advance(TimeDelta::minutes(11));
    office.work().await;
    assert_eq!(states(&world).await, ["done"]);
    assert_eq!(world.shop.fulfillment_state(&order).await.0, "Shipped");
    world.assert_settled().await;
}
