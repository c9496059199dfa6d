//! Invalid responses: truncated, not JSON, or endless.

use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind},
};

use super::{on_look_ups, on_sends};
use crate::harness::World;

/// More than the maximum size of the client in these tests.
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

/// Injects each kind of fault in turn, but none at every seventh call.
fn inject(world: &World, on_calls: impl Fn(FaultKind) -> Fault) {
    for (at, kind) in (0..).zip(garbled()) {
        world.sandbox.add_fault(on_calls(kind).every(7).skip(at));
    }
}

async fn assert_sent_once_despite_faults(world: World) {
    let paid = world.pay_orders(14).await;
    // Six of seven calls fail: an order needs many attempts.
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
async fn garbled_responses_to_sends_lose_and_duplicate_nothing() {
    let world = World::named("garbled_sends").build().await;
    inject(&world, on_sends);
    assert_sent_once_despite_faults(world).await;
}

#[tokio::test]
async fn garbled_responses_to_look_ups_lose_and_duplicate_nothing() {
    let world = World::named("garbled_looks").build().await;
    inject(&world, on_look_ups);
    let lost = on_sends(FaultKind::DropAnswer);
    world.sandbox.add_fault(lost.every(2));
    assert_sent_once_despite_faults(world).await;
}

/// Only `rest` has tokens. They expire at every fifth call: with four concurrent calls, an expiry at
/// every fourth could hit all of them, which looks like refused credentials.
#[tokio::test]
async fn garbled_responses_to_the_token_call_lose_and_duplicate_nothing() {
    let world = World::named("garbled_tokens").build().await;
    inject(&world, |kind| Fault::on("/api/token", kind));
    world
        .sandbox
        .add_fault(Fault::on("/api/orders", FaultKind::ExpireToken).every(5));
    assert_sent_once_despite_faults(world).await;
}
