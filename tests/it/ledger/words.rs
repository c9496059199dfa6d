//! What processes on one database tell each other.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use veracore_sync::{
    domain::NoticeKind,
    ledger::{Ledger, Topic},
};

use super::{claim, order};
use crate::harness::{LedgerWorld, World, until};

/// Far more than a word takes, and far less than the slow look that comes without one.
const SOON: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_secs(3600);
const QUICK: Duration = Duration::from_secs(1);

/// A ledger that listens for as long as the other part of this is held.
async fn listening(world: &LedgerWorld) -> (Ledger, tokio::task::JoinSet<()>) {
    let ledger = world.another_ledger(world.clock.clone());
    let mut ear = tokio::task::JoinSet::new();
    let listener = ledger.clone();
    ear.spawn(async move { listener.listen().await });
    heard(&ledger).await;
    // It looks once for what was told before.
    for word in [
        Topic::Orders,
        Topic::Events,
        Topic::Webhook(NoticeKind::Order),
    ] {
        told(&ledger, word).await;
    }
    (ledger, ear)
}

async fn heard(ledger: &Ledger) {
    until("words arrive", || async {
        ledger.is_listening().then_some(())
    })
    .await;
}

async fn told(ledger: &Ledger, word: Topic) {
    timeout(SOON, ledger.wait_for(word, NEVER))
        .await
        .unwrap_or_else(|_| panic!("nobody told of {word:?}"));
}

#[tokio::test]
async fn another_process_is_told_of_what_became_due() {
    let world = World::ledger_only("told").await;
    let (ledger, _ear) = listening(&world).await;
    assert!(ledger.poll_interval(QUICK) > SOON);
    world.ledger.backfill_orders(&[order(1)]).await.unwrap();
    told(&ledger, Topic::Orders).await;
    let claimed = claim(&world.ledger).await.unwrap();
    world.ledger.release_order(&claimed).await.unwrap();
    told(&ledger, Topic::Orders).await;
    // What is known already is no news: nobody is told.
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
async fn whoever_cannot_hear_looks_often_until_he_can() {
    let world = World::ledger_only("deaf").await;
    assert_eq!(world.ledger.poll_interval(QUICK), QUICK);
    let (ledger, _ear) = listening(&world).await;
    let ended: i64 = sqlx::query_scalar(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where datname = current_database() and query ilike 'listen %'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(ended, 1);
    // Who sleeps is woken, and looks often from then on.
    told(&ledger, Topic::Orders).await;
    heard(&ledger).await;
    // Woken again, since what was told meanwhile was not heard.
    told(&ledger, Topic::Orders).await;
    world.ledger.backfill_orders(&[order(1)]).await.unwrap();
    told(&ledger, Topic::Orders).await;
    ledger.close().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn what_a_command_raised_is_told_when_it_ends() {
    let world = World::ledger_only("unheeded").await;
    let (ledger, _ear) = listening(&world).await;
    let command = world.another_ledger(world.clock.clone());
    let data = serde_json::json!({ "upstream": "VeraCore" });
    let down = veracore_sync::ledger::UpstreamEvent::Down;
    command
        .record_upstream_event(down, "VeraCore", &data)
        .await
        .unwrap();
    command.close().await;
    told(&ledger, Topic::Events).await;
    ledger.close().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_connection_that_broke_is_not_used_again() {
    let world = World::ledger_only("broke").await;
    let ledger = Arc::new(world.another_ledger(world.clock.clone()));
    // Several connections, all of them used just now.
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
    until("they are gone", || async {
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
    // At most the first one finds out the hard way, and says what passes by itself.
    if let Err(error) = ledger.ping().await {
        assert!(error.is_unavailable(), "{error}");
    }
    for _ in 0..12 {
        ledger.ping().await.unwrap();
    }
    ledger.close().await;
    world.assert_settled().await;
}
