//! Paid orders arrive, each once, with exactly what the shop says.

use veracore_sync::domain::SyncStatus;

use super::wire;
use crate::harness::{Style, World};

#[tokio::test]
async fn fifty_paid_orders_arrive_once_with_exact_bodies() {
    let style = Style::current();
    // Four kinds of carts: a dozen holds them all.
    let many = if style == Style::Rest { 50 } else { 12 };
    let world = World::named("fifty").build().await;
    let paid = world.pay_orders(many).await;
    let mut service = world.service();
    service.sync_orders().await;
    assert_eq!(world.sandbox.orders().len(), paid.len());
    for order in &paid {
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
        let arrived = world.sandbox.order(&order.code).unwrap();
        let told = world.shop.order_details(&order.id).await;
        wire::assert_exact(arrived.body.as_ref().unwrap(), &told);
        // Digit by digit, which a comparison of JSON numbers is not.
        let digits: Vec<_> = arrived
            .items
            .iter()
            .map(|item| item.unit_price.clone().unwrap())
            .collect();
        assert_eq!(digits, wire::prices(&told), "{}", order.code);
        let record = world.record(&order.code).await.unwrap();
        assert_eq!(record.veracore_order_id, Some(style.id_of(&arrived)));
    }
    let one = world.sandbox.order(&paid[5].code).unwrap();
    let told = world.shop.order_details(&paid[5].id).await;
    let readable = wire::readable(&one.body.unwrap(), &told);
    match style {
        Style::Rest => insta::assert_snapshot!("an_order_in_rest", readable),
        Style::Oms => insta::assert_snapshot!("an_order_in_oms", readable),
    }
    world.assert_settled().await;
}
