//! The one-off commands and their JSON.

use serde_json::json;
use veracore_sync::domain::SyncStatus;

use crate::harness::{Cart, World, ann};

#[tokio::test]
async fn orders_are_listed_shown_retried_and_skipped() {
    let world = World::named("orders").real_time().build().await;
    let good = world.pay_order(&[("A-0", 1)]).await;
    let mut address = ann();
    address["city"] = json!("");
    let bad = world.shop.pay(&Cart::of(&[("A-1", 1)]).to(address)).await;
    let pass = world.cli(&["sync", "orders", "--json"]).await;
    assert_eq!(pass.status, 1, "an order needs attention");
    assert_eq!(
        pass.json(),
        json!({ "takenIn": 2, "orders": { "success": 1, "error": 1 }, "unrecorded": 0 })
    );

    let listed = world.cli_json(&["orders", "list", "--json"]).await;
    assert_eq!(listed["orders"].as_array().unwrap().len(), 2);
    let listed = world
        .cli_json(&["orders", "list", "--status", "error", "--json"])
        .await;
    assert_eq!(listed["orders"].as_array().unwrap().len(), 1);
    assert_eq!(listed["orders"][0]["vendureOrderCode"], bad.code.as_str());
    assert_eq!(listed["orders"][0]["errorCategory"], "validation");

    let shown = world
        .cli_json(&["orders", "show", &good.code, "--json"])
        .await;
    assert_eq!(shown["order"]["syncStatus"], "success");
    assert_eq!(shown["order"]["veracoreOrderId"], "VC-100001");
    let kinds: Vec<_> = shown["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["kind"])
        .collect();
    assert_eq!(kinds, ["send"]);
    let text = world.cli(&["orders", "show", &bad.code]).await;
    assert!(
        text.stdout.contains("shippingAddress.city is missing"),
        "{}",
        text.stdout
    );
    let unknown = world
        .cli(&["orders", "show", "NOSUCHORDER", "--json"])
        .await;
    assert_eq!(unknown.status, 1);
    assert!(
        unknown.json()["error"]
            .as_str()
            .unwrap()
            .contains("NOSUCHORDER")
    );

    let retried = world
        .cli(&["orders", "retry", &bad.code, &good.code, "--json"])
        .await;
    assert_eq!(retried.status, 1, "VeraCore already has one of them");
    let done: Vec<_> = retried.json()["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["done"] == true)
        .collect();
    assert_eq!(done, [true, false]);
    assert_eq!(world.status(&bad.code).await, SyncStatus::Pending);
    world
        .cli_json(&["orders", "skip", &bad.code, "--json"])
        .await;
    let record = world.record(&bad.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Skipped);
    let pass = world.cli_json(&["sync", "orders", "--json"]).await;
    assert_eq!(
        pass,
        json!({ "takenIn": 0, "orders": {}, "unrecorded": 0 }),
        "it is taken out for good"
    );
    let wrong = world.cli(&["orders", "list", "--status", "lost"]).await;
    assert_eq!(wrong.status, 2, "{wrong:?}");
    world.assert_settled().await;
}

#[tokio::test]
async fn one_order_can_be_synced_alone() {
    let world = World::named("alone").real_time().build().await;
    let wanted = world.pay_order(&[("A-0", 1)]).await;
    let other = world.pay_order(&[("A-0", 1)]).await;
    let pass = world
        .cli_json(&["sync", "orders", "--order", &wanted.code, "--json"])
        .await;
    assert_eq!(pass["orders"], json!({ "success": 1 }));
    assert_eq!(world.status(&wanted.code).await, SyncStatus::Success);
    assert_eq!(world.status(&other.code).await, SyncStatus::Pending);
    world.assert_settled().await;
}

#[tokio::test]
async fn status_shows_counts_jobs_and_upstreams() {
    let world = World::named("status").real_time().build().await;
    world.pay_order(&[("A-0", 1)]).await;
    world.cli_json(&["sync", "orders", "--json"]).await;
    let status = world.cli_json(&["status", "--json"]).await;
    assert_eq!(status["orders"]["success"], 1);
    assert_eq!(status["orders"]["error"], 0);
    assert_eq!(status["jobs"][0]["job"], "sweep_orders");
    assert_eq!(status["jobs"][0]["lastRun"]["outcome"], "done");
    assert_eq!(status["vendure"]["ok"], true);
    assert_eq!(status["veracore"]["ok"], true);
    let unreachable = [("VERACORE_API_URL", "http://127.0.0.1:1")];
    let status = world
        .cli_with(&unreachable, &["status", "--json"])
        .await
        .success_json();
    assert_eq!(status["veracore"]["ok"], false);
    assert_eq!(status["vendure"]["ok"], true);
    world.assert_settled().await;
}

#[tokio::test]
async fn config_show_masks_secrets_and_shows_the_origin_of_values() {
    let world = World::named("config").real_time().build().await;
    let shown = world.cli(&["config", "show", "--json"]).await;
    let settings = shown.success_json();
    let setting = |key: &str| {
        let all = settings["settings"].as_array().unwrap();
        let found = all.iter().find(|s| s["key"] == key).unwrap();
        (found["value"].clone(), found["origin"].clone())
    };
    assert_eq!(
        setting("VERACORE_TIMEOUT_SECONDS"),
        (json!("1"), json!("environment"))
    );
    assert_eq!(
        setting("ORDER_SYNC_MAX_ATTEMPTS"),
        (json!("10"), json!("default"))
    );
    assert_eq!(setting("VERACORE_CLIENT_SECRET").0, json!("********"));
    let all = settings["settings"].as_array().unwrap();
    assert!(all.iter().all(|setting| setting["meaning"] != ""));
    assert_eq!(setting("VENDURE_PASSWORD").0, json!("********"));
    for secret in [world.shop.password.as_str(), "sandbox-secret"] {
        assert!(!shown.stdout.contains(secret) && !shown.stderr.contains(secret));
    }
    world.assert_settled().await;
}
