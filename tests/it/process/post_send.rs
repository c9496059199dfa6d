//! The process crashes before and after each write of a cancellation or a detected edit, and the next
//! process recovers.

use std::time::Duration;

use serde_json::json;
use veracore_sync::domain::CancelStatus;

use super::crash::{ABORTED, AT};
use crate::harness::{PaidOrder, Service, World, until};

const CANCEL: (&str, &str) = ("CANCEL_IN_VENDURE", "true");
/// Settings with which the daemon checks everything at once and often.
const SWEEP: (&str, &str) = ("ORDER_SWEEP_INTERVAL_SECONDS", "60");

/// An order that was sent so long ago that a missing order would count as lost.
async fn sent_order(world: &World, service: &mut Service) -> PaidOrder {
    let order = world.pay_order(&[("A-0", 2)]).await;
    service.sync_orders().await;
    run(
        world,
        "update veracore_order_sync set last_successful_sync = now() - interval '1 hour'",
    )
    .await;
    order
}

async fn run(world: &World, statement: &'static str) {
    sqlx::raw_sql(statement)
        .execute(&world.tables)
        .await
        .unwrap();
}

/// A daemon that crashes at this point.
async fn crash_daemon(world: &World, point: &str) {
    let daemon = world
        .daemon()
        .with(CANCEL.0, CANCEL.1)
        .with(SWEEP.0, SWEEP.1);
    let mut daemon = daemon.with(AT, point).spawn();
    let status = daemon.wait_exit().await;
    assert_eq!(status.code(), None, "{point}: {}", daemon.stderr());
}

/// A command that crashes at this point, and then one that runs to its end.
async fn crash_command(world: &World, point: &str, args: &[&str]) {
    let output = world.cli_with(&[(AT, point)], args).await;
    assert_eq!(output.status, ABORTED, "{point}: {output:?}");
    pass_time(world).await;
    let output = world.cli(args).await;
    assert!([0, 1].contains(&output.status), "{output:?}");
}

/// Expires the crashed process's leases and makes everything due.
async fn pass_time(world: &World) {
    run(
        world,
        "update veracore_lease set lease_until = now() - interval '1 second';
         update veracore_order_sync set cancel_next = now() where cancel_next is not null;
         update veracore_order_sync set shop_cancel_next = now() where shop_cancel_next is not null",
    )
    .await;
}

/// Runs the next daemon until `done` holds.
async fn recovers(world: &World, what: &str, done: impl AsyncFn() -> bool) {
    let daemon = world
        .daemon()
        .with(CANCEL.0, CANCEL.1)
        .with(SWEEP.0, SWEEP.1);
    let daemon = daemon.start().await;
    until(what, || async {
        pass_time(world).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        done().await.then_some(())
    })
    .await;
    daemon.stop().await;
}

async fn cancel_status(world: &World, order: &PaidOrder) -> Option<CancelStatus> {
    world
        .record(&order.code)
        .await
        .unwrap()
        .post_send
        .cancel_status
}

/// The number of cancellation events with this outcome.
async fn count_outcome(world: &World, order: &PaidOrder, outcome: &str) -> usize {
    let events = world.ledger.events(None, 10_000).await.unwrap();
    let of = |event: &&veracore_sync::ledger::RecordedEvent| {
        event.data["order"] == order.code.as_str() && event.data["outcome"] == outcome
    };
    events.iter().filter(of).count()
}

#[tokio::test]
async fn a_crash_at_each_write_of_a_cancellation_is_recovered() {
    let mut world = World::named("cancel_crash").real_time().build().await;
    world.expect_error("have it cancelled at VeraCore");
    let mut service = world.service();
    let can_cancel = service.provider.supports_cancellation();
    let (last, outcome, points): (_, _, &[&str]) = if can_cancel {
        let points = &[
            "ledger.request_cancellation",
            "ledger.record_cancel_intent",
            "call.cancel_order",
            "ledger.record_cancel_step",
        ];
        (CancelStatus::Stopped, "stopped", points)
    } else {
        let points = &["ledger.request_cancellation", "ledger.record_cancel_step"];
        (CancelStatus::ByHand, "by_hand", points)
    };
    for point in points {
        for when in ["before", "after"] {
            let point = format!("{point}.{when}");
            let order = sent_order(&world, &mut service).await;
            world.shop.cancel(&order).await;
            crash_daemon(&world, &point).await;
            recovers(&world, &point, async || {
                cancel_status(&world, &order).await == Some(last)
            })
            .await;
            assert_eq!(count_outcome(&world, &order, outcome).await, 1, "{point}");
            let there = world.sandbox.order(&order.code).unwrap().status();
            assert_eq!(there == "Cancelled", can_cancel, "{point}: {there}");
        }
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn a_crash_while_veracores_cancellation_is_recorded_is_recovered() {
    let mut world = World::named("there_crash").real_time().build().await;
    world.expect_error("VeraCore cancelled the order");
    let mut service = world.service();
    for point in [
        "ledger.record_provider_cancellation",
        "call.cancel_order",
        "ledger.record_shop_cancel_attempt",
    ] {
        for when in ["before", "after"] {
            let point = format!("{point}.{when}");
            let order = sent_order(&world, &mut service).await;
            world.sandbox.cancel(&order.code).unwrap();
            let track = ["sync", "tracking", "--order", &order.code];
            if point.contains("record_provider_cancellation") {
                crash_command(&world, &point, &track).await;
            } else {
                world.cli_json(&[&track[..], &["--json"]].concat()).await;
                crash_daemon(&world, &point).await;
            }
            recovers(&world, &point, async || {
                cancel_status(&world, &order).await == Some(CancelStatus::Stopped)
            })
            .await;
            assert_eq!(
                world.shop.fulfillment_state(&order).await.0,
                "Cancelled",
                "{point}"
            );
            for outcome in ["cancelled_at_veracore", "stopped"] {
                assert_eq!(
                    count_outcome(&world, &order, outcome).await,
                    1,
                    "{point}: {outcome}"
                );
            }
        }
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn a_crash_while_an_edit_a_revival_or_a_late_package_is_recorded_is_recovered() {
    let mut world = World::named("edit_crash").real_time().build().await;
    world.expect_error("VeraCore cancelled the order");
    world.expect_error("though it is cancelled in Vendure");
    world.expect_error("parcel needs attention");
    world.expect_error("have it cancelled at VeraCore");
    let mut service = world.service();
    for point in [
        "ledger.set_changed_parts",
        "ledger.clear_provider_cancellations",
        "ledger.record_shipped_after_stop",
        "ledger.end_closed_post_send",
    ] {
        for when in ["before", "after"] {
            let point = format!("{point}.{when}");
            let order = sent_order(&world, &mut service).await;
            if point.contains("end_closed_post_send") {
                crash_daemon(&world, &point).await;
                recovers(&world, &point, async || true).await;
                continue;
            }
            if point.contains("clear_provider_cancellations") {
                let track = ["sync", "tracking", "--order", &order.code];
                world.sandbox.cancel(&order.code).unwrap();
                world.cli_json(&[&track[..], &["--json"]].concat()).await;
                let care = |record: veracore_sync::ledger::SyncRecord| record.post_send;
                let state = world.record(&order.code).await.map(care).unwrap();
                assert!(state.cancelled_at_veracore.is_some());
                world.sandbox.undo_cancellation(&order.code).unwrap();
                crash_command(&world, &point, &track).await;
                let state = world.record(&order.code).await.map(care).unwrap();
                assert_eq!(state, veracore_sync::ledger::PostSendState::default());
                continue;
            }
            if point.contains("record_shipped_after_stop") {
                world.shop.cancel(&order).await;
                world.sandbox.cancel(&order.code).unwrap();
                recovers(&world, &point, async || {
                    cancel_status(&world, &order).await == Some(CancelStatus::Stopped)
                })
                .await;
                world.sandbox.undo_cancellation(&order.code).unwrap();
                world.sandbox.ship(&order.code, vec![]).unwrap();
                crash_command(&world, &point, &["sync", "tracking"]).await;
                assert_eq!(
                    cancel_status(&world, &order).await,
                    Some(CancelStatus::TooLate)
                );
                assert_eq!(
                    count_outcome(&world, &order, "too_late").await,
                    1,
                    "{point}"
                );
                continue;
            }
            world.shop.transition(&order, "Modifying").await;
            let edit = json!({ "adjustOrderLines": [{ "orderLineId": order.lines[0].id, "quantity": 1 }] });
            world.shop.modify(&order, &edit).await;
            world.shop.transition(&order, "PaymentSettled").await;
            crash_daemon(&world, &point).await;
            recovers(&world, &point, async || {
                let record = world.record(&order.code).await.unwrap();
                record.post_send.changed_since_sent.len() == 1
            })
            .await;
        }
    }
    world.assert_settled().await;
}
