//! A suspicious stock feed writes nothing, is quarantined, and can be accepted (I5).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use veracore_sync::{
    sandbox::{Fault, FaultKind},
    sync::inventory::InventoryRequest,
};

use crate::harness::{Service, World};

fn row(sku: &str, available: &Value) -> Value {
    json!({ "SKU": sku, "AvailableQuantity": available, "ReservedQuantity": 0, "OnHandQuantity": 0 })
}

/// Makes VeraCore return this body as its stock.
fn set_feed(world: &World, body: Value) {
    world.sandbox.clear_faults();
    let kind = FaultKind::Status {
        status: 200,
        body,
        headers: BTreeMap::new(),
        done: false,
    };
    world.sandbox.add_fault(Fault::on("/api/inventory", kind));
}

/// A shop that sells 40, 30 and 20 units of three SKUs, as VeraCore has them.
async fn stocked(name: &str) -> (World, Service) {
    let mut world = World::named(name).build().await;
    for (sku, on_hand) in [("A-0", 40), ("A-1", 30), ("A-2", 20)] {
        world.sandbox.set_stock(sku, on_hand);
    }
    let service = world.service_with_options(|options| options.inventory.max_drop_percent = 50);
    // Stock that only the shop has counts as on sale, too.
    let others: Vec<Value> = ["A-3", "GIFT-CARD", "GIFT-WRAP"]
        .iter()
        .map(|sku| json!({ "id": world.shop.variants[*sku], "trackInventory": "FALSE" }))
        .collect();
    world.shop.change_variants(&json!(others)).await;
    service.sync_stock().await;
    world.expect_error("stock feed is held");
    (world, service)
}

async fn levels(world: &World) -> Vec<i64> {
    let mut levels = Vec::new();
    for sku in ["A-0", "A-1", "A-2"] {
        levels.push(world.shop.level(sku).await.on_hand);
    }
    levels
}

async fn events(world: &World, kind: &str) -> i64 {
    sqlx::query_scalar("select count(*) from veracore_event where event_type = $1")
        .bind(kind)
        .fetch_one(&world.tables)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_suspicious_feed_writes_nothing_and_is_quarantined() {
    let (world, service) = stocked("strange").await;
    let strange = [
        ("empty", json!([])),
        (
            "bad_quantities",
            json!([row("A-0", &json!(5)), row("A-1", &json!(-1))]),
        ),
        (
            "bad_quantities",
            json!([row("A-0", &json!(5)), row("A-1", &json!(1.5))]),
        ),
        (
            "bad_quantities",
            json!([row("A-0", &json!(5)), row("A-1", &json!("7"))]),
        ),
        (
            "bad_quantities",
            json!([row("A-0", &json!(5)), row("A-1", &Value::Null)]),
        ),
        (
            "bad_quantities",
            json!([row("A-0", &json!(5)), row("A-1", &json!(100_000_001))]),
        ),
        (
            "contradictions",
            json!([
                row("A-0", &json!(5)),
                row("A-1", &json!(1)),
                row("A-1", &json!(2))
            ]),
        ),
        (
            "drop",
            json!([row("A-0", &json!(0)), row("A-1", &json!(0))]),
        ),
        ("unreadable", json!({ "Items": [], "NextPage": 7 })),
        ("unreadable", json!("no JSON at all")),
    ];
    for (at, (reason, body)) in strange.into_iter().enumerate() {
        set_feed(&world, body.clone());
        let (_, summary) = service.run_inventory(&InventoryRequest::default()).await;
        let held = serde_json::to_value(summary.quarantined.unwrap()).unwrap();
        assert_eq!(held["suspicions"][0]["reason"], reason, "{body}: {held}");
        assert_eq!(summary.counts.written, 0);
        assert_eq!(levels(&world).await, [40, 30, 20], "{body}");
        assert_eq!(
            events(&world, "inventory.held").await,
            i64::try_from(at).unwrap() + 1
        );
    }
    for kind in [
        FaultKind::Partial,
        FaultKind::DropAnswer,
        FaultKind::Html { done: true },
    ] {
        world.sandbox.clear_faults();
        world.sandbox.add_fault(Fault::on("/api/inventory", kind));
        let (_, summary) = service.run_inventory(&InventoryRequest::default()).await;
        assert!(
            summary
                .quarantine_reasons()
                .unwrap()
                .contains("could not be read")
        );
        assert_eq!(levels(&world).await, [40, 30, 20]);
    }
    // The feed is valid again, and the next run succeeds.
    world.sandbox.clear_faults();
    world.sandbox.set_stock("A-0", 41);
    service.sync_stock().await;
    assert_eq!(levels(&world).await, [41, 30, 20]);
    assert_eq!(events(&world, "inventory.completed").await, 2);
    world.assert_settled().await;
}

#[tokio::test]
async fn invalid_rows_do_not_stop_the_others() {
    let (world, service) = stocked("odd_rows").await;
    let odd = json!([
        row("A-0", &json!(39)), { "AvailableQuantity": 5 }, row(" ", &json!(5)), 7,
        row("A-1", &json!(30)), row("A-1", &json!(30)),
    ]);
    set_feed(&world, odd);
    let summary = service.sync_stock().await;
    assert_eq!((summary.rows, summary.unreadable), (6, 3));
    assert_eq!(levels(&world).await, [39, 30, 20]);
    world.assert_settled().await;
}

#[tokio::test]
async fn accepting_a_quarantined_feed_accepts_only_that_feed() {
    let (mut world, service) = stocked("accepted").await;
    for sku in ["A-0", "A-1"] {
        world.sandbox.set_stock(sku, 0);
    }
    let (held, _) = service.run_inventory(&InventoryRequest::default()).await;
    let held = held.to_string();
    let accept = ["sync", "inventory", "--accept-held", &held, "--json"];
    // The feed got worse meanwhile: quarantined again, under another number.
    world.sandbox.set_stock("A-2", 0);
    let again = world.cli(&accept).await;
    assert_eq!(again.status, 1);
    assert_eq!(levels(&world).await, [40, 30, 20]);
    world.sandbox.set_stock("A-2", 19);
    let applied = world.cli_json(&accept).await;
    assert_eq!(applied["written"], 3);
    assert_eq!(levels(&world).await, [0, 0, 19]);
    // A feed is accepted once, and only a quarantined one.
    let twice = world.cli(&accept).await;
    assert_eq!(twice.status, 1);
    assert!(
        twice.stderr.contains("already accepted"),
        "{}",
        twice.stderr
    );
    let run = applied["run"].to_string();
    let other = world
        .cli(&["sync", "inventory", "--accept-held", &run])
        .await;
    assert_eq!(other.status, 1);
    world.expect_error("error: ");
    world.assert_settled().await;
}

#[tokio::test]
async fn a_feed_of_many_pages_is_read_and_an_endless_one_refused() {
    let world = World::named("pages")
        .sandbox(|s| s.page_size = Some(2))
        .build()
        .await;
    for at in 0..4 {
        world.sandbox.set_stock(&format!("A-{at}"), 10 + at);
    }
    for at in 0..9 {
        world.sandbox.set_stock(&format!("X-{at}"), 1);
    }
    let service = world.service();
    let summary = service.sync_stock().await;
    assert_eq!((summary.rows, summary.unmatched_count), (13, 9));
    assert_eq!(world.shop.level("A-3").await.on_hand, 13);
    let base = world.sandbox.base_url();
    // Two pages that link to each other.
    for (page, every) in [(1, 2), (2, 1)] {
        let next = format!("{base}api/inventory?page={page}");
        let kind = FaultKind::Status {
            status: 200,
            body: json!({ "Items": [row("A-0", &json!(1))], "NextPage": next }),
            headers: BTreeMap::new(),
            done: false,
        };
        let fault = Fault::on("/api/inventory", kind).every(every);
        world.sandbox.add_fault(fault);
    }
    let (_, summary) = service.run_inventory(&InventoryRequest::default()).await;
    assert!(
        summary.quarantine_reasons().unwrap().contains("is endless"),
        "{:?}",
        summary.quarantine_reasons()
    );
    assert_eq!(world.shop.level("A-0").await.on_hand, 10);
    let mut world = world;
    world.expect_error("stock feed is held");
    world.assert_settled().await;
}
