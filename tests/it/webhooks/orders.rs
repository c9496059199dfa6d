//! A webhook about an order: an order in doubt is looked up sooner, but never too soon (I3).

use chrono::TimeDelta;
use serde_json::json;
use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind, Item, NewPackage},
};

use super::{Office, states, webhooks};
use crate::harness::{World, sends_of};

#[tokio::test]
async fn an_order_in_doubt_is_looked_up_sooner_but_after_its_quiet_period() {
    let world = World::named("doubt_told").build().await;
    let fault = Fault::on("/api/orders", FaultKind::DropAnswer).method("POST");
    world.sandbox.add_fault(fault.times(1));
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sweep().await;
    service.work().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::InDoubt);
    let sent_at = record.in_doubt_since.unwrap();
    let quiet = TimeDelta::from_std(service.orders.settings.quiet_period).unwrap();
    // As after some failed lookups.
    sqlx::query("update veracore_order_sync set next_attempt = next_attempt + interval '1 hour'")
        .execute(&world.tables)
        .await
        .unwrap();
    let office = Office::of(&service, &world).await;
    let body = json!({ "OrderNumber": order.code, "Status": "Processing" });
    office.sender.deliver("order-update", &body).await;
    office.work().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.next_attempt, Some(sent_at + quiet));
    assert_eq!(service.work().await, []);
    world.advance(quiet);
    assert_eq!(service.work().await, [SyncStatus::Success]);
    assert_eq!(sends_of(&world.sandbox, &order.code).len(), 1);
    assert_eq!(states(&world).await, ["done"]);
    world.assert_settled().await;
}

#[tokio::test]
async fn many_webhooks_use_up_no_attempts() {
    let mut world = World::named("chatty").build().await;
    world.expect_error("VeraCore");
    let refused = FaultKind::Status {
        status: 503,
        body: json!({ "message": "busy" }),
        headers: std::collections::BTreeMap::new(),
        done: false,
    };
    world
        .sandbox
        .add_fault(Fault::on("/api/orders", refused).method("POST").times(1));
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sweep().await;
    service.work().await;
    sqlx::query("update veracore_order_sync set sync_status = 'retrying', sent_at = null, next_attempt = next_attempt + interval '3 hours'")
        .execute(&world.tables)
        .await
        .unwrap();
    let office = Office::of(&service, &world).await;
    let body = json!({ "OrderNumber": order.code, "Status": "Received" });
    let mut moments = Vec::new();
    for _ in 0..5 {
        office.sender.deliver("order-update", &body).await;
        office.work().await;
        moments.push(
            world
                .record(&order.code)
                .await
                .unwrap()
                .next_attempt
                .unwrap(),
        );
        world.advance(TimeDelta::minutes(5));
        sqlx::query("update veracore_order_sync set next_attempt = $1")
            .bind(world.clock.now() + TimeDelta::hours(3))
            .execute(&world.tables)
            .await
            .unwrap();
    }
    let soon = moments.iter().filter(|at| **at < world.clock.now()).count();
    assert_eq!(soon, 1, "{moments:?}");
    world.sandbox.clear_faults();
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_webhook_for_a_sent_order_syncs_its_packages() {
    let world = World::named("order_told").build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    let package = NewPackage {
        tracking_number: Some("O1".into()),
        items: Some(vec![Item::from(("A-0".to_owned(), 1))]),
        ..NewPackage::default()
    };
    world.sandbox.ship(&order.code, vec![package]).unwrap();
    let office = Office::of(&service, &world).await;
    for (number, status) in [
        (order.code.as_str(), "Shipped"),
        ("NOBODYS", "Shipped"),
        (&order.code, "Cancelled"),
    ] {
        let body = json!({ "OrderNumber": number, "Status": status });
        office.sender.deliver("order-update", &body).await;
    }
    office.work().await;
    let (state, fulfillments, _) = world.shop.fulfillment_state(&order).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 1));
    assert_eq!(states(&world).await, ["done", "unknown", "done"]);
    // A cancellation is only recorded here; `post_send` tests its handling.
    let rows = world.rows().await;
    assert_eq!(
        rows["veracore_webhook"][2]["news"]["order"]["status"],
        "Cancelled"
    );
    assert_eq!(webhooks(&world).await.len(), 3);
    world.assert_settled().await;
}
