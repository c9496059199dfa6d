//! Insertion of discovered orders, and the baseline.

use chrono::TimeDelta;
use veracore_sync::{
    clock::Clock as _,
    domain::SyncStatus,
    ledger::{Baseline, OrderDisposition, SkipReason},
};

use super::*;
use crate::harness::World;

#[tokio::test]
async fn an_order_is_inserted_once_by_concurrent_sweeps() {
    let world = World::ledger_only("takein").await;
    let orders: Vec<_> = (1..=100).map(order).collect();
    let mut finders = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (replica, orders) = (world.another_ledger(world.clock.clone()), orders.clone());
        finders.spawn(async move {
            let taken = replica
                .insert_discovered_orders(&orders, Duration::ZERO)
                .await
                .unwrap();
            replica.close().await;
            taken
        });
    }
    let taken: u64 = finders.join_all().await.into_iter().sum();
    assert_eq!(taken, 100, "each was new to one sweep");
    // The same row twice in one page.
    assert_eq!(
        world
            .ledger
            .insert_discovered_orders(&[order(101), order(101)], Duration::ZERO)
            .await
            .unwrap(),
        1
    );
    let counts = world.ledger.count_by_status().await.unwrap();
    assert_eq!(counts[&SyncStatus::Pending], 101);
    world.assert_settled().await;
}

#[tokio::test]
async fn only_orders_that_left_the_trigger_states_are_requeued() {
    let world = World::ledger_only("revived").await;
    let reasons = [
        (SkipReason::LeftTriggerState, true),
        (SkipReason::Existing, false),
        (SkipReason::ShippingMethod, false),
        (SkipReason::SkipSkus, false),
        (SkipReason::Operator, false),
    ];
    for (id, (reason, revived)) in (1..).zip(reasons) {
        world
            .ledger
            .insert_discovered_orders(&[order(id)], Duration::ZERO)
            .await
            .unwrap();
        let claimed = claim(&world.ledger).await.unwrap();
        let next = OrderDisposition::Skipped {
            reason,
            message: "m".into(),
        };
        world
            .ledger
            .finish_order(&claimed, None, &next)
            .await
            .unwrap();
        let taken = world
            .ledger
            .insert_discovered_orders(&[order(id)], Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(taken, u64::from(revived), "{reason:?}");
        if revived {
            let again = claim(&world.ledger).await.unwrap();
            world
                .ledger
                .finish_order(
                    &again,
                    None,
                    &OrderDisposition::Cancelled {
                        message: "m".into(),
                    },
                )
                .await
                .unwrap();
        }
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn the_baseline_is_inserted_once_and_skips_only_old_orders() {
    let world = World::ledger_only("baseline").await;
    let started_at = world.clock.now();
    let orders = [
        placed(1, Some(started_at - TimeDelta::seconds(1))),
        placed(2, None),
        placed(3, Some(started_at + TimeDelta::seconds(1))),
    ];
    assert!(!world.ledger.has_baseline().await.unwrap());
    let skip = Baseline::Skip { started_at };
    let other = world.another_ledger(world.clock.clone());
    let (first, second) = tokio::join!(
        world.ledger.insert_baseline(&orders, skip, Duration::ZERO),
        other.insert_baseline(&orders, skip, Duration::ZERO),
    );
    let mut taken = [first.unwrap(), second.unwrap()];
    taken.sort_unstable();
    assert_eq!(taken, [None, Some((1, 2))], "one of the replicas was first");
    other.close().await;
    assert!(world.ledger.has_baseline().await.unwrap());
    let standing = world.ledger.known_statuses(&orders).await.unwrap();
    assert!(standing["1"].is_backfillable() && standing["2"].is_backfillable());
    assert!(standing["3"].status.is_in_progress());

    assert_eq!(world.ledger.backfill_orders(&orders[..1]).await.unwrap(), 1);
    let claimed = world.ledger.claim_due_orders(9, LEASE, None).await.unwrap();
    assert_eq!(claimed.len(), 2);
    for order in &claimed {
        let done = OrderDisposition::Acknowledged {
            provider_order_id: None,
        };
        world.ledger.finish_order(order, None, &done).await.unwrap();
    }
    assert_eq!(
        world.ledger.backfill_orders(&orders[..1]).await.unwrap(),
        0,
        "nothing is sent twice"
    );
    world.assert_settled().await;
}
