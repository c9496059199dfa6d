//! `kill -9` at any time loses and duplicates nothing (I1, I11).

use std::time::Duration;

use tokio::time::sleep;
use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind, Work},
};

use crate::harness::{SeededRng, World, until};

const KILLS: u64 = 8;
const NEW_ORDERS: u32 = 5;

#[tokio::test]
async fn a_repeatedly_killed_daemon_sends_every_order_once() {
    let world = World::named("killed")
        .real_time()
        .unmigrated()
        .build()
        .await;
    let mut rng = SeededRng::from_env();
    println!("TEST_SEED={} repeats these moments", rng.seed);
    // Slow enough for kills during calls, before and after their execution.
    for (every, work) in [(2, Work::Before), (3, Work::After)] {
        let slow = FaultKind::Delay {
            milliseconds: 60,
            work,
        };
        world
            .sandbox
            .add_fault(Fault::on("/api/orders", slow).every(every));
    }
    let mut paid = Vec::new();
    for kill in 0..KILLS {
        let seen = world.sandbox.requests().len();
        // Each new order needs two calls: a lookup and a send.
        let calls = rng.below(u64::from(2 * NEW_ORDERS));
        let pause = Duration::from_millis(rng.below(80));
        println!("kill {kill}: after {calls} calls and {pause:?}");
        let mut daemon = world.daemon().spawn();
        let moment = async {
            until(
                &format!("kill {kill} comes after {calls} calls"),
                || async {
                    (world.sandbox.requests().len() as u64 >= seen as u64 + calls).then_some(())
                },
            )
            .await;
            // A random delay: there is no condition to wait for.
            sleep(pause).await;
            daemon.kill_9();
        };
        let (new, ()) = tokio::join!(world.pay_orders(NEW_ORDERS), moment);
        paid.extend(new);
    }
    // Expire the leases of the killed processes.
    sqlx::query("update veracore_order_sync set lease_until = now() where lease_until is not null")
        .execute(&world.tables)
        .await
        .unwrap();
    let daemon = world.daemon().start().await;
    until("every order is settled", || async {
        let counts = world.ledger.count_by_status().await.unwrap();
        (counts[&SyncStatus::Success] == paid.len() as u64).then_some(())
    })
    .await;
    daemon.stop().await;
    assert_eq!(world.sandbox.orders().len(), paid.len());
    for order in &paid {
        assert!(
            world.sandbox.order(&order.code).is_some(),
            "{} is lost",
            order.code
        );
    }
    world.assert_settled().await;
}
