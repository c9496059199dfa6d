//! Orders that change between payment and sending, and orders and lines that VeraCore does not get.

use std::time::Duration;

use chrono::TimeDelta;
use globset::{Glob, GlobSetBuilder};
use serde_json::json;
use veracore_sync::domain::{ShippingMethodCode, SyncStatus};

use crate::harness::{Cart, World};

#[tokio::test]
async fn an_order_can_be_cancelled_or_edited_during_the_send_delay() {
    let world = World::named("held").build().await;
    let mut service =
        world.service_with(|settings| settings.send_delay = Duration::from_secs(1800));
    service.sync_orders().await;
    let cancelled = world.pay_order(&[("A-0", 1)]).await;
    let part = world.pay_order(&[("A-0", 1), ("A-1", 3)]).await;
    let whole = world.pay_order(&[("A-2", 2)]).await;
    assert_eq!(service.poll().await.discovered, 3);
    world.advance(TimeDelta::minutes(29));
    assert_eq!(service.work().await, [], "the send delay is not over");
    world.shop.cancel(&cancelled).await;
    world.shop.cancel_line(&part, 0).await;
    world.advance(TimeDelta::minutes(1));
    service.settle().await;

    assert_eq!(world.status(&cancelled.code).await, SyncStatus::Cancelled);
    assert!(world.sandbox.order(&cancelled.code).is_none());
    let arrived = world.sandbox.order(&part.code).unwrap();
    let items: Vec<_> = arrived
        .items
        .iter()
        .map(|i| (i.sku.as_str(), i.quantity))
        .collect();
    assert_eq!(items, [("A-1", 3)], "the cancelled line is left out");
    assert!(world.sandbox.order(&whole.code).is_some());
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_being_edited_is_sent_after_the_edit() {
    let world = World::named("edited").build().await;
    let mut service = world.service();
    service.sync_orders().await;
    let order = world.pay_order(&[("A-0", 5), ("A-1", 1)]).await;
    assert_eq!(service.poll().await.discovered, 1);
    world.shop.transition(&order, "Modifying").await;
    service.settle().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Skipped);
    assert_eq!(record.skip_reason.as_deref(), Some("left_trigger_state"));
    assert_eq!(
        service.sweep().await.taken_in,
        0,
        "it is still being edited"
    );

    let lines = json!([
        { "orderLineId": order.lines[0].id, "quantity": 2 },
        { "orderLineId": order.lines[1].id, "quantity": 0 },
    ]);
    world
        .shop
        .modify(&order, &json!({ "adjustOrderLines": lines }))
        .await;
    world.shop.transition(&order, "PaymentSettled").await;
    assert_eq!(service.poll().await.discovered, 1);
    service.settle().await;
    let arrived = world.sandbox.order(&order.code).unwrap();
    let items: Vec<_> = arrived
        .items
        .iter()
        .map(|i| (i.sku.as_str(), i.quantity))
        .collect();
    assert_eq!(items, [("A-0", 2)]);
    world.assert_settled().await;
}

#[tokio::test]
async fn only_orders_with_a_configured_shipping_method_are_sent() {
    let world = World::named("methods").build().await;
    let ours = world
        .shop
        .pay(&Cart::of(&[("A-0", 1)]).by("express-shipping"))
        .await;
    let other = world.shop.pay(&Cart::of(&[("A-0", 1)])).await;
    let method = ShippingMethodCode::parse("express-shipping").unwrap();
    let mut service = world.service_with(|settings| {
        settings.mapping_rules.shipping_methods = Some(vec![method]);
    });
    service.sync_orders().await;
    assert_eq!(world.status(&ours.code).await, SyncStatus::Success);
    let record = world.record(&other.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Skipped);
    assert_eq!(record.skip_reason.as_deref(), Some("shipping_method"));
    assert!(record.error_message.unwrap().contains("standard-shipping"));
    assert_eq!(world.sandbox.orders().len(), 1);
    world.assert_settled().await;
}

#[tokio::test]
async fn lines_with_skus_not_at_veracore_are_not_sent() {
    let world = World::named("skus").build().await;
    let mixed = world.pay_order(&[("GIFT-CARD", 1), ("A-0", 2)]).await;
    let only_gifts = world.pay_order(&[("GIFT-CARD", 1), ("GIFT-WRAP", 1)]).await;
    let mut globs = GlobSetBuilder::new();
    globs.add(Glob::new("GIFT-*").unwrap());
    let globs = globs.build().unwrap();
    let mut service = world.service_with(|settings| settings.mapping_rules.skus.skip = globs);
    service.sync_orders().await;
    let arrived = world.sandbox.order(&mixed.code).unwrap();
    let items: Vec<_> = arrived
        .items
        .iter()
        .map(|i| (i.sku.as_str(), i.quantity))
        .collect();
    assert_eq!(items, [("A-0", 2)]);
    let record = world.record(&only_gifts.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Skipped);
    assert_eq!(record.skip_reason.as_deref(), Some("skip_skus"));
    world.assert_settled().await;
}
