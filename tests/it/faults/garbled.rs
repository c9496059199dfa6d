//! Answers that are none: cut short, not JSON, endless.

use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind},
};

use super::{on_look_ups, on_sends};
use crate::harness::World;

/// More than the client of these tests reads.
const HUGE: u64 = 4 << 20;

fn garbled() -> Vec<FaultKind> {
    vec![
        FaultKind::Malformed { done: true },
        FaultKind::Malformed { done: false },
        FaultKind::Partial,
        FaultKind::Html { done: true },
        FaultKind::Html { done: false },
        FaultKind::Huge { bytes: HUGE },
    ]
}

/// Spoils calls one after the other, each in another way, and every seventh not.
fn spoil(world: &World, on_calls: impl Fn(FaultKind) -> Fault) {
    for (at, kind) in (0..).zip(garbled()) {
        world.sandbox.add_fault(on_calls(kind).every(7).skip(at));
    }
}

async fn assert_once_in_spite_of_it(world: World) {
    let paid = world.pay_orders(14).await;
    // Six of seven calls are spoiled: that is many failures for one order.
    let mut service = world.service_with(|settings| settings.max_attempts = 100);
    service.sync_orders().await;
    for order in &paid {
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    }
    let requests = world.sandbox.requests();
    for kind in garbled() {
        let struck = requests
            .iter()
            .any(|request| request.fault == Some(kind.name()));
        assert!(struck, "{} was never met", kind.name());
    }
    assert_eq!(world.sandbox.orders().len(), paid.len());
    world.assert_settled().await;
}

#[tokio::test]
async fn garbled_answers_to_a_send_lose_and_double_nothing() {
    let world = World::named("garbled_sends").build().await;
    spoil(&world, on_sends);
    assert_once_in_spite_of_it(world).await;
}

#[tokio::test]
async fn garbled_answers_to_a_look_up_lose_and_double_nothing() {
    let world = World::named("garbled_looks").build().await;
    spoil(&world, on_look_ups);
    let lost = on_sends(FaultKind::DropAnswer);
    world.sandbox.add_fault(lost.every(2));
    assert_once_in_spite_of_it(world).await;
}

/// Only `rest` has tokens. They expire at every fifth call: a service that makes four at a time
/// could meet an expiry at every fourth in all of them, which looks like refused credentials.
#[tokio::test]
async fn garbled_answers_to_the_token_lose_and_double_nothing() {
    let world = World::named("garbled_tokens").build().await;
    spoil(&world, |kind| Fault::on("/api/token", kind));
    world
        .sandbox
        .add_fault(Fault::on("/api/orders", FaultKind::ExpireToken).every(5));
    assert_once_in_spite_of_it(world).await;
}
