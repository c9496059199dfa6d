//! Work that a stopping process does not start any more (I11).

use veracore_sync::{
    domain::SyncStatus,
    sync::{error::SyncError, orders::newest::DiscoveryState},
};

use crate::harness::World;

#[tokio::test]
async fn an_order_not_sent_before_the_stop_is_released() {
    let world = World::named("stopping").build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    assert_eq!(service.sweep().await.taken_in, 1);
    service.tasks.stop();
    let claimed = service.orders.lease_due_orders(1, None).await.unwrap();
    let status = service.orders.process(&claimed[0]).await.unwrap();
    assert_eq!(status, SyncStatus::Pending);
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(
        (record.sync_status, record.in_doubt_since),
        (SyncStatus::Pending, None)
    );
    assert!(world.sandbox.orders().is_empty());
    let swept = service
        .orders
        .sweep_orders(&mut DiscoveryState::default())
        .await;
    assert!(matches!(swept, Err(SyncError::Stopped)), "{swept:?}");
    let fresh = world.service();
    fresh.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.assert_settled().await;
}
