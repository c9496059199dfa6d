//! The log: nothing while idle, and each line names its order and its run.

use chrono::TimeDelta;
use serde_json::Value;

use crate::harness::{World, until};

/// The number of completed sweeps.
async fn sweeps(world: &World) -> i64 {
    sqlx::query_scalar(
        "select count(*) from veracore_sync_run where job = 'sweep_orders' and ended_at is not null",
    )
    .fetch_one(&world.tables)
    .await
    .unwrap()
}

#[tokio::test]
async fn an_idle_daemon_logs_nothing_and_each_line_about_an_order_names_it() {
    let world = World::named("quiet").real_time().build().await;
    let daemon = world.daemon().with("ORDER_SWEEP_INTERVAL_SECONDS", "1");
    // No job is due meanwhile, at any time of day.
    let far = world.clock.now() + TimeDelta::hours(12);
    let far = far.format("%H:%M").to_string();
    let daemon = daemon
        .with("SYNC_TIMEZONE", "UTC")
        .with("SYNC_INVENTORY_TIME", &far);
    let daemon = daemon.start().await;
    let first = until("the first sweep", || async {
        let n = sweeps(&world).await;
        (n > 0).then_some(n)
    })
    .await;
    let at_start = daemon.lines();
    until("three more sweeps, and as many looks", || async {
        (sweeps(&world).await >= first + 3).then_some(())
    })
    .await;
    assert_eq!(daemon.lines(), at_start, "an idle daemon logs something");

    let order = world.pay_order(&[("A-0", 1)]).await;
    world.wait_until_sent(&order.code).await;
    let lines = daemon.lines();
    let of_order: Vec<&Value> = lines.iter().filter(|l| l["order"] == *order.code).collect();
    assert_eq!(of_order.len(), 1, "{of_order:?}");
    assert_eq!(of_order[0]["message"], "VeraCore has the order");
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn calls_and_runs_are_identified_by_fields() {
    let world = World::named("fields").real_time().build().await;
    let orders = world.pay_orders(2).await;
    let debug = [("LOG_LEVEL", "debug")];
    let output = world.cli_with(&debug, &["sync", "orders", "--json"]).await;
    output.success_json();
    let lines: Vec<Value> = output
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for order in &orders {
        // Including lines of lower layers, which do not know the order.
        let calls = lines.iter().filter(|line| {
            line["order"] == *order.code && line["upstream"] == "VeraCore" && line["run"].is_null()
        });
        assert!(calls.count() >= 2, "a lookup and a send: {lines:#?}");
    }
    let swept = lines.iter().find(|line| line["job"] == "sweep_orders");
    assert!(swept.unwrap()["run"].is_i64(), "{swept:?}");
    let pretty = [("LOG_FORMAT", "pretty")];
    let again = world.pay_order(&[("A-0", 1)]).await;
    let output = world.cli_with(&pretty, &["sync", "orders"]).await;
    let line = format!(
        " INFO VeraCore has the order order={} veracore_order=VC-100003",
        again.code
    );
    let found = output.stderr.lines().find(|found| found.ends_with(&line));
    assert!(found.is_some(), "{}", output.stderr);
    assert!(!output.stderr.contains('\u{1b}'));
    world.assert_settled().await;
}
