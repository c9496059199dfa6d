//! Which orders are found, and how soon (I2): no date is to be relied on.

use chrono::TimeDelta;
use veracore_sync::{domain::SyncStatus, sync::orders::OrderSettings};

use crate::harness::{Cart, World};

/// The newest page and those of a sweep, so small that a few orders fill them.
fn small_pages(settings: &mut OrderSettings) {
    settings.newest_page_size = 5;
    settings.sweep_page_size = 3;
}

#[tokio::test]
async fn an_order_without_a_useful_date_is_found() {
    let world = World::named("dateless").build().await;
    let mut service = world.service();
    service.sync_orders().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.shop.make_old(&order, "null").await;
    let looked = service.poll().await;
    assert_eq!(looked.discovered, 0, "the newest page cannot show it");
    assert!(
        looked.needs_sweep,
        "the count tells that something is there"
    );
    assert_eq!(service.sweep().await.taken_in, 1);
    assert!(
        !service.poll().await.needs_sweep,
        "everything is explained now"
    );
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.assert_settled().await;
}

#[tokio::test]
async fn what_the_newest_page_does_not_hold_is_swept_up_at_once() {
    let world = World::named("beyond").build().await;
    let late = world.pay_order(&[("A-0", 1)]).await;
    world
        .shop
        .make_old(&late, "'2019-03-04 05:06:07.123456'")
        .await;
    world.shop.transition(&late, "Modifying").await;
    world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service_with(small_pages);
    service.sync_orders().await;
    assert!(world.record(&late.code).await.is_none(), "it is not ready");

    // More at once than the page holds.
    let carts = vec![Cart::of(&[("A-1", 1)]); 8];
    world.shop.pay_all(carts).await;
    let looked = service.poll().await;
    assert_eq!((looked.discovered, looked.needs_sweep), (5, true));
    assert_eq!(service.sweep().await.taken_in, 3);
    let looked = service.poll().await;
    assert_eq!((looked.discovered, looked.needs_sweep), (0, false));

    // An order of long ago becomes ready: no page of newest orders will ever show it.
    world.shop.transition(&late, "PaymentSettled").await;
    let looked = service.poll().await;
    assert_eq!((looked.discovered, looked.needs_sweep), (0, true));
    assert_eq!(service.sweep().await.taken_in, 1);
    service.settle().await;
    assert_eq!(world.sandbox.orders().len(), 10);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_sweep_of_many_pages_misses_none_of_the_orders_made_in_one_moment() {
    let world = World::named("pages").build().await;
    let paid = world.shop.pay_all(vec![Cart::of(&[("A-0", 1)]); 14]).await;
    // Imported orders: more of them in one millisecond than a page holds, at two places.
    for (order, second) in paid.iter().zip([1, 2, 2, 2, 2, 2, 2, 2, 3, 4, 5, 5, 5, 5]) {
        let moment = format!("'2019-03-04 05:06:{second:02}.123456'");
        let change = format!(
            "update \"order\" set \"createdAt\" = {moment} where id = {}",
            order.id
        );
        world.shop.sql(&change).await;
    }
    let mut service = world.service_with(small_pages);
    let swept = service.sweep().await;
    assert_eq!((swept.seen, swept.taken_in), (14, 14));
    service.settle().await;
    let swept = service.sweep().await;
    assert_eq!((swept.seen, swept.taken_in), (14, 0));
    assert_eq!(world.sandbox.orders().len(), 14);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_new_order_is_seen_by_the_cheap_look() {
    let world = World::named("look").build().await;
    world.pay_order(&[("A-1", 1)]).await;
    // The shop's time is the machine's, and what it places must not be in the future.
    world.advance(TimeDelta::hours(1));
    let mut service = world.service();
    service.sync_orders().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let looked = service.poll().await;
    assert_eq!((looked.discovered, looked.needs_sweep), (1, false));
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    let looked = service.poll().await;
    assert_eq!((looked.discovered, looked.needs_sweep), (0, false));
    world.assert_settled().await;
}

/// What a glance cannot show: neither the count nor the newest order changes.
#[tokio::test]
async fn an_order_that_became_ready_while_another_left_is_seen_within_a_minute() {
    let world = World::named("swap").build().await;
    let late = world.pay_order(&[("A-0", 1)]).await;
    let later = world.pay_order(&[("A-0", 1)]).await;
    let leaving = world.pay_order(&[("A-1", 1)]).await;
    world.pay_order(&[("A-2", 1)]).await;
    world.shop.transition(&late, "Modifying").await;
    world.shop.transition(&later, "Modifying").await;
    world.advance(TimeDelta::hours(1));
    let mut service = world.service();
    service.sync_orders().await;
    assert!(world.record(&late.code).await.is_none(), "it is not ready");
    assert_eq!(service.poll().await.discovered, 0);

    world.shop.transition(&late, "PaymentSettled").await;
    world.shop.transition(&leaving, "Modifying").await;
    assert_eq!(service.poll().await.discovered, 0, "a glance");
    world.advance(TimeDelta::minutes(1));
    assert_eq!(service.poll().await.discovered, 1);

    // Who is told to look does not only glance.
    world.shop.transition(&later, "PaymentSettled").await;
    world.shop.transition(&late, "Modifying").await;
    assert_eq!(service.poll().await.discovered, 0, "a glance");
    service.discovery.require_full_page();
    assert_eq!(service.poll().await.discovered, 1);
    service.settle().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_sweep_goes_by_the_creation_though_the_ids_run_the_other_way() {
    let world = World::named("against").build().await;
    let paid = world.shop.pay_all(vec![Cart::of(&[("A-0", 1)]); 10]).await;
    // As in a shop whose orders were imported, or whose ids are UUIDs.
    for (order, age) in paid.iter().zip(1..) {
        let change = format!(
            "update \"order\" set \"createdAt\" = now() - interval '{age} hours' where id = {}",
            order.id
        );
        world.shop.sql(&change).await;
    }
    let mut service = world.service_with(small_pages);
    let swept = service.sweep().await;
    assert_eq!((swept.seen, swept.taken_in), (10, 10));
    // The newest are those that were placed last, whatever their ids are.
    for (order, age) in paid.iter().zip(1..) {
        let change = format!(
            "update \"order\" set \"orderPlacedAt\" = now() - interval '{age} hours' where id = {}",
            order.id
        );
        world.shop.sql(&change).await;
    }
    service.settle().await;
    let looked = service.poll().await;
    assert!(!looked.needs_sweep, "nothing came");
    world.pay_order(&[("A-0", 1)]).await;
    let looked = service.poll().await;
    assert_eq!((looked.discovered, looked.needs_sweep), (1, false));
    service.settle().await;
    world.assert_settled().await;
}
