//! Statements without a response: the caller gets an error, and the connection is closed.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, timeout};
use veracore_sync::ledger::Ledger;

use super::order;
use crate::harness::{World, until};

#[tokio::test]
async fn a_statement_without_response_times_out_and_its_connection_is_closed() {
    let world = World::ledger_only("unanswered").await;
    let proxy = world.database_proxy();
    // A single connection: if the pool kept it, the next statement would hang.
    let ledger = Ledger::connect_lazily(proxy.url(), 1, world.clock.clone()).unwrap();
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
        proxy.stall();
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
    proxy.resume();
    until("the ledger answers again", || async {
        ledger.ping().await.ok()
    })
    .await;
    // The statement may have run anyway, and can be repeated.
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

/// A caller that is cancelled during `begin` leaves the connection in an open transaction, in which
/// later writes would be lost.
#[tokio::test]
async fn a_connection_whose_begin_was_cancelled_is_not_reused() {
    let world = World::ledger_only("given_up").await;
    let proxy = world.database_proxy();
    let ledger = Ledger::connect_lazily(proxy.url(), 1, world.clock.clone()).unwrap();
    ledger.ping().await.unwrap();
    for taken_in in 1..=3_u32 {
        proxy.stall();
        let begins = ledger.backfill_orders(&[]);
        assert!(timeout(Duration::from_millis(300), begins).await.is_err());
        proxy.resume();
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
