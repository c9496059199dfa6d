//! An order's outcome and its event are written together.

use chrono::TimeDelta;
use veracore_sync::{
    clock::Clock as _,
    ledger::{LedgerError, SkipReason},
};

use super::*;

async fn raised_events(world: &LedgerWorld) -> Vec<(String, Value)> {
    let mut events = world.ledger.events(None, 100).await.unwrap();
    events.reverse();
    let raised = events.into_iter();
    raised.map(|event| (event.event_type, event.data)).collect()
}

#[tokio::test]
async fn each_reportable_outcome_is_an_event_of_its_order() {
    let world = World::ledger_only("raised").await;
    let finish = async |id, next| {
        let order = claimed(&world.ledger, id).await;
        world
            .ledger
            .finish_order(&order, None, &next)
            .await
            .unwrap();
    };
    finish(1, accepted("VC-1")).await;
    finish(2, failed()).await;
    let message = "cancelled in Vendure before it was sent".into();
    finish(3, OrderDisposition::Cancelled { message }).await;
    let note = FailureReason {
        category: ErrorCategory::Timeout,
        message: "card 4111 1111 1111 1111".into(),
    };
    finish(
        4,
        OrderDisposition::FailedInDoubt {
            failure: note.clone(),
        },
    )
    .await;
    let at = world.clock.now() + TimeDelta::hours(1);
    let counted = true;
    finish(
        5,
        OrderDisposition::Retry {
            at,
            counted,
            failure: note,
        },
    )
    .await;
    let (reason, message) = (SkipReason::SkipSkus, "nothing to ship".into());
    finish(6, OrderDisposition::Skipped { reason, message }).await;
    finish(7, OrderDisposition::Postponed { at }).await;
    let base = |id: u32| json!({ "order": code(id), "vendureOrderId": id.to_string() });
    let with = |id, more: Value| {
        let mut data = base(id);
        data.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        data
    };
    let fault = |category: &str, message: &str, doubt: bool| json!({ "category": category, "message": message, "inDoubt": doubt });
    let expected = [
        (
            "order.accepted",
            with(1, json!({ "veracoreOrderId": "VC-1" })),
        ),
        (
            "order.failed",
            with(2, fault("validation", "no such SKU", false)),
        ),
        ("order.cancelled", base(3)),
        ("order.failed", with(4, fault("timeout", "card […]", true))),
    ];
    assert_eq!(
        raised_events(&world).await,
        expected.map(|(name, data)| (name.to_owned(), data))
    );
    let subjects: Vec<String> = sqlx::query_scalar(
        "select distinct subject from veracore_event where subject like 'order:%'",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(subjects.len(), 4, "{subjects:?}");
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_that_fails_again_after_a_retry_is_reported_again() {
    let world = World::ledger_only("again").await;
    fails(&world.ledger, 1, 2).await;
    let order = claim(&world.ledger, 1).await;
    world
        .ledger
        .finish_order(&order, None, &accepted("VC-1"))
        .await
        .unwrap();
    let raised: Vec<String> = raised_events(&world)
        .await
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(raised, ["order.failed", "order.failed", "order.accepted"]);
    world.assert_settled().await;
}

/// After a lost lease, the outcome is dropped and raises no event, except that VeraCore has the order.
#[tokio::test]
async fn a_dropped_outcome_raises_no_event() {
    let world = World::ledger_only("dropped").await;
    let old = claimed(&world.ledger, 1).await;
    world.clock.advance(TimeDelta::minutes(10));
    let new = claim(&world.ledger, 1).await;
    let lost = world.ledger.finish_order(&old, None, &failed()).await;
    assert!(matches!(lost, Err(LedgerError::LeaseLost { .. })));
    assert_eq!(raised_events(&world).await, []);
    world
        .ledger
        .finish_order(&old, None, &accepted("VC-1"))
        .await
        .unwrap();
    let lost = world
        .ledger
        .finish_order(&new, None, &accepted("VC-1"))
        .await;
    assert!(matches!(lost, Err(LedgerError::LeaseLost { .. })));
    assert_eq!(raised_events(&world).await.len(), 1);
    let verdict = world.ledger.retry_order(&code(1), RetryMode::Again).await;
    verdict.unwrap();
    assert_eq!(raised_events(&world).await.len(), 1);
    world.assert_settled().await;
}

/// If the event cannot be written, the outcome is rolled back with it.
#[tokio::test]
async fn an_outcome_and_its_event_are_written_together_or_not_at_all() {
    let world = World::ledger_only("together").await;
    let order = claimed(&world.ledger, 1).await;
    let refuse =
        "alter table veracore_event add constraint no_more check (event_type <> 'order.accepted')";
    sqlx::raw_sql(refuse).execute(&world.pool).await.unwrap();
    let outcome = world
        .ledger
        .finish_order(&order, None, &accepted("VC-1"))
        .await;
    assert!(outcome.is_err());
    let record = world.ledger.order(&order.code).await.unwrap().unwrap();
    assert_eq!(record.sync_status.as_str(), "syncing");
    world.ledger.release_order(&order).await.unwrap();
    world.assert_settled().await;
}
