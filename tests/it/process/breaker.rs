//! An outage of VeraCore while the daemon is running (I12).

use serde_json::Value;
use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind},
};

use crate::harness::{World, get, until};

/// The number of events of a kind.
async fn events(world: &World, kind: &str) -> i64 {
    sqlx::query_scalar(
        "select count(*) from veracore_event where event_type = $1 and data ->> 'upstream' = 'VeraCore'",
    )
    .bind(kind)
    .fetch_one(&world.tables)
    .await
    .unwrap()
}

#[tokio::test]
async fn an_outage_parks_orders_is_reported_once_and_ends_automatically() {
    let mut world = World::named("outage_seen").real_time().build().await;
    world.expect_error("VeraCore is unavailable");
    let mut daemons = Vec::new();
    for _ in 0..2 {
        let daemon = world.daemon().with("VERACORE_RATE_LIMIT_PER_SECOND", "5");
        daemons.push(daemon.with("ORDER_SYNC_MAX_ATTEMPTS", "2").start().await);
    }
    let addresses = [daemons[0].address().await, daemons[1].address().await];
    world
        .sandbox
        .add_fault(Fault::on("/", FaultKind::DropRequest));
    let mut paid = world.pay_orders(6).await;
    // Each replica has its own circuit; all stay ready.
    until("the circuits open", async || {
        for address in addresses {
            let (status, body) = get(&format!("http://{address}/readyz")).await;
            let ends: Value = serde_json::from_str(&body).unwrap();
            if status != 200 || ends["veracore"]["circuit"] == "closed" {
                return None;
            }
        }
        Some(())
    })
    .await;
    until("the outage is reported", || async {
        (events(&world, "upstream.down").await == 1).then_some(())
    })
    .await;
    // Orders are still discovered, and VeraCore is called only by occasional probes.
    let asked = world.sandbox.requests().len();
    paid.extend(world.pay_orders(6).await);
    for order in &paid {
        until("it is found", || world.record(&order.code)).await;
    }
    let probes = world.sandbox.requests().len() - asked;
    assert!(probes <= 12, "{probes} calls during the outage");

    world.sandbox.clear_faults();
    world.sandbox.clear_requests();
    for order in &paid {
        until("it arrives", || async {
            (world.status(&order.code).await == SyncStatus::Success).then_some(())
        })
        .await;
        assert_eq!(world.record(&order.code).await.unwrap().retry_count, 0);
    }
    until("the recovery is reported", || async {
        (events(&world, "upstream.up").await == 1).then_some(())
    })
    .await;
    assert_eq!(events(&world, "upstream.down").await, 1);
    // The waiting orders are sent at the configured rate: two replicas, 5 a second each, bursts of 5.
    let requests = world.sandbox.requests();
    for (at, first) in requests.iter().enumerate() {
        let second = first.at + chrono::TimeDelta::seconds(1);
        let within = requests[at..].iter().filter(|r| r.at < second).count();
        assert!(within <= 2 * (5 + 5), "{within} calls in a second");
    }
    for daemon in daemons {
        daemon.stop().await;
    }
    world.assert_settled().await;
}
