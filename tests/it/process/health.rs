//! `/healthz` and `/readyz`, while everything is well, without a database, and when it goes away
//! and comes back.

use std::net::SocketAddr;

use serde_json::Value;
use veracore_sync::domain::SyncStatus;

use crate::harness::{World, get, until};

async fn ready(address: SocketAddr) -> (u16, Value) {
    let (status, body) = get(&format!("http://{address}/readyz")).await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn healthy(address: SocketAddr) -> bool {
    get(&format!("http://{address}/healthz")).await.0 == 200
}

#[tokio::test]
async fn a_working_daemon_is_healthy_and_ready() {
    let world = World::named("ready").real_time().build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut daemon = world.daemon().start().await;
    let address = daemon.address().await;
    world.wait_until_sent(&order.code).await;
    assert!(healthy(address).await);
    let (status, body) = ready(address).await;
    assert_eq!(status, 200);
    assert_eq!(body["ready"], true);
    assert_eq!(body["vendure"]["state"], "up");
    assert_eq!(body["veracore"]["state"], "up");
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_daemon_without_its_database_is_healthy_but_not_ready_and_recovers() {
    let mut world = World::named("unready").real_time().build().await;
    world.expect_error("database");
    let proxy = world.database_proxy();
    let daemon = world.daemon().with("DATABASE_URL", proxy.url());
    let mut daemon = daemon.start().await;
    let address = daemon.address().await;
    assert_eq!(ready(address).await.0, 200);

    proxy.close();
    until("it is not ready", || async {
        let (status, body) = ready(address).await;
        (status == 503).then(|| assert_eq!(body["database"]["ok"], false))
    })
    .await;
    assert!(healthy(address).await);
    let order = world.pay_order(&[("A-0", 1)]).await;

    proxy.open();
    until("it is ready again", || async {
        (ready(address).await.0 == 200).then_some(())
    })
    .await;
    world.wait_until_sent(&order.code).await;
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_daemon_that_finds_no_database_waits_for_it() {
    let mut world = World::named("later").real_time().unmigrated().build().await;
    world.expect_error("database unavailable");
    let order = world.pay_order(&[("A-0", 1)]).await;
    let proxy = world.database_proxy();
    proxy.close();
    let daemon = world.daemon().with("DATABASE_URL", proxy.url());
    let mut daemon = daemon.spawn();
    let address = daemon.address().await;
    daemon.wait_for("database unavailable").await;
    assert!(healthy(address).await);
    assert_eq!(ready(address).await.0, 503);
    proxy.open();
    daemon.wait_for("VeraCore has the order").await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    daemon.stop().await;
    world.assert_settled().await;
}
