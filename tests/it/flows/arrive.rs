//! Paid orders reach VeraCore once each, with exactly the shop's data.

use veracore_sync::domain::SyncStatus;

use super::wire;
use crate::harness::{Style, World};

#[tokio::test]
async fn paid_orders_arrive_once_with_exact_bodies() {
    let style = Style::current();
    // Twelve orders include each of the four kinds of carts.
    let many = if style == Style::Rest { 50 } else { 12 };
    let world = World::named("fifty").build().await;
    let paid = world.pay_orders(many).await;
    let mut service = world.service();
    service.sync_orders().await;
    assert_eq!(world.sandbox.orders().len(), paid.len());
    for order in &paid {
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
        let arrived = world.sandbox.order(&order.code).unwrap();
        let details = world.shop.order_details(&order.id).await;
        wire::assert_exact(arrived.body.as_ref().unwrap(), &details);
        // As text: a comparison of JSON numbers would ignore digits.
        let digits: Vec<_> = arrived
            .items
            .iter()
            .map(|item| item.unit_price.clone().unwrap())
            .collect();
        assert_eq!(digits, wire::prices(&details), "{}", order.code);
        let record = world.record(&order.code).await.unwrap();
        assert_eq!(record.veracore_order_id, Some(style.id_of(&arrived)));
    }
    let one = world.sandbox.order(&paid[5].code).unwrap();
    let details = world.shop.order_details(&paid[5].id).await;
    let readable = wire::readable(&one.body.unwrap(), &details);
    match style {
        Style::Rest => insta::assert_snapshot!("an_order_in_rest", readable),
        Style::Oms => insta::assert_snapshot!("an_order_in_oms", readable),
    }
    world.assert_settled().await;
}
