//! Credentials: refused ones park orders without using up attempts, and an API key works for the shop.

use veracore_sync::domain::SyncStatus;

use crate::harness::{World, get, until, vendure_version};

const REFUSED: &str = "VeraCore refuses our credentials";

#[tokio::test]
async fn refused_veracore_credentials_park_orders_until_they_are_corrected() {
    let mut world = World::named("parked").real_time().build().await;
    world.expect_error(REFUSED);
    let order = world.pay_order(&[("A-0", 1)]).await;
    let daemon = world
        .daemon()
        .with("VERACORE_CLIENT_SECRET", "not this one");
    let mut daemon = daemon.with("ORDER_SYNC_MAX_ATTEMPTS", "2").start().await;
    let address = daemon.address().await;
    until("the order is found, and the refusal known", || async {
        world.record(&order.code).await?;
        let (status, body) = get(&format!("http://{address}/readyz")).await;
        let ends: serde_json::Value = serde_json::from_str(&body).unwrap();
        // An unavailable upstream does not make the daemon unready.
        (status == 200 && ends["veracore"]["circuit"] == "open").then_some(())
    })
    .await;
    let another = world.pay_order(&[("A-1", 1)]).await;
    until("another one is found", || world.record(&another.code)).await;
    let lines = daemon.lines();
    daemon.stop().await;
    let errors = lines.iter().filter(|line| {
        line["level"] == "ERROR" && line["message"].as_str().unwrap().contains(REFUSED)
    });
    assert_eq!(errors.count(), 1, "it is logged once, as an error");
    assert_eq!(world.sandbox.requests().len(), 1, "and not called again");
    for order in [&order, &another] {
        let record = world.record(&order.code).await.unwrap();
        assert_eq!(
            (record.sync_status, record.retry_count),
            (SyncStatus::Pending, 0)
        );
    }
    assert!(world.sandbox.orders().is_empty());

    let daemon = world.daemon().start().await;
    until("it arrives", || async {
        (world.status(&order.code).await == SyncStatus::Success).then_some(())
    })
    .await;
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn an_api_key_works_for_the_shop() {
    if vendure_version().starts_with("3.4.") {
        println!("Vendure {} has no API keys", vendure_version());
        return;
    }
    let world = World::named("api_key").real_time().build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let key = world.shop.make_api_key().await;
    let login = [
        ("VENDURE_API_KEY", key.as_str()),
        ("VENDURE_USERNAME", ""),
        ("VENDURE_PASSWORD", ""),
    ];
    let report = world
        .cli_with(&login, &["check", "--json"])
        .await
        .success_json();
    assert_eq!(report["ok"], true);
    let pass = world
        .cli_with(&login, &["sync", "orders", "--json"])
        .await
        .success_json();
    assert_eq!(pass["orders"]["success"], 1);
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    let wrong = format!("0000{}", &key[4..]);
    let wrong = [("VENDURE_API_KEY", wrong.as_str()), login[1], login[2]];
    let report = world.cli_with(&wrong, &["check", "--json"]).await;
    assert_eq!(report.status, 1);
    assert!(
        report.stdout.contains("VENDURE_API_KEY"),
        "{}",
        report.stdout
    );
    world.assert_settled().await;
}
