//! One order that always fails at VeraCore does not delay the others (I10).

use serde_json::Value;
use veracore_sync::{domain::SyncStatus, sandbox::FaultKind};

use super::on_look_ups;
use crate::harness::{Cart, World};

#[tokio::test]
async fn a_poison_order_does_not_delay_the_others() {
    let mut world = World::named("poison").build().await;
    world.expect_error("given up after");
    let poison = world.pay_order(&[("A-0", 1)]).await;
    let crash = FaultKind::Status {
        status: 500,
        body: Value::Null,
        headers: std::collections::BTreeMap::new(),
        done: false,
    };
    let fault = on_look_ups(crash).about(&poison.code);
    world.sandbox.add_fault(fault);
    // With a concurrency of one, a poison order that blocked would block all.
    let mut service = world.service_with(|settings| {
        settings.concurrency = 1;
        settings.max_attempts = 4;
    });
    service.sweep().await;
    service.work().await;
    let good = world.shop.pay_all(vec![Cart::of(&[("A-1", 1)]); 5]).await;
    service.poll().await;
    service.work().await;
    for order in &good {
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    }
    assert_eq!(world.status(&poison.code).await, SyncStatus::Retrying);
    service.settle().await;
    let record = world.record(&poison.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Error);
    world.assert_settled().await;
}
