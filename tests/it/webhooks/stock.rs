//! A webhook about stock: the level is updated at once, but goes to zero only through the guards (I5).

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Office, states, webhooks};
use crate::harness::{Service, World};

fn item(sku: &str, available: u32) -> Value {
    json!({ "SKU": sku, "AvailableQuantity": available })
}

/// A shop with `count` SKUs, 20 or more on sale of each, as at VeraCore.
async fn stocked(name: &str, count: u32) -> (World, Service) {
    let mut world = World::named(name).build().await;
    world.shop.add_variants("W-", count).await;
    let others: Vec<Value> = world
        .shop
        .variants
        .iter()
        .filter(|(sku, _)| !sku.starts_with("W-"))
        .map(|(_, id)| json!({ "id": id, "trackInventory": "FALSE" }))
        .collect();
    world.shop.change_variants(&json!(others)).await;
    for at in 0..count {
        world.sandbox.set_stock(&format!("W-{at}"), 20 + at);
    }
    let service = world.service_with_options(|options| options.inventory.max_drop_percent = 50);
    service.sync_stock().await;
    (world, service)
}

async fn on_hand(world: &World, sku: &str) -> i64 {
    world.shop.level(sku).await.on_hand
}

/// The runs started by webhooks: outcome, and the SKU of single-SKU runs.
async fn runs(world: &World) -> Vec<(String, Option<String>)> {
    sqlx::query_as(
        "select outcome, result ->> 'sku' from veracore_sync_run
         where job = 'sync_inventory' and origin = 'webhook' order by id",
    )
    .fetch_all(&world.tables)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_level_is_updated_at_once_to_what_veracore_reports() {
    let (world, service) = stocked("level_told", 3).await;
    let office = Office::of(&service, &world).await;
    world.sandbox.set_stock("W-0", 7);
    office
        .sender
        .deliver("inventory-update", &item("W-0", 1000))
        .await;
    office.work().await;
    assert_eq!(on_hand(&world, "W-0").await, 7);
    assert_eq!(runs(&world).await, [("done".into(), Some("W-0".into()))]);
    // An older snapshot, duplicates and unknown SKUs change nothing.
    let body = json!([item("W-0", 20), item("W-1", 1), item("NOBODY", 5)]);
    for _ in 0..3 {
        office.sender.deliver("inventory-update", &body).await;
    }
    office.work().await;
    assert_eq!(
        (on_hand(&world, "W-0").await, on_hand(&world, "W-1").await),
        (7, 21)
    );
    assert_eq!(states(&world).await, ["done"; 4]);
    assert!(webhooks(&world).await[1].3.contains("NOBODY"));
    let said = world.log_lines();
    assert!(said.iter().any(
        |line| line["message"] == "No product variant found for SKU" && line["sku"] == "NOBODY"
    ));
    world.assert_settled().await;
}

#[tokio::test]
async fn veracores_skus_are_mapped_to_the_shops() {
    let (world, _) = stocked("mapped_told", 2).await;
    world.sandbox.set_stock("VC-1", 5);
    let service = world.service_with_options(|options| {
        let sku = |text: &str| veracore_sync::domain::Sku::parse(text).unwrap();
        options.inventory.rules.skus.map = [(sku("W-0"), sku("VC-1"))].into();
    });
    let office = Office::of(&service, &world).await;
    office
        .sender
        .deliver("inventory-update", &item("VC-1", 5))
        .await;
    // A SKU that is mapped to another VeraCore SKU.
    office
        .sender
        .deliver("inventory-update", &item("W-0", 1))
        .await;
    office.work().await;
    assert_eq!(on_hand(&world, "W-0").await, 5);
    assert_eq!(states(&world).await, ["done"; 2]);
    world.assert_settled().await;
}

#[tokio::test]
async fn many_skus_start_one_full_run_at_most_every_ten_minutes() {
    let (world, service) = stocked("burst", 14).await;
    let office = Office::of(&service, &world).await;
    let change = |units: u32| {
        for at in 0..14 {
            world.sandbox.set_stock(&format!("W-{at}"), units + at);
        }
        let items: Vec<Value> = (0..14).map(|at| item(&format!("W-{at}"), units)).collect();
        json!(items)
    };
    office.sender.deliver("inventory-update", &change(30)).await;
    office.work().await;
    assert_eq!(on_hand(&world, "W-13").await, 43);
    assert_eq!(runs(&world).await, [("done".into(), None)]);
    for units in [31, 32] {
        office
            .sender
            .deliver("inventory-update", &change(units))
            .await;
        office.work().await;
    }
    assert_eq!(on_hand(&world, "W-13").await, 43, "not so soon");
    assert_eq!(states(&world).await, ["done", "waiting", "waiting"]);
    world.advance(TimeDelta::minutes(10));
    office.work().await;
    assert_eq!(on_hand(&world, "W-13").await, 45);
    assert_eq!(states(&world).await, ["done"; 3]);
    assert_eq!(webhooks(&world).await[1].2, 1, "waiting used up no attempt");
    assert_eq!(runs(&world).await.len(), 2);
    world.assert_settled().await;
}

#[tokio::test]
async fn many_single_zeros_are_quarantined_like_a_feed_of_zeros() {
    let (mut world, service) = stocked("zeros", 6).await;
    world.expect_error("stock feed is held");
    let office = Office::of(&service, &world).await;
    for at in 0..6 {
        world.sandbox.set_stock(&format!("W-{at}"), 0);
    }
    for at in 0..6 {
        office
            .sender
            .deliver("inventory-update", &item(&format!("W-{at}"), 0))
            .await;
        office.work().await;
        world.advance(TimeDelta::minutes(3));
    }
    world.advance(TimeDelta::minutes(20));
    office.work().await;
    for at in 0..6 {
        assert_eq!(on_hand(&world, &format!("W-{at}")).await, 20 + at);
    }
    assert_eq!(states(&world).await, ["done"; 6]);
    let held = runs(&world)
        .await
        .into_iter()
        .filter(|(outcome, _)| outcome == "held")
        .count();
    assert!((2..=3).contains(&held), "{held}");
    let events: i64 = sqlx::query_scalar(
        "select count(*) from veracore_event where event_type = 'inventory.held'",
    )
    .fetch_one(&world.tables)
    .await
    .unwrap();
    assert_eq!(events, i64::try_from(held).unwrap());
    world.assert_settled().await;
}

#[tokio::test]
async fn a_sold_out_sku_is_set_to_zero_by_a_full_run() {
    let (world, service) = stocked("sold_out", 4).await;
    let office = Office::of(&service, &world).await;
    world.sandbox.set_stock("W-2", 0);
    office
        .sender
        .deliver("inventory-update", &item("W-2", 0))
        .await;
    office.work().await;
    assert_eq!(on_hand(&world, "W-2").await, 0);
    let all: Vec<Option<String>> = runs(&world).await.into_iter().map(|run| run.1).collect();
    assert_eq!(all, [Some("W-2".to_owned()), None]);
    assert_eq!(states(&world).await, ["done"]);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_webhook_waits_for_a_run_in_progress() {
    let (world, service) = stocked("at_it", 2).await;
    let office = Office::of(&service, &world).await;
    world.sandbox.set_stock("W-0", 9);
    office
        .sender
        .deliver("inventory-update", &item("W-0", 9))
        .await;
    let what = [veracore_sync::ledger::LeaseKey::Job("sync_inventory")];
    let hold = world
        .ledger
        .acquire_lease(&what, std::time::Duration::from_secs(60))
        .await
        .unwrap()
        .unwrap();
    office.work().await;
    assert_eq!(
        (states(&world).await, webhooks(&world).await[0].2),
        (vec!["waiting".to_owned()], 0)
    );
    world.ledger.release_lease(&hold).await.unwrap();
    world.advance(TimeDelta::seconds(3));
    office.work().await;
    assert_eq!(on_hand(&world, "W-0").await, 9);
    assert_eq!(states(&world).await, ["done"]);
    world.assert_settled().await;
}
