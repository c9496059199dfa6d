//! The process dies at each write of a cancellation or of an edit that is noticed, before it and
//! after it; the next one makes that good.

use std::time::Duration;

use serde_json::json;
use veracore_sync::domain::CancelStatus;

use super::crash::{ABORTED, AT};
use crate::harness::{PaidOrder, Service, World, until};

const CANCEL: (&str, &str) = ("CANCEL_IN_VENDURE", "true");
/// All is looked at in the daemon's first second, and often.
const SWEEP: (&str, &str) = ("ORDER_SWEEP_INTERVAL_SECONDS", "60");

/// An order that VeraCore has for longer than it takes to show it.
async fn sent(world: &World, service: &mut Service) -> PaidOrder {
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

/// A daemon that dies at this point.
async fn dies(world: &World, point: &str) {
    let daemon = world
        .daemon()
        .with(CANCEL.0, CANCEL.1)
        .with(SWEEP.0, SWEEP.1);
    let mut daemon = daemon.with(AT, point).spawn();
    let status = daemon.wait_exit().await;
    assert_eq!(status.code(), None, "{point}: {}", daemon.stderr());
}

/// A command that dies at this point, and then does not, whatever it finds.
async fn dies_once(world: &World, point: &str, args: &[&str]) {
    let output = world.cli_with(&[(AT, point)], args).await;
    assert_eq!(output.status, ABORTED, "{point}: {output:?}");
    pass_time(world).await;
    let output = world.cli(args).await;
    assert!([0, 1].contains(&output.status), "{output:?}");
}

/// What the dead one held runs out, and what was to wait is due.
async fn pass_time(world: &World) {
    run(
        world,
        "update veracore_lease set lease_until = now() - interval '1 second';
         update veracore_order_sync set cancel_next = now() where cancel_next is not null;
         update veracore_order_sync set shop_cancel_next = now() where shop_cancel_next is not null",
    )
    .await;
}

/// The next daemon, until `done` holds.
async fn made_good(world: &World, what: &str, done: impl AsyncFn() -> bool) {
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

async fn stands(world: &World, order: &PaidOrder) -> Option<CancelStatus> {
    world
        .record(&order.code)
        .await
        .unwrap()
        .post_send
        .cancel_status
}

/// How often each outcome of a cancellation was told.
async fn told(world: &World, order: &PaidOrder, outcome: &str) -> usize {
    let events = world.ledger.events(None, 10_000).await.unwrap();
    let of = |event: &&veracore_sync::ledger::RecordedEvent| {
        event.data["order"] == order.code.as_str() && event.data["outcome"] == outcome
    };
    events.iter().filter(of).count()
}

#[tokio::test]
async fn a_death_at_each_write_of_a_cancellation_is_made_good() {
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
            let order = sent(&world, &mut service).await;
            world.shop.cancel(&order).await;
            dies(&world, &point).await;
            made_good(&world, &point, async || {
                stands(&world, &order).await == Some(last)
            })
            .await;
            assert_eq!(told(&world, &order, outcome).await, 1, "{point}");
            let there = world.sandbox.order(&order.code).unwrap().status();
            assert_eq!(there == "Cancelled", can_cancel, "{point}: {there}");
        }
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn a_death_while_veracores_cancellation_is_told_is_made_good() {
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
            let order = sent(&world, &mut service).await;
            world.sandbox.cancel(&order.code).unwrap();
            let track = ["sync", "tracking", "--order", &order.code];
            if point.contains("record_provider_cancellation") {
                dies_once(&world, &point, &track).await;
            } else {
                world
                    .cli(&[&track[..], &["--json"]].concat())
                    .await
                    .success_json();
                dies(&world, &point).await;
            }
            made_good(&world, &point, async || {
                stands(&world, &order).await == Some(CancelStatus::Stopped)
            })
            .await;
            assert_eq!(
                world.shop.fulfillment_state(&order).await.0,
                "Cancelled",
                "{point}"
            );
            for outcome in ["cancelled_at_veracore", "stopped"] {
                assert_eq!(told(&world, &order, outcome).await, 1, "{point}: {outcome}");
            }
        }
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn a_death_while_an_edit_a_revival_or_a_late_package_is_noted_is_made_good() {
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
            let order = sent(&world, &mut service).await;
            if point.contains("end_closed_post_send") {
                dies(&world, &point).await;
                made_good(&world, &point, async || true).await;
                continue;
            }
            if point.contains("clear_provider_cancellations") {
                let track = ["sync", "tracking", "--order", &order.code];
                world.sandbox.cancel(&order.code).unwrap();
                world
                    .cli(&[&track[..], &["--json"]].concat())
                    .await
                    .success_json();
                let care = |record: veracore_sync::ledger::SyncRecord| record.post_send;
                let stands = world.record(&order.code).await.map(care).unwrap();
                assert!(stands.cancelled_at_veracore.is_some());
                world.sandbox.undo_cancellation(&order.code).unwrap();
                dies_once(&world, &point, &track).await;
                let stands = world.record(&order.code).await.map(care).unwrap();
                assert_eq!(stands, veracore_sync::ledger::PostSendState::default());
                continue;
            }
            if point.contains("record_shipped_after_stop") {
                world.shop.cancel(&order).await;
                world.sandbox.cancel(&order.code).unwrap();
                made_good(&world, &point, async || {
                    stands(&world, &order).await == Some(CancelStatus::Stopped)
                })
                .await;
                world.sandbox.undo_cancellation(&order.code).unwrap();
                world.sandbox.ship(&order.code, vec![]).unwrap();
                dies_once(&world, &point, &["sync", "tracking"]).await;
                assert_eq!(stands(&world, &order).await, Some(CancelStatus::TooLate));
                assert_eq!(told(&world, &order, "too_late").await, 1, "{point}");
                continue;
            }
            world.shop.transition(&order, "Modifying").await;
            let edit = json!({ "adjustOrderLines": [{ "orderLineId": order.lines[0].id, "quantity": 1 }] });
            world.shop.modify(&order, &edit).await;
            world.shop.transition(&order, "PaymentSettled").await;
            dies(&world, &point).await;
            made_good(&world, &point, async || {
                let record = world.record(&order.code).await.unwrap();
                record.post_send.changed_since_sent.len() == 1
            })
            .await;
        }
    }
    world.assert_settled().await;
}
