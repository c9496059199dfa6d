//! Crashes and lost responses while writing to the shop: no package becomes two fulfillments, and no
//! level stays wrong.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use veracore_sync::{
    domain::VariantId,
    ledger::{LeaseKey, RunOutcome, RunStart},
    sandbox::Fault,
    sync::{
        inventory::{self, InventoryRequest},
        jobs::{
            run_once::{WorkResult, ignore_progress},
            scheduler::ScheduledJob as _,
        },
    },
};

use super::on_look_ups;
use crate::harness::{
    FaultyShop, Operation, PaidOrder, Service, ShopCall, ShopFault, ShopFulfillment, ShopStock,
    Style, World, error_response,
};

const LEASES_EXPIRED: TimeDelta = TimeDelta::minutes(10);

/// A service that crashes, or loses a response, at a call.
fn faulty(world: &World, call: ShopCall, fault: ShopFault) -> (Service, Arc<tokio::sync::Notify>) {
    let mut crashed = None;
    let service = world.service_with_options(|options| {
        let (shop, notify) = FaultyShop::new(Arc::clone(&options.storefront), call, fault);
        options.storefront = shop;
        crashed = Some(notify);
    });
    (service, crashed.unwrap())
}

/// An order with two lines that VeraCore has.
async fn sent(world: &World) -> PaidOrder {
    let order = world.pay_order(&[("A-0", 2), ("A-1", 1)]).await;
    world.service().sync_orders().await;
    order
}

/// VeraCore has no list of shipments.
fn no_list() -> Fault {
    Style::current().fault(Operation::Shipments, error_response(404, "no such path"))
}

async fn assert_one_fulfillment(world: &World, order: &PaidOrder) {
    let (state, fulfillments, fields) = world.shop.fulfillment_state(order).await;
    let one = ShopFulfillment {
        state: "Shipped".into(),
        method: "UPS".into(),
        tracking: "1ZSANDBOX000000001".into(),
        units: vec![2, 1],
    };
    assert_eq!((state.as_str(), fulfillments), ("Shipped", vec![one]));
    assert_eq!(fields["trackingCode"], "1ZSANDBOX000000001");
    let level = world.shop.level("A-0").await;
    assert_eq!(level.allocated, 0);
}

#[tokio::test]
async fn a_crash_before_or_after_each_write_makes_no_second_fulfillment() {
    let calls = [
        ShopCall::AddFulfillment,
        ShopCall::ShipFulfillment,
        ShopCall::SetTracking,
    ];
    for call in calls {
        for fault in [ShopFault::CrashBefore, ShopFault::CrashAfter] {
            let world = World::named("crashes").build().await;
            let order = sent(&world).await;
            world.sandbox.ship(&order.code, vec![]).unwrap();
            let (service, crashed) = faulty(&world, call, fault);
            let on_progress = ignore_progress();
            tokio::select! {
                () = crashed.notified() => {}
                done = service.tracking.run(None, &on_progress) => panic!("it lived: {done:?}"),
            }
            drop(service);
            // At first, the crashed process's leases block the order, or its work is done.
            let next_service = world.service();
            next_service.sync_tracking().await;
            let made = world.shop.fulfillment_state(&order).await.1.len();
            assert!(made <= 1, "{call:?} {fault:?}: {made} fulfillments");
            world.advance(LEASES_EXPIRED);
            next_service.sync_tracking().await;
            println!("{call:?} {fault:?}");
            assert_one_fulfillment(&world, &order).await;
            assert_eq!(next_service.sync_tracking().await.orders_checked, 0);
            world.assert_settled().await;
        }
    }
}

#[tokio::test]
async fn a_lost_response_to_each_write_makes_no_second_fulfillment() {
    let calls = [
        ShopCall::AddFulfillment,
        ShopCall::ShipFulfillment,
        ShopCall::SetTracking,
    ];
    for call in calls {
        let mut world = World::named("lost_back").build().await;
        let order = sent(&world).await;
        world.sandbox.ship(&order.code, vec![]).unwrap();
        let (service, _) = faulty(&world, call, ShopFault::ResponseLost);
        let summary = service.sync_tracking().await;
        assert_eq!(summary.failures.len(), 1, "{call:?}: {summary:?}");
        // The shop may still be executing the call: the order stays leased until it cannot be.
        let again = service.sync_tracking().await;
        assert_eq!(
            again.busy,
            u64::from(call == ShopCall::AddFulfillment),
            "{call:?}: {again:?}"
        );
        world.advance(LEASES_EXPIRED);
        service.sync_tracking().await;
        assert_one_fulfillment(&world, &order).await;
        world.expect_error("cannot write VeraCore's tracking");
        world.assert_settled().await;
    }
}

#[tokio::test]
async fn after_a_lost_response_the_level_stays_leased_until_the_write_cannot_arrive() {
    let mut world = World::named("lost_level").build().await;
    let order = sent(&world).await;
    world.sandbox.set_stock("A-0", 52);
    let (service, _) = faulty(&world, ShopCall::SetStock, ShopFault::ResponseLost);
    let (run, summary) = service.run_inventory(&InventoryRequest::default()).await;
    assert_eq!(
        (summary.counts.unknown, summary.counts.failed_count()),
        (1, 1)
    );
    let change = &world
        .ledger
        .stock_changes(Some("A-0"), None, 1)
        .await
        .unwrap()[0];
    assert_eq!(change.outcome.as_deref(), Some("unknown"));
    assert_eq!(change.run, Some(run));
    // A fulfillment with the same SKU has to wait.
    world.sandbox.ship(&order.code, vec![]).unwrap();
    let variant = VariantId::parse(world.shop.variants["A-0"].clone()).unwrap();
    let goods = [LeaseKey::Stock(&variant)];
    let held = world.ledger.acquire_lease(&goods, Duration::from_secs(1));
    assert_eq!(held.await.unwrap(), None);
    world.advance(LEASES_EXPIRED);
    service.sync_tracking().await;
    assert_one_fulfillment(&world, &order).await;
    service.sync_stock().await;
    let now = world.shop.level("A-0").await;
    assert_eq!(
        now,
        ShopStock {
            on_hand: 50,
            allocated: 0
        }
    );
    world.expect_error("cannot write VeraCore's stock levels");
    world.assert_settled().await;
}

#[tokio::test]
async fn a_crash_while_writing_stock_is_corrected_by_the_next_run() {
    for fault in [ShopFault::CrashBefore, ShopFault::CrashAfter] {
        let world = World::named("dead_level").build().await;
        world.sandbox.set_stock("A-0", 7);
        let (service, crashed) = faulty(&world, ShopCall::SetStock, fault);
        let all = InventoryRequest::default();
        tokio::select! {
            () = crashed.notified() => {}
            done = service.run_inventory(&all) => panic!("it lived: {done:?}"),
        }
        drop(service);
        let changes = world
            .ledger
            .stock_changes(Some("A-0"), None, 5)
            .await
            .unwrap();
        assert_eq!((changes.len(), changes[0].ended_at), (1, None));
        world.advance(LEASES_EXPIRED);
        world.service().sync_stock().await;
        let now = world.shop.level("A-0").await;
        assert_eq!(
            now,
            ShopStock {
                on_hand: 7,
                allocated: 0
            }
        );
        world.assert_settled().await;
    }
}

#[tokio::test]
async fn without_a_list_of_shipments_orders_are_looked_up_one_by_one() {
    let world = World::named("singly").build().await;
    let order = sent(&world).await;
    let open = world.pay_order(&[("A-2", 1)]).await;
    world.service().sync_orders().await;
    world.sandbox.ship(&order.code, vec![]).unwrap();
    world.sandbox.add_fault(no_list());
    let summary = world.service().sync_tracking().await;
    assert!(summary.polled_individually);
    assert_eq!(summary.fulfilled, 1, "{summary:?}");
    assert_one_fulfillment(&world, &order).await;
    assert_eq!(world.shop.fulfillment_state(&open).await.1, []);
    world.assert_settled().await;
}

/// An order whose lookup fails does not stop the others, and is not always looked up first.
#[tokio::test]
async fn a_failing_look_up_does_not_stop_the_others() {
    let world = World::named("singly_bad").build().await;
    let bad = sent(&world).await;
    let order = sent(&world).await;
    for order in [&bad, &order] {
        world.sandbox.ship(&order.code, vec![]).unwrap();
    }
    world.sandbox.add_fault(no_list());
    let failing_look_ups = on_look_ups(error_response(500, "NullReferenceException"));
    world.sandbox.add_fault(failing_look_ups.about(&bad.code));
    let summary = world.service().sync_tracking().await;
    assert_eq!(
        (summary.fulfilled, summary.failures.len()),
        (1, 1),
        "{summary:?}"
    );
    assert_eq!(summary.failures[0].order, bad.code);
    let (state, fulfillments, _) = world.shop.fulfillment_state(&order).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 1));
    world.sandbox.clear_faults();
    world.sandbox.add_fault(no_list());
    assert_eq!(world.service().sync_tracking().await.fulfilled, 1);
    world.assert_settled().await;
}

/// The shop becomes unavailable during the writes: the occurrence is retried.
#[tokio::test]
async fn a_run_interrupted_by_the_shop_is_repeated_for_the_same_occurrence() {
    let mut world = World::named("broken_off").build().await;
    world.expect_error("cannot write VeraCore's stock levels");
    world.expect_error("cannot read Vendure's stock before writing");
    world.sandbox.set_stock("A-0", 10);
    let faulty_service = faulty(&world, ShopCall::SetStock, ShopFault::ResponseLost).0;
    let occurrence = RunStart::Occurrence {
        scheduled_for: world.clock.now(),
        missed: None,
    };
    let run = world
        .ledger
        .start_run(None, inventory::JOB, occurrence)
        .await
        .unwrap()
        .unwrap();
    let result = faulty_service.inventory.run_scheduled(run).await;
    assert!(
        matches!(result, WorkResult::Interrupted { .. }),
        "{result:?}"
    );
    world.advance(LEASES_EXPIRED);
    let restart = RunStart::Restart(run);
    let started = world.ledger.start_run(None, inventory::JOB, restart).await;
    let run = started.unwrap().unwrap();
    let result = world.service().inventory.run_scheduled(run).await;
    let WorkResult::Finished(report) = result else {
        panic!("{result:?}");
    };
    assert_eq!(report.outcome, RunOutcome::Done);
    assert_eq!(world.shop.level("A-0").await.on_hand, 10);
    world.ledger.finish_run(run, &report).await.unwrap();
    world.assert_settled().await;
}
