//! Leases on orders and names, and lost leases.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use veracore_sync::{
    domain::{SyncStatus, VariantId},
    ledger::{LeaseKey, LedgerError, OrderDisposition},
};

use super::*;
use crate::harness::World;

fn acknowledged() -> OrderDisposition {
    OrderDisposition::Acknowledged {
        provider_order_id: None,
    }
}

#[tokio::test]
async fn an_order_is_claimed_once_however_many_try() {
    let world = World::ledger_only("claims").await;
    let orders: Vec<_> = (1..=60).map(order).collect();
    world
        .ledger
        .insert_discovered_orders(&orders, Duration::ZERO)
        .await
        .unwrap();
    let replicas: Vec<_> = (0..4)
        .map(|_| world.another_ledger(world.clock.clone()))
        .collect();
    let mut seen = BTreeSet::new();
    let mut claims = tokio::task::JoinSet::new();
    for replica in replicas {
        claims.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let some = replica.claim_due_orders(3, LEASE, None).await.unwrap();
                if some.is_empty() {
                    return (replica, mine);
                }
                mine.extend(some);
            }
        });
    }
    while let Some(done) = claims.join_next().await {
        let (replica, mine) = done.unwrap();
        for claimed in mine {
            assert!(
                seen.insert(claimed.code.to_string()),
                "{} was claimed twice",
                claimed.code
            );
            replica
                .finish_order(&claimed, None, &acknowledged())
                .await
                .unwrap();
        }
        replica.close().await;
    }
    assert_eq!(seen.len(), 60);
    world.assert_settled().await;
}

#[tokio::test]
async fn an_expired_lease_is_taken_over_and_its_holder_changes_nothing() {
    let world = World::ledger_only("takeover").await;
    let crashed = claimed(&world.ledger).await;
    assert_eq!(claim(&world.ledger).await, None, "it is leased");
    world.clock.advance(TimeDelta::seconds(59));
    assert_eq!(claim(&world.ledger).await, None, "it is still leased");
    world.clock.advance(TimeDelta::seconds(1));
    let next = claim(&world.ledger).await.unwrap();
    assert_eq!(next.code, crashed.code);

    let sent = world
        .ledger
        .record_send_intent(&crashed, &intent(), LEASE)
        .await;
    assert!(
        matches!(sent, Err(LedgerError::LeaseLost { .. })),
        "nothing may be sent: {sent:?}"
    );
    let given_up = OrderDisposition::Cancelled {
        message: "m".into(),
    };
    let finished = world.ledger.finish_order(&crashed, None, &given_up).await;
    assert!(
        matches!(finished, Err(LedgerError::LeaseLost { .. })),
        "{finished:?}"
    );
    world.ledger.release_order(&crashed).await.unwrap();
    let record = world.ledger.order(&next.code).await.unwrap().unwrap();
    assert_eq!(
        record.sync_status,
        SyncStatus::Syncing,
        "the next's lease is untouched"
    );

    world
        .ledger
        .finish_order(&next, None, &acknowledged())
        .await
        .unwrap();
    world.assert_settled().await;
}

#[tokio::test]
async fn nothing_is_sent_under_an_expired_lease() {
    let world = World::ledger_only("ranout").await;
    let late = claimed(&world.ledger).await;
    world.clock.advance(TimeDelta::seconds(60));
    let sent = world
        .ledger
        .record_send_intent(&late, &intent(), LEASE)
        .await;
    assert!(
        matches!(sent, Err(LedgerError::LeaseLost { .. })),
        "{sent:?}"
    );
    let next = claim(&world.ledger).await.unwrap();
    assert_eq!(next.sent_at, None, "no intent was recorded");
    world
        .ledger
        .finish_order(&next, None, &acknowledged())
        .await
        .unwrap();
    world.assert_settled().await;
}

#[tokio::test]
async fn an_intent_survives_the_death_of_its_process() {
    let world = World::ledger_only("intent").await;
    let first = claimed(&world.ledger).await;
    assert!(!first.sent_before);
    world
        .ledger
        .record_send_intent(&first, &intent(), LEASE)
        .await
        .unwrap();
    // The process dies here. The intent has extended the lease.
    world.clock.advance(TimeDelta::seconds(60));
    let next = claim(&world.ledger).await.unwrap();
    assert!(next.sent_at.is_some() && next.sent_before);
    world.ledger.release_order(&next).await.unwrap();
    let record = world.ledger.order(&next.code).await.unwrap().unwrap();
    assert_eq!(record.sync_status, SyncStatus::InDoubt);
    let attempts = world.ledger.attempts(next.id).await.unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(
        (attempts[0].kind.as_str(), attempts[0].ended_at),
        ("send", None)
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn only_due_orders_are_claimed_and_the_longest_due_first() {
    let world = World::ledger_only("due").await;
    world
        .ledger
        .insert_discovered_orders(&[order(1)], Duration::from_secs(100))
        .await
        .unwrap();
    world
        .ledger
        .insert_discovered_orders(&[order(2)], Duration::from_secs(50))
        .await
        .unwrap();
    assert_eq!(claim(&world.ledger).await, None);
    let backlog = world.ledger.backlog().await.unwrap();
    assert_eq!(backlog.due, 0);
    assert!(backlog.next_due_at.is_some());
    world.clock.advance(TimeDelta::seconds(100));
    assert_eq!(world.ledger.backlog().await.unwrap().due, 2);
    let two = world.ledger.claim_due_orders(2, LEASE, None).await.unwrap();
    let mut ids: Vec<i64> = two.iter().map(|claimed| claimed.id).collect();
    ids.sort_unstable();
    assert_eq!(ids.len(), 2);
    for claimed in &two {
        world.ledger.release_order(claimed).await.unwrap();
        let record = world.ledger.order(&claimed.code).await.unwrap().unwrap();
        assert_eq!(
            record.sync_status,
            SyncStatus::Pending,
            "given back untouched"
        );
    }
    let first = claim(&world.ledger).await.unwrap();
    assert_eq!(first.code, code(2));
    world.ledger.release_order(&first).await.unwrap();
    let only = world
        .ledger
        .claim_due_orders(9, LEASE, Some(&code(1)))
        .await
        .unwrap();
    assert_eq!(
        only.iter().map(|c| c.code.clone()).collect::<Vec<_>>(),
        [code(1)]
    );
    world.ledger.release_order(&only[0]).await.unwrap();
    world.assert_settled().await;
}

#[tokio::test]
async fn an_acknowledgement_needs_no_lease() {
    let world = World::ledger_only("late").await;
    let slow = claimed(&world.ledger).await;
    world
        .ledger
        .record_send_intent(&slow, &intent(), LEASE)
        .await
        .unwrap();
    world.clock.advance(TimeDelta::seconds(60));
    let next = claim(&world.ledger).await.unwrap();
    world
        .ledger
        .finish_order(&slow, None, &acknowledged())
        .await
        .unwrap();
    let sent = world
        .ledger
        .record_send_intent(&next, &intent(), LEASE)
        .await;
    assert!(
        matches!(sent, Err(LedgerError::LeaseLost { .. })),
        "nothing is sent twice: {sent:?}"
    );
    let finished = world
        .ledger
        .finish_order(
            &next,
            None,
            &OrderDisposition::Postponed {
                at: next.lease_until,
            },
        )
        .await;
    assert!(
        matches!(finished, Err(LedgerError::LeaseLost { .. })),
        "{finished:?}"
    );
    let record = world.ledger.order(&next.code).await.unwrap().unwrap();
    assert_eq!(
        (record.sync_status, record.in_doubt_since),
        (SyncStatus::Success, None)
    );
    world.assert_settled().await;
}

/// Leases on several names are acquired, renewed and released concurrently, in any order.
#[tokio::test(flavor = "multi_thread")]
async fn overlapping_leases_never_deadlock() {
    let world = World::ledger_only("holds").await;
    let variants: Vec<VariantId> = (0..6)
        .map(|at| VariantId::parse(format!("{at}")).unwrap())
        .collect();
    let mut working = tokio::task::JoinSet::new();
    for worker in 0..8_usize {
        let ledger = world.ledger.clone();
        let variants = variants.clone();
        working.spawn(async move {
            let mut held = 0;
            for round in 0..60_usize {
                // Another three names each time, in another order.
                let mut some: Vec<&VariantId> = variants.iter().collect();
                some.rotate_left((worker * 7 + round * 5) % 6);
                if round % 2 == 0 {
                    some.reverse();
                }
                let some: Vec<LeaseKey<'_>> =
                    some[..3].iter().map(|v| LeaseKey::Stock(v)).collect();
                if let Some(hold) = ledger.acquire_lease(&some, LEASE).await.unwrap() {
                    assert!(ledger.renew_lease(&hold, LEASE).await.unwrap());
                    ledger.release_lease(&hold).await.unwrap();
                    held += 1;
                }
                ledger.delete_expired_leases().await.unwrap();
            }
            held
        });
    }
    let held: Vec<u32> = working.join_all().await;
    assert!(held.iter().all(|held| *held > 0), "{held:?}");
    world.assert_settled().await;
}
