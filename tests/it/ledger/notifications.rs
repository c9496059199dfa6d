//! Notifications between processes on one database.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use veracore_sync::{
    domain::NoticeKind,
    ledger::{Ledger, Topic},
};

use super::{claim, order};
use crate::harness::{LedgerWorld, World, until};

/// Much longer than a notification takes, and much shorter than the poll interval.
const SOON: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_secs(3600);
const QUICK: Duration = Duration::from_secs(1);

/// A ledger that listens until the returned task set is dropped.
async fn listening(world: &LedgerWorld) -> (Ledger, tokio::task::JoinSet<()>) {
    let ledger = world.another_ledger(world.clock.clone());
    let mut listeners = tokio::task::JoinSet::new();
    let listener = ledger.clone();
    listeners.spawn(async move { listener.listen().await });
    is_listening(&ledger).await;
    // The start wakes every waiter once.
    for topic in [
        Topic::Orders,
        Topic::Events,
        Topic::Webhook(NoticeKind::Order),
    ] {
        notified(&ledger, topic).await;
    }
    (ledger, listeners)
}

async fn is_listening(ledger: &Ledger) {
    until("notifications arrive", || async {
        ledger.is_listening().then_some(())
    })
    .await;
}

async fn notified(ledger: &Ledger, topic: Topic) {
    timeout(SOON, ledger.wait_for(topic, NEVER))
        .await
        .unwrap_or_else(|_| panic!("no notification of {topic:?}"));
}

#[tokio::test]
async fn another_process_is_notified_of_due_orders() {
    let world = World::ledger_only("notified_orders").await;
    let (ledger, _listeners) = listening(&world).await;
    assert!(ledger.poll_interval(QUICK) > SOON);
    world.ledger.backfill_orders(&[order(1)]).await.unwrap();
    notified(&ledger, Topic::Orders).await;
    let claimed = claim(&world.ledger).await.unwrap();
    world.ledger.release_order(&claimed).await.unwrap();
    notified(&ledger, Topic::Orders).await;
    // Without a change there is no notification.
    while timeout(QUICK, ledger.wait_for(Topic::Orders, NEVER))
        .await
        .is_ok()
    {}
    world.ledger.backfill_orders(&[order(1)]).await.unwrap();
    assert!(
        timeout(QUICK, ledger.wait_for(Topic::Orders, NEVER))
            .await
            .is_err()
    );
    ledger.close().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_ledger_polls_often_while_notifications_do_not_arrive() {
    let world = World::ledger_only("deaf").await;
    assert_eq!(world.ledger.poll_interval(QUICK), QUICK);
    let (ledger, _listeners) = listening(&world).await;
    let ended: i64 = sqlx::query_scalar(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where datname = current_database() and query ilike 'listen %'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(ended, 1);
    // The lost connection wakes the waiters, and they poll often.
    notified(&ledger, Topic::Orders).await;
    is_listening(&ledger).await;
    // The new connection wakes them again: notifications in between were lost.
    notified(&ledger, Topic::Orders).await;
    world.ledger.backfill_orders(&[order(1)]).await.unwrap();
    notified(&ledger, Topic::Orders).await;
    ledger.close().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn events_of_a_command_are_published_when_it_ends() {
    let world = World::ledger_only("unheeded").await;
    let (ledger, _listeners) = listening(&world).await;
    let command = world.another_ledger(world.clock.clone());
    let data = serde_json::json!({ "upstream": "VeraCore" });
    let down = veracore_sync::ledger::UpstreamEvent::Down;
    command
        .record_upstream_event(down, "VeraCore", &data)
        .await
        .unwrap();
    command.close().await;
    notified(&ledger, Topic::Events).await;
    ledger.close().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_broken_connection_is_not_reused() {
    let world = World::ledger_only("broke").await;
    let ledger = Arc::new(world.another_ledger(world.clock.clone()));
    // Several connections, all used recently.
    let pings = (0..6).map(|_| {
        let ledger = Arc::clone(&ledger);
        async move { ledger.ping().await.unwrap() }
    });
    let mut all = tokio::task::JoinSet::new();
    pings.for_each(|ping| {
        all.spawn(ping);
    });
    all.join_all().await;
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'veracore-sync'",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    until("the connections are gone", || async {
        let left: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and application_name = 'veracore-sync'",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        (left == 0).then_some(())
    })
    .await;
    // At most the first statement fails, with a transient error.
    if let Err(error) = ledger.ping().await {
        assert!(error.is_unavailable(), "{error}");
    }
    for _ in 0..12 {
        ledger.ping().await.unwrap();
    }
    ledger.close().await;
    world.assert_settled().await;
}
