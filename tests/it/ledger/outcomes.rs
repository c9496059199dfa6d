//! The rows that each outcome writes.

use chrono::TimeDelta;
use veracore_sync::{
    clock::Clock as _,
    domain::{ErrorCategory, ProviderOrderId, SyncStatus},
    ledger::{
        AttemptEnd, AttemptKind, AttemptRecord, FailureReason, OrderDisposition, SkipReason,
        SyncRecord,
    },
};

use super::*;
use crate::harness::{LedgerWorld, World};

fn note() -> FailureReason {
    FailureReason {
        category: ErrorCategory::Upstream,
        message: "it broke".into(),
    }
}

/// Finishes order 1 and returns its record.
async fn after(world: &LedgerWorld, order: &ClaimedOrder, next: OrderDisposition) -> SyncRecord {
    world.ledger.finish_order(order, None, &next).await.unwrap();
    world.ledger.order(&order.code).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_counted_failure_counts_and_a_parked_one_does_not() {
    let world = World::ledger_only("counts").await;
    let mut order = claimed(&world.ledger).await;
    let plan = [
        (true, 1, 0),
        (true, 2, 0),
        (false, 2, 1),
        (false, 2, 2),
        (true, 3, 0),
    ];
    for (counted, retries, parked) in plan {
        let at = world.clock.now() + TimeDelta::seconds(10);
        let record = after(
            &world,
            &order,
            OrderDisposition::Retry {
                at,
                counted,
                failure: note(),
            },
        )
        .await;
        assert_eq!(record.sync_status, SyncStatus::Retrying);
        assert_eq!(record.next_attempt, Some(at));
        assert_eq!(claim(&world.ledger).await, None, "it is not due yet");
        world.clock.advance(TimeDelta::seconds(10));
        order = claim(&world.ledger).await.unwrap();
        assert_eq!((order.retry_count, order.parked_count), (retries, parked));
    }
    let id = ProviderOrderId::parse("VC-1").unwrap();
    let record = after(
        &world,
        &order,
        OrderDisposition::Acknowledged {
            provider_order_id: Some(id),
        },
    )
    .await;
    assert_eq!(record.sync_status, SyncStatus::Success);
    assert_eq!(record.veracore_order_id.as_deref(), Some("VC-1"));
    assert_eq!(record.last_successful_sync, Some(world.clock.now()));
    assert_eq!(
        (
            record.error_category,
            record.error_message,
            record.next_attempt
        ),
        (None, None, None)
    );
    assert_eq!(claim(&world.ledger).await, None);
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_stays_in_doubt_until_a_lookup_settles_it() {
    let world = World::ledger_only("doubt").await;
    let order = claimed(&world.ledger).await;
    let attempt = world
        .ledger
        .record_send_intent(&order, &intent(), LEASE)
        .await
        .unwrap();
    let sent_at = world.clock.now();
    let at = sent_at + TimeDelta::seconds(5);
    let end = AttemptEnd {
        message: Some("timed out".into()),
        ..AttemptEnd::without_error("unknown")
    };
    let doubt = OrderDisposition::InDoubt {
        at,
        missing_at: None,
        counted: true,
        failure: Some(note()),
    };
    world
        .ledger
        .finish_order(&order, Some(&AttemptRecord::End(attempt, end)), &doubt)
        .await
        .unwrap();

    world.clock.advance(TimeDelta::seconds(5));
    let order = claim(&world.ledger).await.unwrap();
    assert_eq!(
        (order.sent_at, order.missing_at, order.retry_count),
        (Some(sent_at), None, 1)
    );
    let missing_at = Some(world.clock.now());
    let again = OrderDisposition::InDoubt {
        at,
        missing_at,
        counted: false,
        failure: None,
    };
    after(&world, &order, again).await;
    let order = claim(&world.ledger).await.unwrap();
    assert_eq!(
        (order.sent_at, order.missing_at, order.retry_count),
        (Some(sent_at), missing_at, 1)
    );
    let unclear = OrderDisposition::StillInDoubt {
        at,
        failure: note(),
    };
    let record = after(&world, &order, unclear).await;
    assert_eq!(record.in_doubt_since, Some(sent_at));
    let order = claim(&world.ledger).await.unwrap();
    assert_eq!((order.missing_at, order.parked_count), (missing_at, 1));
    // After a new intent, the order is in doubt again.
    world.clock.advance(TimeDelta::seconds(1));
    world
        .ledger
        .record_send_intent(&order, &intent(), LEASE)
        .await
        .unwrap();
    let record = after(&world, &order, OrderDisposition::Failed { failure: note() }).await;
    assert_eq!(
        (record.sync_status, record.in_doubt_since),
        (SyncStatus::Error, None)
    );
    let kinds: Vec<_> = world.ledger.attempts(order.id).await.unwrap();
    let recorded: Vec<_> = kinds
        .iter()
        .map(|a| (a.kind.as_str(), a.outcome.as_deref()))
        .collect();
    assert_eq!(recorded, [("send", Some("unknown")), ("send", None)]);
    world.assert_settled().await;
}

#[tokio::test]
async fn skipped_and_cancelled_orders_have_a_reason() {
    let world = World::ledger_only("skipped").await;
    let order = claimed(&world.ledger).await;
    let skipped = OrderDisposition::Skipped {
        reason: SkipReason::ShippingMethod,
        message: "by air".into(),
    };
    let record = after(&world, &order, skipped).await;
    assert_eq!(record.sync_status, SyncStatus::Skipped);
    assert_eq!(record.skip_reason.as_deref(), Some("shipping_method"));
    assert_eq!(record.error_message.as_deref(), Some("by air"));
    assert_eq!(record.error_category, None);
    let counts = world.ledger.count_by_status().await.unwrap();
    assert_eq!(counts[&SyncStatus::Skipped], 1);
    assert_eq!(counts.values().sum::<u64>(), 1);
    world.assert_settled().await;
}

#[tokio::test]
async fn personal_data_is_cleared_after_the_retention_period() {
    let world = World::ledger_only("pii").await;
    let order = claimed(&world.ledger).await;
    let trace = AttemptRecord::Complete {
        kind: AttemptKind::Lookup,
        started_at: world.clock.now(),
        end: AttemptEnd {
            message: Some("who".into()),
            ..AttemptEnd::without_error("failed")
        },
    };
    world
        .ledger
        .finish_order(
            &order,
            Some(&trace),
            &OrderDisposition::Failed { failure: note() },
        )
        .await
        .unwrap();
    let now = world.clock.now();
    assert_eq!(
        world.ledger.clear_personal_data(now).await.unwrap(),
        0,
        "not yet"
    );
    world.clock.advance(TimeDelta::days(90));
    let cleared = world
        .ledger
        .clear_personal_data(now + TimeDelta::seconds(1))
        .await
        .unwrap();
    // The attempt, the order, and its event.
    assert_eq!(cleared, 3);
    let record = world.ledger.order(&order.code).await.unwrap().unwrap();
    assert_eq!(
        (record.sync_status, record.error_message),
        (SyncStatus::Error, None)
    );
    let attempts = world.ledger.attempts(order.id).await.unwrap();
    assert_eq!(
        (attempts[0].message.clone(), attempts[0].outcome.as_deref()),
        (None, Some("failed"))
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn a_clock_set_back_does_not_delay_an_order_in_doubt() {
    let world = World::ledger_only("setback").await;
    let order = claimed(&world.ledger).await;
    world
        .ledger
        .record_send_intent(&order, &intent(), LEASE)
        .await
        .unwrap();
    world.clock.advance(TimeDelta::hours(-1));
    let now = world.clock.now();
    let record = after(&world, &order, OrderDisposition::Postponed { at: now }).await;
    assert_eq!(record.in_doubt_since, Some(now));
    world.assert_settled().await;
}
