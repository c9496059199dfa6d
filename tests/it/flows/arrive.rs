//! Paid orders arrive, each once and exactly.

use crate::harness::World;

#[tokio::test]
async fn a_paid_order_arrives() {
    let world = World::new("arrives").build().await;
    let order = world.pay_order(&[("A-0", 2), ("A-1", 1)]).await;
    let mut service = world.service();
    service.carry().await;
    assert_eq!(world.status(&order.code).await.as_str(), "success");
    assert!(world.sandbox.order(&order.code).is_some());
    world.assert_settled().await;
}
