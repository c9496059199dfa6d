//! The shop is unavailable: at the first start, and later.

use serde_json::Value;
use veracore_sync::domain::SyncStatus;

use crate::harness::World;

const WAITING: &str = "Vendure does not answer as it should; retrying until it succeeds";
const BLIND: &str = "orders cannot be discovered";

#[tokio::test]
async fn an_order_placed_before_the_first_successful_sweep_is_not_an_existing_one() {
    let mut world = World::named("first_day")
        .real_time()
        .unmigrated()
        .build()
        .await;
    world.expect_error(WAITING);
    let old = world.pay_order(&[("A-0", 1)]).await;
    let proxy = world.shop_proxy();
    proxy.close();
    let daemon = world.daemon().with("VENDURE_API_URL", proxy.url());
    let mut daemon = daemon.with("ORDER_SYNC_EXISTING", "skip").spawn();
    daemon.wait_for(WAITING).await;
    let new = world.pay_order(&[("A-1", 1)]).await;
    proxy.open();
    daemon.wait_for("VeraCore has the order").await;
    assert_eq!(world.status(&new.code).await, SyncStatus::Success);
    assert_eq!(world.status(&old.code).await, SyncStatus::Skipped);
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn an_outage_of_the_shop_is_logged_once_and_ends_automatically() {
    let mut world = World::named("shop_away").real_time().build().await;
    world.expect_error(BLIND);
    // A sweep may be running.
    world.expect_error("the full order sweep failed");
    let proxy = world.shop_proxy();
    let daemon = world.daemon().with("VENDURE_API_URL", proxy.url());
    let mut daemon = daemon.start().await;
    let before = world.pay_order(&[("A-0", 1)]).await;
    world.wait_until_sent(&before.code).await;
    proxy.close();
    daemon.wait_for(BLIND).await;
    let meanwhile = world.pay_order(&[("A-1", 1)]).await;
    proxy.open();
    world.wait_until_sent(&meanwhile.code).await;
    let record = world.record(&meanwhile.code).await.unwrap();
    assert_eq!(record.retry_count, 0);
    let lines = daemon.lines();
    let words = |line: &Value| line["message"].as_str().unwrap().contains(BLIND);
    let errors = lines
        .iter()
        .filter(|line| line["level"] == "ERROR" && words(line));
    assert_eq!(errors.count(), 1, "an outage is logged once");
    daemon.stop().await;
    world.assert_settled().await;
}
