//! An idle daemon queries its database rarely, but starts at once when another replica finds an order.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use veracore_sync::domain::{OrderCode, OrderRef, OrderState, ShopOrderId};

use crate::harness::{Daemon, EVENT_SECRET, PaidOrder, Receiver, World, until};

/// Much shorter than the slow poll interval.
const SOON: Duration = Duration::from_secs(15);

/// The statements so far, counted by their first words.
fn asked(daemon: &Daemon) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for line in daemon.lines() {
        if let Some(statement) = line["summary"].as_str() {
            *asked.entry(statement.to_owned()).or_default() += 1;
        }
    }
    asked
}

/// The statements within a period.
async fn asked_within(daemon: &Daemon, time: Duration) -> BTreeMap<String, usize> {
    let before = asked(daemon);
    sleep(time).await;
    let mut after = asked(daemon);
    for (statement, times) in &mut after {
        *times -= before.get(statement).copied().unwrap_or(0);
    }
    after.retain(|_, times| *times > 0);
    after
}

#[tokio::test]
async fn an_idle_daemon_runs_few_statements() {
    let world = World::named("idle").real_time().build().await;
    let receiver = Receiver::start().await;
    let daemon = world
        .daemon()
        .with("ORDER_POLL_INTERVAL_SECONDS", "10")
        .with("VENDURE_ORDER_NOTES", "true")
        .with("VERACORE_WEBHOOK_SECRET", "a webhook's secret")
        .with("EVENT_WEBHOOK_URL", &receiver.url())
        .with("EVENT_WEBHOOK_SECRET", EVENT_SECRET)
        .with("RUST_LOG", "info,sqlx::query=debug")
        .start()
        .await;
    until("it has come to rest", || async {
        let some = asked_within(&daemon, Duration::from_secs(3)).await;
        (some.values().sum::<usize>() <= 10).then_some(())
    })
    .await;
    let asked = asked_within(&daemon, Duration::from_secs(20)).await;
    let count: usize = asked.values().sum();
    println!("{count} statements in 20 s: {asked:#?}");
    // Two order polls and one scheduler tick, instead of five loops every second or two.
    assert!(count <= 30, "{count} statements in 20 s: {asked:#?}");
    daemon.stop().await;
    world.assert_settled().await;
}

/// Inserts the order as another replica does, and waits until the daemon sends it.
async fn found_by_another(world: &World, order: &PaidOrder) -> Duration {
    let order_ref = OrderRef {
        id: ShopOrderId::parse(order.id.clone()).unwrap(),
        code: OrderCode::parse(order.code.clone()).unwrap(),
        state: OrderState::parse("PaymentSettled").unwrap(),
        created_at: None,
        placed_at: None,
    };
    let start = Instant::now();
    world.ledger.backfill_orders(&[order_ref]).await.unwrap();
    timeout(SOON, world.wait_until_sent(&order.code))
        .await
        .expect("it is sent soon");
    start.elapsed()
}

async fn slow(world: &World) -> Daemon {
    let daemon = world
        .daemon()
        .with("ORDER_POLL_INTERVAL_SECONDS", "300")
        .start()
        .await;
    until("the first looks are over", || async {
        let listens: bool = sqlx::query_scalar(
            "select exists (select from pg_stat_activity
                 where datname = current_database() and query ilike 'listen %')
                 and exists (select from veracore_sync_run
                     where job = 'sweep_orders' and ended_at is not null)",
        )
        .fetch_one(&world.tables)
        .await
        .unwrap();
        listens.then_some(())
    })
    .await;
    daemon
}

#[tokio::test]
async fn another_replicas_order_is_sent_at_once_with_and_without_notifications() {
    let world = World::named("found_elsewhere").real_time().build().await;
    let daemon = slow(&world).await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let took = found_by_another(&world, &order).await;
    println!("sent after {took:?}");
    let ended: i64 = sqlx::query_scalar(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where datname = current_database() and query ilike 'listen %'",
    )
    .fetch_one(&world.tables)
    .await
    .unwrap();
    assert_eq!(ended, 1);
    let order = world.pay_order(&[("A-0", 1)]).await;
    let took = found_by_another(&world, &order).await;
    println!("sent after {took:?} without a notification");
    daemon.stop().await;
    world.assert_settled().await;
}
