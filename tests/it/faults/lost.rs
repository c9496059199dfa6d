//! Lost and late requests and responses (I1, I3).

use veracore_sync::{
    domain::SyncStatus,
    sandbox::{FaultKind, Work},
};

use super::{on_look_ups, on_sends};
use crate::harness::{Operation, PaidOrder, Style, World, sends_of};

async fn assert_all_sent(world: World, paid: &[PaidOrder]) {
    assert_eq!(world.sandbox.orders().len(), paid.len());
    for order in paid {
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    }
    world.assert_settled().await;
}

/// The number of sends with a fault of this kind.
fn faults_at_sends(world: &World, kind: &str) -> usize {
    let requests = world.sandbox.requests();
    requests
        .iter()
        .filter(|request| {
            Style::current().is_call(request, Operation::Send) && request.fault == Some(kind)
        })
        .count()
}

#[tokio::test]
async fn every_third_response_is_lost() {
    let world = World::named("answers").build().await;
    let fault = on_sends(FaultKind::DropAnswer);
    world.sandbox.add_fault(fault.every(3));
    let paid = world.pay_orders(18).await;
    world.service().sync_orders().await;
    // Each lost response was settled by a lookup: no order was sent twice.
    assert_eq!(faults_at_sends(&world, "drop_answer"), 6);
    assert!(
        paid.iter()
            .all(|order| sends_of(&world.sandbox, &order.code).len() == 1)
    );
    assert_all_sent(world, &paid).await;
}

#[tokio::test]
async fn every_third_request_and_some_look_ups_are_lost() {
    let world = World::named("requests").build().await;
    let fault = on_sends(FaultKind::DropRequest);
    world.sandbox.add_fault(fault.every(3));
    world
        .sandbox
        .add_fault(on_look_ups(FaultKind::DropRequest).every(4));
    let paid = world.pay_orders(18).await;
    world.service().sync_orders().await;
    assert!(faults_at_sends(&world, "drop_request") >= 6);
    assert_all_sent(world, &paid).await;
}

#[tokio::test]
async fn a_send_executed_after_the_timeout_is_not_repeated() {
    // The client's timeout is 0.4 s; the lookups are at 1.2 s and from 2.0 s on.
    let world = World::named("late").real_time().build().await;
    for (milliseconds, every) in [(600, 2), (1600, 3)] {
        let work = Work::After;
        let fault = on_sends(FaultKind::Delay { milliseconds, work });
        world.sandbox.add_fault(fault.every(every));
    }
    let paid = world.pay_orders(12).await;
    world.service().sync_orders().await;
    assert_eq!(faults_at_sends(&world, "delay"), 8);
    assert!(
        paid.iter()
            .all(|order| sends_of(&world.sandbox, &order.code).len() == 1)
    );
    assert_all_sent(world, &paid).await;
}

#[tokio::test]
async fn doubt_is_settled_by_a_look_up_without_an_id() {
    let world = World::named("sparse").sandbox(|config| {
        config.base_path = "/v1".into();
        config.sparse = true;
    });
    let world = world.build().await;
    let fault = on_sends(FaultKind::DropAnswer);
    world.sandbox.add_fault(fault.times(1));
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.service().sync_orders().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Success);
    // In the style `oms`, an order's number is its id.
    let id = (Style::current() == Style::Oms).then_some(order.code.clone());
    assert_eq!(record.veracore_order_id, id);
    assert_eq!(sends_of(&world.sandbox, &order.code).len(), 1);
    world.assert_settled().await;
}
