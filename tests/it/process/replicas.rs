//! Several daemons on one database (I1): they start together, share the work, and take over from each
//! other.

use veracore_sync::domain::SyncStatus;

use crate::harness::{Daemon, World, until};

/// The number of orders that a daemon sent, by its log.
fn sent_by(daemon: &Daemon) -> usize {
    let lines = daemon.lines();
    let brought = lines
        .iter()
        .filter(|line| line["message"] == "VeraCore has the order");
    brought.count()
}

#[tokio::test]
async fn two_replicas_that_start_on_an_empty_database_send_each_order_once() {
    let world = World::named("replicas")
        .real_time()
        .unmigrated()
        .build()
        .await;
    let mut paid = world.pay_orders(14).await;
    let daemons = [world.daemon().spawn(), world.daemon().spawn()];
    paid.extend(world.pay_orders(14).await);
    until("every order is settled", || async {
        let counts = world.ledger.count_by_status().await.ok()?;
        (counts[&SyncStatus::Success] == paid.len() as u64).then_some(())
    })
    .await;
    assert_eq!(daemons.iter().map(sent_by).sum::<usize>(), paid.len());
    for daemon in daemons {
        daemon.stop().await;
    }
    assert_eq!(world.sandbox.orders().len(), paid.len());
    world.assert_settled().await;
}

#[tokio::test]
async fn five_replicas_start_at_once_on_an_empty_database() {
    let world = World::named("five").real_time().unmigrated().build().await;
    let mut daemons: Vec<Daemon> = (0..5).map(|_| world.daemon().spawn()).collect();
    for daemon in &mut daemons {
        daemon.wait_for("VeraCore sync started").await;
    }
    let order = world.pay_order(&[("A-0", 1)]).await;
    until("the order is settled", || async {
        let record = world.record(&order.code).await?;
        (record.sync_status == SyncStatus::Success).then_some(())
    })
    .await;
    for daemon in daemons {
        daemon.stop().await;
    }
    world.assert_settled().await;
}
