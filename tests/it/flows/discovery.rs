//! Which orders are discovered, and how soon (I2). No date can be relied on.

use chrono::TimeDelta;
use veracore_sync::{domain::SyncStatus, sync::orders::OrderSettings};

use crate::harness::{Cart, World};

/// Page sizes so small that a few orders fill a page.
fn small_pages(settings: &mut OrderSettings) {
    settings.newest_page_size = 5;
    settings.sweep_page_size = 3;
}

#[tokio::test]
async fn an_order_with_useless_dates_is_discovered() {
    let world = World::named("dateless").build().await;
    let mut service = world.service();
    service.sync_orders().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.shop.make_old(&order, "null").await;
    let poll = service.poll().await;
    assert_eq!(poll.discovered, 0, "it is not on the newest page");
    assert!(
        poll.needs_sweep,
        "the total count shows that an order is missing"
    );
    assert_eq!(service.sweep().await.taken_in, 1);
    assert!(
        !service.poll().await.needs_sweep,
        "every order is known now"
    );
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.assert_settled().await;
}

#[tokio::test]
async fn orders_beyond_the_newest_page_start_a_sweep_at_once() {
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

    // More orders at once than fit on the page.
    let carts = vec![Cart::of(&[("A-1", 1)]); 8];
    world.shop.pay_all(carts).await;
    let poll = service.poll().await;
    assert_eq!((poll.discovered, poll.needs_sweep), (5, true));
    assert_eq!(service.sweep().await.taken_in, 3);
    let poll = service.poll().await;
    assert_eq!((poll.discovered, poll.needs_sweep), (0, false));

    // An old order becomes ready: it is never on the newest page.
    world.shop.transition(&late, "PaymentSettled").await;
    let poll = service.poll().await;
    assert_eq!((poll.discovered, poll.needs_sweep), (0, true));
    assert_eq!(service.sweep().await.taken_in, 1);
    service.settle().await;
    assert_eq!(world.sandbox.orders().len(), 10);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_sweep_finds_all_orders_with_the_same_creation_time() {
    let world = World::named("pages").build().await;
    let paid = world.shop.pay_all(vec![Cart::of(&[("A-0", 1)]); 14]).await;
    // Imported orders: twice, more than a page of them in one millisecond.
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
async fn a_new_order_is_discovered_by_the_poll() {
    let world = World::named("look").build().await;
    world.pay_order(&[("A-1", 1)]).await;
    // The shop uses the system clock, and its orders must not be in the future.
    world.advance(TimeDelta::hours(1));
    let mut service = world.service();
    service.sync_orders().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let poll = service.poll().await;
    assert_eq!((poll.discovered, poll.needs_sweep), (1, false));
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    let poll = service.poll().await;
    assert_eq!((poll.discovered, poll.needs_sweep), (0, false));
    world.assert_settled().await;
}

/// A poll does not show it: neither the count nor the newest order changes.
#[tokio::test]
async fn an_order_that_becomes_ready_while_another_leaves_is_found_within_a_minute() {
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
    assert_eq!(
        service.poll().await.discovered,
        0,
        "a poll of the newest order only"
    );
    world.advance(TimeDelta::minutes(1));
    assert_eq!(service.poll().await.discovered, 1);

    // A requested poll reads the full page.
    world.shop.transition(&later, "PaymentSettled").await;
    world.shop.transition(&late, "Modifying").await;
    assert_eq!(
        service.poll().await.discovered,
        0,
        "a poll of the newest order only"
    );
    service.discovery.require_full_page();
    assert_eq!(service.poll().await.discovered, 1);
    service.settle().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_sweep_follows_the_creation_time_even_if_ids_descend() {
    let world = World::named("against").build().await;
    let paid = world.shop.pay_all(vec![Cart::of(&[("A-0", 1)]); 10]).await;
    // As in a shop with imported orders or with UUIDs.
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
    // The newest orders are those created last, whatever their ids.
    for (order, age) in paid.iter().zip(1..) {
        let change = format!(
            "update \"order\" set \"orderPlacedAt\" = now() - interval '{age} hours' where id = {}",
            order.id
        );
        world.shop.sql(&change).await;
    }
    service.settle().await;
    let poll = service.poll().await;
    assert!(!poll.needs_sweep, "nothing came");
    world.pay_order(&[("A-0", 1)]).await;
    let poll = service.poll().await;
    assert_eq!((poll.discovered, poll.needs_sweep), (1, false));
    service.settle().await;
    world.assert_settled().await;
}
