//! Invalid orders: the error names the field, and other orders are not delayed.

use serde_json::json;
use veracore_sync::domain::{ErrorCategory, SyncStatus};

use crate::harness::{Cart, World, ann};

#[tokio::test]
async fn an_order_with_an_incomplete_address_is_sent_once_it_is_corrected() {
    let mut world = World::named("address").build().await;
    world.expect_error("the order cannot be sent");
    let mut address = ann();
    address["city"] = json!("");
    address["postalCode"] = json!(null);
    let bad = world.shop.pay(&Cart::of(&[("A-0", 1)]).to(address)).await;
    let good = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    assert_eq!(world.status(&good.code).await, SyncStatus::Success);
    let record = world.record(&bad.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Error);
    assert_eq!(record.error_category, Some(ErrorCategory::Validation));
    let message = record.error_message.unwrap();
    for words in [
        "shippingAddress.city",
        "shippingAddress.postalCode",
        &bad.code,
    ] {
        assert!(message.contains(words), "{message}");
    }

    world.shop.transition(&bad, "Modifying").await;
    let corrected = json!({ "city": "Reno", "postalCode": "89501" });
    world
        .shop
        .modify(&bad, &json!({ "updateShippingAddress": corrected }))
        .await;
    world.shop.transition(&bad, "PaymentSettled").await;
    world.retry(&bad.code).await;
    service.settle().await;
    assert_eq!(world.status(&bad.code).await, SyncStatus::Success);
    world.assert_settled().await;
}

#[tokio::test]
async fn invalid_data_stops_only_its_own_order() {
    let mut world = World::named("nonsense").build().await;
    world.expect_error("the order cannot be sent");
    world.expect_error("order unreadable; left out of the sweep");
    let no_sku = world.pay_order(&[("A-3", 1)]).await;
    let no_code = world.pay_order(&[("A-0", 1)]).await;
    let good = world.pay_order(&[("A-1", 1)]).await;
    let variant = &world.shop.variants["A-3"];
    world
        .shop
        .sql(&format!(
            "update product_variant set sku = '' where id = {variant}"
        ))
        .await;
    world
        .shop
        .sql(&format!(
            "update \"order\" set code = '' where id = {}",
            no_code.id
        ))
        .await;
    let mut service = world.service();
    let swept = service.sweep().await;
    assert_eq!((swept.taken_in, swept.unreadable), (2, 1));
    service.settle().await;
    assert_eq!(world.status(&good.code).await, SyncStatus::Success);
    let record = world.record(&no_sku.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Error);
    let message = record.error_message.unwrap();
    assert!(message.contains("lines[0].productVariant.sku"), "{message}");

    // Once it is readable, it is discovered like any other order.
    let code = &no_code.code;
    world
        .shop
        .sql(&format!(
            "update \"order\" set code = '{code}' where id = {}",
            no_code.id
        ))
        .await;
    service.sync_orders().await;
    assert_eq!(world.status(code).await, SyncStatus::Success);
    world.assert_settled().await;
}
