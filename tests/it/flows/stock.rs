//! VeraCore's stock in a real shop (I4): the shop can sell what VeraCore has available, minus what
//! is allocated to orders that VeraCore does not have yet.

use serde_json::json;
use veracore_sync::domain::SyncStatus;

use crate::harness::{ShopStock, World};

const fn level(on_hand: i64, allocated: i64) -> ShopStock {
    ShopStock { on_hand, allocated }
}

#[tokio::test]
async fn an_order_sent_meanwhile_is_not_subtracted_twice() {
    let world = World::named("timeline").build().await;
    world.sandbox.set_stock("A-0", 100);
    let mut service = world.service();
    assert_eq!(service.sync_stock().await.counts.written, 1);
    assert_eq!(world.shop.level("A-0").await, level(100, 0));

    let order = world.pay_order(&[("A-0", 2)]).await;
    assert_eq!(world.shop.level("A-0").await.sellable(), 98);
    assert_eq!(service.sync_stock().await.counts.written, 0);
    assert_eq!(world.shop.level("A-0").await, level(100, 2));

    service.sync_orders().await;
    assert_eq!(service.sync_stock().await.counts.written, 0);
    assert_eq!(world.shop.level("A-0").await.sellable(), 98);

    world.sandbox.ship(&order.code, vec![]).unwrap();
    assert_eq!(service.sync_stock().await.counts.written, 0);
    assert_eq!(world.shop.level("A-0").await.sellable(), 98);

    assert_eq!(service.sync_tracking().await.fulfilled, 1);
    assert_eq!(world.shop.level("A-0").await, level(98, 0));

    for _night in 0..2 {
        assert_eq!(service.sync_stock().await.counts.written, 0);
        assert_eq!(world.shop.level("A-0").await, level(98, 0));
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn levels_are_exact_with_orders_in_all_three_phases() {
    let world = World::named("phases").build().await;
    let mut service = world.service();
    let acknowledged = world.pay_order(&[("A-1", 2), ("A-2", 1)]).await;
    let shipped = world.pay_order(&[("A-1", 4)]).await;
    service.sync_orders().await;
    world.sandbox.ship(&shipped.code, vec![]).unwrap();
    let placed = world.pay_order(&[("A-1", 3), ("A-2", 5)]).await;
    // 50 on hand, of which 2 are reserved for the acknowledged order; 4 are shipped.
    world.sandbox.set_stock("A-1", 50);
    world.sandbox.set_stock("A-2", 7);
    let summary = service.sync_stock().await;
    assert_eq!(summary.counts.written, 2);
    // 48 available, plus 2 + 4 that the shop has allocated itself: 48 - 3 can be sold.
    assert_eq!(world.shop.level("A-1").await, level(54, 9));
    // 6 available, plus 1 that the shop has allocated itself: 6 - 5 can be sold.
    assert_eq!(world.shop.level("A-2").await, level(7, 6));
    // The same after each order has moved on by a phase.
    service.sync_tracking().await;
    service.sync_orders().await;
    assert_eq!(world.status(&placed.code).await, SyncStatus::Success);
    assert_eq!(service.sync_stock().await.counts.written, 0);
    assert_eq!(world.shop.level("A-1").await, level(50, 5));
    assert_eq!(world.shop.level("A-2").await, level(7, 6));
    for order in [acknowledged, placed] {
        world.sandbox.ship(&order.code, vec![]).unwrap();
    }
    service.sync_tracking().await;
    assert_eq!(service.sync_stock().await.counts.written, 0);
    assert_eq!(world.shop.level("A-1").await, level(45, 0));
    assert_eq!(world.shop.level("A-2").await, level(1, 0));
    world.assert_settled().await;
}

#[tokio::test]
async fn units_cancelled_or_fulfilled_in_the_shop_are_not_added_back() {
    let world = World::named("undone").build().await;
    let mut service = world.service();
    let cancelled = world.pay_order(&[("A-0", 3)]).await;
    let by_hand = world.pay_order(&[("A-0", 2)]).await;
    service.sync_orders().await;
    world.shop.cancel(&cancelled).await;
    world.shop.fulfill(&by_hand, &[(0, 2)], "").await;
    let waiting = world.pay_order(&[("A-0", 4)]).await;
    // VeraCore has 5 reserved for the two orders that it has.
    world.sandbox.set_stock("A-0", 25);
    service.sync_stock().await;
    assert_eq!(world.shop.level("A-0").await, level(20, 4));
    // Nothing of them is open, so they are not checked again.
    assert_eq!(world.ledger.open_orders(None).await.unwrap(), []);
    service.sync_orders().await;
    service.sync_stock().await;
    assert_eq!(world.status(&waiting.code).await, SyncStatus::Success);
    assert_eq!(world.shop.level("A-0").await, level(20, 4));
    world.assert_settled().await;
}

#[tokio::test]
async fn a_foreign_order_counts_once_it_is_adopted() {
    let mut world = World::named("adopted_stock").build().await;
    let order = world.pay_order(&[("A-0", 2)]).await;
    let items = vec![("A-0".to_owned(), 2).into()];
    world.sandbox.record_foreign(&order.code, items).unwrap();
    world.sandbox.set_stock("A-0", 10);
    let mut service = world.service();
    service.sync_orders().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Error);
    service.sync_stock().await;
    assert_eq!(world.shop.level("A-0").await, level(8, 2));
    let adopt = ["orders", "retry", "--adopt", &order.code, "--json"];
    world.cli_json(&adopt).await;
    service.settle_after_processes().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    service.sync_stock().await;
    assert_eq!(world.shop.level("A-0").await, level(10, 2));
    world.expect_error("which this installation never sent");
    world.assert_settled().await;
}

#[tokio::test]
async fn one_bad_variant_among_sixty_does_not_stop_the_others() {
    let mut world = World::named("sixty").build().await;
    world.shop.add_variants("B-", 60).await;
    for at in 0..60 {
        world.sandbox.set_stock(&format!("B-{at}"), 10 + at);
    }
    // The shop's database refuses this variant, in any batch.
    let bad = world.shop.variants["B-37"].clone();
    let statements = [
        format!(
            "create function refuse_{bad}() returns trigger language plpgsql as
             $$ begin raise exception 'this variant is frozen'; end $$"
        ),
        format!(
            "create trigger refuse_{bad} before update on stock_level for each row
             when (new.\"productVariantId\" = {bad}) execute function refuse_{bad}()"
        ),
    ];
    for statement in statements {
        world.shop.sql(&statement).await;
    }
    let service = world.service();
    let (_, summary) = service.run_inventory(&Default::default()).await;
    assert_eq!(summary.counts.written, 59, "{summary:?}");
    assert_eq!(
        (summary.counts.refused, summary.counts.failed_count()),
        (1, 1)
    );
    for at in (0..60).filter(|at| *at != 37) {
        let now = world.shop.level(&format!("B-{at}")).await;
        assert_eq!(now, level(10 + i64::from(at), 0), "B-{at}");
    }
    assert_eq!(world.shop.level("B-37").await, level(0, 0));
    let changes = world
        .ledger
        .stock_changes(Some("B-37"), None, 5)
        .await
        .unwrap();
    assert_eq!(changes.len(), 1);
    // After a database error, the write may have been done.
    assert_eq!(changes[0].outcome.as_deref(), Some("unknown"));
    assert!(changes[0].message.is_some());
    world
        .shop
        .sql(&format!("drop trigger refuse_{bad} on stock_level"))
        .await;
    assert_eq!(service.sync_stock().await.counts.written, 1);
    assert_eq!(world.shop.level("B-37").await, level(47, 0));
    world.expect_error("Vendure rejected a stock level");
    world.assert_settled().await;
}

#[tokio::test]
async fn untracked_variants_are_skipped_and_unknown_skus_reported() {
    let mut world = World::named("alone").build().await;
    world.shop.add_variants("C-", 3).await;
    let variants = &world.shop.variants;
    let input = json!([
        { "id": variants["C-0"], "trackInventory": "FALSE" },
        { "id": variants["C-1"], "sku": "A-0" },
        { "id": variants["C-2"], "sku": "near" },
    ]);
    world.shop.change_variants(&input).await;
    for (sku, on_hand) in [("A-0", 9), ("C-0", 8), (" Near ", 7), ("NOBODY", 6)] {
        world.sandbox.set_stock(sku, on_hand);
    }
    let order = world.pay_order(&[("A-0", 2)]).await;
    let service = world.service();
    let summary = service.sync_stock().await;
    assert_eq!(world.shop.level("C-0").await, level(0, 0));
    assert_eq!(world.shop.level("C-2").await, level(0, 0));
    // Both variants can sell the available units minus the allocations of both.
    assert_eq!(world.shop.level("A-0").await, level(9, 2));
    assert_eq!(world.shop.level("C-1").await, level(7, 0));
    assert_eq!(summary.shared.len(), 1);
    let sorted = |mut skus: Vec<String>| {
        skus.sort();
        skus
    };
    assert_eq!(sorted(summary.unmatched), ["NOBODY", "Near"]);
    assert_eq!(summary.near_misses.len(), 1);
    assert_eq!(summary.near_misses[0].vendure_sku, "near");
    let said = world.log_lines();
    let unmatched: Vec<_> = said
        .iter()
        .filter(|line| line["message"] == "No product variant found for SKU")
        .map(|line| line["sku"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sorted(unmatched), ["NOBODY", "Near"]);
    world.shop.cancel(&order).await;
    world.assert_settled().await;
}

#[tokio::test]
async fn safety_stock_is_not_offered() {
    let world = World::named("safety").build().await;
    world.sandbox.set_stock("A-0", 10);
    world.sandbox.set_stock("A-1", 2);
    let service = world.service_with_options(|options| {
        let units = veracore_sync::domain::Units::new(3).unwrap();
        options.inventory.rules.safety.default = units;
    });
    service.sync_stock().await;
    assert_eq!(world.shop.level("A-0").await, level(7, 0));
    assert_eq!(world.shop.level("A-1").await, level(0, 0));
    world.assert_settled().await;
}

/// Inventory and tracking syncs of two services run concurrently: whichever is first, the final
/// levels are exact and the shop never oversells meanwhile.
#[tokio::test]
async fn concurrent_stock_and_tracking_syncs_never_oversell() {
    let world = World::named("racing").build().await;
    world.sandbox.set_stock("A-0", 200);
    world.sandbox.set_stock("A-1", 200);
    let mut service = world.service();
    service.sync_stock().await;
    // Sequentially: Vendure itself loses concurrent allocations of one SKU.
    let mut orders = Vec::new();
    for n in 1..=10 {
        orders.push(world.pay_order(&[("A-0", n), ("A-1", 1)]).await);
    }
    assert_eq!(world.shop.level("A-0").await, level(200, 55));
    service.sync_orders().await;
    let other = world.service();
    let all = veracore_sync::sync::inventory::InventoryRequest::default();
    for (at, order) in orders.iter().enumerate() {
        world.sandbox.ship(&order.code, vec![]).unwrap();
        // Restock, so that each sync has something to write.
        world
            .sandbox
            .set_stock("A-0", 200 + u32::try_from(at).unwrap());
        let (stock, tracked) = tokio::join!(service.run_inventory(&all), other.sync_tracking());
        assert_eq!(stock.1.counts.failed_count(), 0, "{stock:?}");
        assert_eq!(
            (tracked.fulfilled, tracked.failures.len()),
            (1, 0),
            "{tracked:?}"
        );
        for sku in ["A-0", "A-1"] {
            let free = world
                .sandbox
                .stock()
                .into_iter()
                .find(|s| s.sku == sku)
                .unwrap();
            let sellable = world.shop.level(sku).await.sellable();
            assert!(
                sellable <= i64::from(free.available_quantity),
                "{sku}: {sellable} can be sold of {free:?}: {:#?}",
                world
                    .ledger
                    .stock_changes(Some(sku), None, 2)
                    .await
                    .unwrap()
            );
        }
    }
    service.sync_stock().await;
    assert_eq!(world.shop.level("A-0").await, level(209, 0));
    assert_eq!(world.shop.level("A-1").await, level(190 + 10 - 10, 0));
    world.assert_settled().await;
}
