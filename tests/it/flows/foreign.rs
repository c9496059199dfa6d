//! VeraCore has an order with one of our numbers that veracore-sync did not send.

use veracore_sync::{
    domain::{ErrorCategory, SyncStatus},
    sandbox::FaultKind,
};

use crate::harness::{Operation, Style, World, sends_of};

#[tokio::test]
async fn a_foreign_order_is_accepted_only_if_an_operator_adopts_it() {
    let mut world = World::named("foreign").build().await;
    world.expect_error("which this installation never sent");
    let order = world.pay_order(&[("A-0", 1)]).await;
    world
        .sandbox
        .record_foreign(&order.code, vec![("A-0".to_owned(), 1).into()])
        .unwrap();
    let mut service = world.service();
    service.sync_orders().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Error);
    assert_eq!(record.error_category, Some(ErrorCategory::Conflict));
    let message = record.error_message.unwrap();
    assert!(
        message.contains(&format!("orders retry --adopt {}", order.code)),
        "{message}"
    );
    assert_eq!(record.veracore_order_id, None);

    let refused = world.cli(&["orders", "retry", &order.code, "--json"]).await;
    assert_eq!(refused.success_json()["orders"][0]["done"], true);
    service.settle_after_processes().await;
    assert_eq!(
        world.status(&order.code).await,
        SyncStatus::Error,
        "another attempt changes nothing"
    );

    world
        .cli_json(&["orders", "retry", "--adopt", &order.code, "--json"])
        .await;
    service.settle_after_processes().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Success);
    let there = world.sandbox.order(&order.code).unwrap();
    let id = Style::current().id_of(&there);
    assert_eq!(record.veracore_order_id, Some(id));
    assert_eq!(sends_of(&world.sandbox, &order.code), []);
    let again = world.cli(&["orders", "retry", &order.code, "--json"]).await;
    assert_eq!(again.status, 1);
    assert_eq!(again.json()["orders"][0]["done"], false);
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_cancelled_at_veracore_meanwhile_does_not_count_as_sent() {
    let mut world = World::named("revoked").build().await;
    world.expect_error("but cancelled");
    let fault = Style::current().fault(Operation::Send, FaultKind::DropAnswer);
    world.sandbox.add_fault(fault.times(1));
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sweep().await;
    assert_eq!(service.work().await, [SyncStatus::InDoubt]);
    world.sandbox.cancel(&order.code).unwrap();
    service.settle().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Error);
    assert_eq!(record.error_category, Some(ErrorCategory::Conflict));
    assert_eq!(sends_of(&world.sandbox, &order.code).len(), 1);
    world.assert_settled().await;
}

#[tokio::test]
async fn an_id_reused_by_the_shop_is_not_sent_under_the_wrong_code() {
    let mut world = World::named("reused").build().await;
    world.expect_error("it was found as");
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    assert_eq!(service.sweep().await.taken_in, 1);
    // As after restoring a backup: another order has this id now.
    let change = format!(
        "update \"order\" set code = '{}X' where id = {}",
        order.code, order.id
    );
    world.shop.sql(&change).await;
    service.settle().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Error);
    assert_eq!(record.error_category, Some(ErrorCategory::Conflict));
    assert!(world.sandbox.orders().is_empty());
    world.assert_settled().await;
}
