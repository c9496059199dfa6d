//! The shop's session expires while orders are processed.

use crate::harness::{World, until};

#[tokio::test]
async fn an_expired_session_is_renewed() {
    let world = World::named("session").build().await;
    world.pay_orders(16).await;
    let mut service = world.service_with(|settings| settings.concurrency = 2);
    service.sweep().await;
    assert_eq!(world.shop.expire_sessions().await, 1);
    let mut ended = 0;
    let expiring = async {
        for arrived in [4, 8, 12] {
            until("some orders have arrived", || async {
                (world.sandbox.orders().len() >= arrived).then_some(())
            })
            .await;
            ended += world.shop.expire_sessions().await;
        }
    };
    tokio::join!(service.settle(), expiring);
    assert_eq!(world.sandbox.orders().len(), 16);
    assert!(
        ended >= 2,
        "{ended} sessions were ended while orders were flowing"
    );
    world.assert_settled().await;
}
