//! Credentials: refused ones park orders without using up their tries; API keys open the shop.

use veracore_sync::domain::{ErrorCategory, SyncStatus};

use crate::harness::{World, until, vendure_version};

#[tokio::test]
async fn refused_veracore_credentials_park_orders_until_they_are_right() {
    let mut world = World::named("parked").real_time().build().await;
    world.expect_error("VeraCore does not answer as it should");
    let order = world.pay_order(&[("A-0", 1)]).await;
    let daemon = world
        .daemon()
        .with("VERACORE_CLIENT_SECRET", "not this one");
    let daemon = daemon.with("ORDER_SYNC_MAX_ATTEMPTS", "2").start().await;
    until("it was tried four times", || async {
        world.record(&order.code).await?;
        (world.attempts(&order.code).await.len() >= 4).then_some(())
    })
    .await;
    daemon.stop().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(
        (record.sync_status, record.retry_count),
        (SyncStatus::Retrying, 0)
    );
    assert_eq!(record.error_category, Some(ErrorCategory::Auth));
    let message = record.error_message.unwrap();
    assert!(
        message.contains("VERACORE_CLIENT_ID and VERACORE_CLIENT_SECRET"),
        "{message}"
    );
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
async fn an_api_key_opens_the_shop() {
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
    let report = world.cli_with(&login, &["check", "--json"]).await.done();
    assert_eq!(report["ok"], true);
    let pass = world
        .cli_with(&login, &["sync", "orders", "--json"])
        .await
        .done();
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
