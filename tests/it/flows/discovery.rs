//! Which orders are found, and how soon (I2): no date is to be relied on.

use veracore_sync::domain::SyncStatus;

use crate::harness::{Cart, World};

#[tokio::test]
async fn an_order_without_a_useful_date_is_found() {
    let world = World::new("dateless").build().await;
    let mut service = world.service();
    service.carry().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.shop.make_old(&order, "null").await;
    let looked = service.look().await;
    assert_eq!(looked.taken_in, 0, "the newest page cannot show it");
    assert!(looked.sweep, "the count tells that something is there");
    assert_eq!(service.sweep().await.taken_in, 1);
    assert!(!service.look().await.sweep, "everything is explained now");
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.assert_settled().await;
}

#[tokio::test]
async fn what_the_newest_page_does_not_hold_is_swept_up_at_once() {
    let world = World::new("beyond").build().await;
    let late = world.pay_order(&[("A-0", 1)]).await;
    world
        .shop
        .make_old(&late, "'2019-03-04 05:06:07.123456'")
        .await;
    world.shop.transition(&late, "Modifying").await;
    let mut service = world.service();
    service.carry().await;
    assert!(world.record(&late.code).await.is_none(), "it is not ready");

    // More at once than the page holds.
    let carts = vec![Cart::of(&[("A-1", 1)]); 53];
    world.shop.pay_all(carts).await;
    let looked = service.look().await;
    assert_eq!((looked.taken_in, looked.sweep), (50, true));
    assert_eq!(service.sweep().await.taken_in, 3);
    let looked = service.look().await;
    assert_eq!((looked.taken_in, looked.sweep), (0, false));

    // An order of long ago becomes ready: no page of newest orders will ever show it.
    world.shop.transition(&late, "PaymentSettled").await;
    let looked = service.look().await;
    assert_eq!((looked.taken_in, looked.sweep), (0, true));
    assert_eq!(service.sweep().await.taken_in, 1);
    service.settle().await;
    assert_eq!(world.sandbox.orders().len(), 54);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_new_order_is_seen_by_the_cheap_look() {
    let world = World::new("look").build().await;
    world.pay_order(&[("A-1", 1)]).await;
    let mut service = world.service();
    service.carry().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let looked = service.look().await;
    assert_eq!((looked.taken_in, looked.sweep), (1, false));
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    let looked = service.look().await;
    assert_eq!((looked.taken_in, looked.sweep), (0, false));
    world.assert_settled().await;
}
