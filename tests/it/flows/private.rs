//! No table stores an order's address (I9).

use crate::harness::{Operation, Style, World, ann};

#[tokio::test]
async fn no_table_contains_an_address_of_sent_failed_or_shipped_orders() {
    let world = World::named("private").build().await;
    let sent = world.pay_order(&[("A-0", 2)]).await;
    let refused = world.pay_order(&[("A-1", 1)]).await;
    let style = Style::current();
    let refusal = style.refusal(&format!("cannot ship {} to {}", refused.code, ann()));
    let mut service = world.service();
    service.sweep().await;
    world
        .sandbox
        .add_fault(style.fault(Operation::Send, refusal).times(1));
    service.settle().await;
    let shipped = [&sent, &refused]
        .into_iter()
        .filter(|order| world.sandbox.order(&order.code).is_some());
    for order in shipped {
        world.sandbox.ship(&order.code, vec![]).unwrap();
    }
    service.sync_tracking().await;
    let rows = world.rows().await;
    let failed = rows["veracore_event"].to_string();
    assert!(
        failed.contains("order.failed")
            && failed.contains("order.accepted")
            && failed.contains("tracking.updated"),
        "{failed}"
    );
    let person = ann();
    let person = person
        .as_object()
        .unwrap()
        .values()
        .filter_map(|value| value.as_str());
    let secret: Vec<&str> = person.filter(|text| text.len() > 5).collect();
    assert!(secret.len() >= 2, "{secret:?}");
    for (table, rows) in &rows {
        for text in &secret {
            assert!(!rows.to_string().contains(text), "{table} holds '{text}'");
        }
    }
    let mut world = world;
    world.expect_error("order needs attention");
    world.assert_settled().await;
}
