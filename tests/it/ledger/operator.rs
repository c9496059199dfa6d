//! Operator actions on orders.

use chrono::TimeDelta;
use veracore_sync::{
    domain::{ErrorCategory, ProviderOrderId, SyncStatus},
    ledger::{FailureReason, OperatorOutcome, OrderDisposition, RetryMode},
};

use super::*;
use crate::harness::World;

#[tokio::test]
async fn an_order_that_veracore_has_is_neither_retried_nor_skipped() {
    let world = World::ledger_only("has").await;
    let order = claimed(&world.ledger).await;
    let id = ProviderOrderId::parse("VC-7").unwrap();
    let done = OrderDisposition::Acknowledged {
        provider_order_id: Some(id),
    };
    world
        .ledger
        .finish_order(&order, None, &done)
        .await
        .unwrap();
    let there = OperatorOutcome::AlreadySent {
        veracore_order_id: Some("VC-7".into()),
    };
    for mode in [RetryMode::Again, RetryMode::Adopt] {
        assert_eq!(
            world.ledger.retry_order(&order.code, mode).await.unwrap(),
            there
        );
    }
    assert_eq!(world.ledger.skip_order(&order.code).await.unwrap(), there);
    assert_eq!(
        world.ledger.skip_order(&code(99)).await.unwrap(),
        OperatorOutcome::NotFound
    );
    assert_eq!(claim(&world.ledger).await, None);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_leased_order_is_busy() {
    let world = World::ledger_only("busy").await;
    let order = claimed(&world.ledger).await;
    let retried = world
        .ledger
        .retry_order(&order.code, RetryMode::Again)
        .await
        .unwrap();
    assert_eq!(retried, OperatorOutcome::Busy);
    assert_eq!(
        world.ledger.skip_order(&order.code).await.unwrap(),
        OperatorOutcome::Busy
    );
    // The holder died, and the lease expired.
    world.clock.advance(TimeDelta::seconds(60));
    assert_eq!(
        world.ledger.skip_order(&order.code).await.unwrap(),
        OperatorOutcome::Done
    );
    let finished = world
        .ledger
        .finish_order(
            &order,
            None,
            &OrderDisposition::Cancelled {
                message: "m".into(),
            },
        )
        .await;
    assert!(finished.is_err(), "the holder's result is dropped");
    let record = world.ledger.order(&order.code).await.unwrap().unwrap();
    assert_eq!(record.sync_status, SyncStatus::Skipped);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_retry_resets_the_count_and_keeps_the_doubt() {
    let world = World::ledger_only("retry").await;
    let order = claimed(&world.ledger).await;
    world
        .ledger
        .record_send_intent(&order, &intent(), LEASE)
        .await
        .unwrap();
    let at = world
        .ledger
        .order(&order.code)
        .await
        .unwrap()
        .unwrap()
        .updated_at;
    let note = FailureReason {
        category: ErrorCategory::Timeout,
        message: "m".into(),
    };
    let doubt = OrderDisposition::InDoubt {
        at: at + TimeDelta::hours(1),
        missing_at: None,
        counted: true,
        failure: Some(note),
    };
    world
        .ledger
        .finish_order(&order, None, &doubt)
        .await
        .unwrap();
    let retried = world
        .ledger
        .retry_order(&order.code, RetryMode::Adopt)
        .await
        .unwrap();
    assert_eq!(retried, OperatorOutcome::Done);
    let record = world.ledger.order(&order.code).await.unwrap().unwrap();
    assert_eq!(record.sync_status, SyncStatus::InDoubt);
    let again = claim(&world.ledger).await.unwrap();
    assert_eq!(
        (again.retry_count, again.sent_at, again.adopt),
        (0, Some(at), true)
    );
    world.ledger.release_order(&again).await.unwrap();
    let kinds: Vec<String> = world
        .ledger
        .attempts(order.id)
        .await
        .unwrap()
        .into_iter()
        .map(|a| a.kind)
        .collect();
    assert_eq!(
        kinds,
        ["send", "adopt"],
        "the operator's request is in the history"
    );
    world.assert_settled().await;
}
