//! `POST /vendure-webhooks/order`: a hint that there may be new orders.

use std::time::Duration;

use veracore_sync::domain::SyncStatus;

use crate::harness::{Api, Credential, TOKEN, World, until};

#[tokio::test]
async fn a_burst_of_webhooks_is_one_poll() {
    let world = World::named("burst").real_time().build().await;
    let proxy = world.shop_proxy();
    let daemon = world.daemon().with("API_TOKEN", TOKEN);
    let daemon = daemon
        .with("VENDURE_API_URL", proxy.url())
        .with("ORDER_POLL_INTERVAL_SECONDS", "300");
    let mut daemon = daemon.start().await;
    let api = Api::new(daemon.address().await, Credential::token());
    // The first poll is over.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        world.record(&order.code).await.is_none(),
        "there is no automatic poll"
    );
    let before = proxy.posts();
    for _ in 0..50 {
        let answer = api.send_body("/vendure-webhooks/order", "whatever {").await;
        assert_eq!(answer.status, 202);
    }
    until("it arrives", || async {
        let record = world.record(&order.code).await?;
        (record.sync_status == SyncStatus::Success).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // One or two polls, the order itself, and possibly a sweep.
    let calls = proxy.posts() - before;
    assert!(calls <= 6, "{calls} calls to the shop for 50 webhooks");
    daemon.stop().await;
    world.assert_settled().await;
}
