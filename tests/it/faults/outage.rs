//! A long outage of VeraCore: orders wait, and none is given up because of it (I12).

use chrono::TimeDelta;
use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind},
};

use super::on_sends;
use crate::harness::World;

#[tokio::test]
async fn an_outage_of_two_days_uses_up_no_attempts() {
    let mut world = World::named("outage").build().await;
    world.expect_error("VeraCore is unavailable");
    world
        .sandbox
        .add_fault(Fault::on("/", FaultKind::DropRequest));
    let paid = world.pay_orders(4).await;
    let mut service = world.service_with(|settings| settings.max_attempts = 3);
    service.sweep().await;
    for _ in 0..48 {
        service.work().await;
        world.advance(TimeDelta::hours(1));
    }
    for order in &paid {
        let record = world.record(&order.code).await.unwrap();
        assert!(
            matches!(
                record.sync_status,
                SyncStatus::Retrying | SyncStatus::Pending
            ),
            "{record:?}"
        );
        assert_eq!(record.retry_count, 0);
    }
    let asked = world.sandbox.requests().len();
    assert!(asked >= 40, "it goes on being tried: {asked}");
    world.sandbox.clear_faults();
    service.settle().await;
    for order in &paid {
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn orders_in_doubt_stay_in_doubt_through_an_outage() {
    let mut world = World::named("doubt").build().await;
    world.expect_error("VeraCore is unavailable");
    let fault = on_sends(FaultKind::DropAnswer);
    world.sandbox.add_fault(fault);
    let paid = world.pay_orders(3).await;
    let mut service = world.service_with(|settings| settings.max_attempts = 3);
    service.sweep().await;
    service.work().await;
    world.sandbox.clear_faults();
    world
        .sandbox
        .add_fault(Fault::on("/", FaultKind::DropRequest));
    for _ in 0..24 {
        world.advance(TimeDelta::hours(2));
        service.work().await;
    }
    for order in &paid {
        assert_eq!(world.status(&order.code).await, SyncStatus::InDoubt);
    }
    world.sandbox.clear_faults();
    service.settle().await;
    for order in &paid {
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    }
    world.assert_settled().await;
}
