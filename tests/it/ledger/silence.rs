//! A statement that is never answered: whoever asked is told, and the connection's place is free.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, timeout};
use veracore_sync::ledger::Ledger;

use super::order;
use crate::harness::{World, until};

#[tokio::test]
async fn a_statement_that_is_never_answered_is_given_up_and_so_is_its_connection() {
    let world = World::ledger_only("unanswered").await;
    let gate = world.gate();
    // One connection: were it kept, nothing more could be done.
    let ledger = Ledger::connect_lazily(gate.url(), 1, world.clock.clone()).unwrap();
    ledger.ping().await.unwrap();
    let mut other = PgConnection::connect(&world.url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("lock table veracore_order_sync")
        .execute(&mut *lock)
        .await
        .unwrap();
    let start = Instant::now();
    let orders = [order(1)];
    let asked = ledger.insert_discovered_orders(&orders, Duration::ZERO);
    let unanswered = async {
        until("it waits for the lock", || async {
            let waits: bool = sqlx::query_scalar(
                "select exists (select from pg_stat_activity where datname = current_database()
                     and application_name = 'veracore-sync' and wait_event_type = 'Lock')",
            )
            .fetch_one(&world.pool)
            .await
            .unwrap();
            waits.then_some(())
        })
        .await;
        gate.fall_silent();
        lock.rollback().await.unwrap();
    };
    let most = Duration::from_secs(50);
    let (asked, ()) = timeout(most, async { tokio::join!(asked, unanswered) })
        .await
        .expect("it is given up");
    let error = asked.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(error.to_string().contains("no response within"), "{error}");
    println!("given up after {:?}", start.elapsed());
    gate.speak_again();
    until("the ledger answers again", || async {
        ledger.ping().await.ok()
    })
    .await;
    // Whether Postgres did it all the same or not, it can be asked for again.
    ledger
        .insert_discovered_orders(&orders, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(
        ledger
            .insert_discovered_orders(&orders, Duration::ZERO)
            .await
            .unwrap(),
        0
    );
    ledger.close().await;
    world.assert_settled().await;
}

/// Whoever gives up while a transaction is being begun leaves a connection in one that nobody would
/// end: what others took for written would not be.
#[tokio::test]
async fn a_connection_that_was_given_up_at_the_beginning_of_a_transaction_is_not_used_again() {
    let world = World::ledger_only("given_up").await;
    let gate = world.gate();
    let ledger = Ledger::connect_lazily(gate.url(), 1, world.clock.clone()).unwrap();
    ledger.ping().await.unwrap();
    for taken_in in 1..=3_u32 {
        gate.fall_silent();
        let begins = ledger.backfill_orders(&[]);
        assert!(timeout(Duration::from_millis(300), begins).await.is_err());
        gate.speak_again();
        ledger
            .insert_discovered_orders(&[order(taken_in)], Duration::ZERO)
            .await
            .unwrap();
        let seen_by_others: i64 = sqlx::query_scalar("select count(*) from veracore_order_sync")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        assert_eq!(seen_by_others, i64::from(taken_in));
    }
    ledger.close().await;
    world.assert_settled().await;
}
