//! VeraCore has an order with our number that we never sent.

use veracore_sync::domain::{ErrorCategory, SyncStatus};

use crate::harness::{World, posts_of};

#[tokio::test]
async fn a_foreign_order_is_never_taken_for_ours_unless_a_person_says_so() {
    let mut world = World::new("foreign").build().await;
    world.expect_error("which this installation never sent");
    let order = world.pay_order(&[("A-0", 1)]).await;
    world
        .sandbox
        .record_foreign(&order.code, vec![("A-0".to_owned(), 1).into()])
        .unwrap();
    let mut service = world.service();
    service.carry().await;
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
    assert_eq!(refused.done()["orders"][0]["done"], true);
    service.settle_after_processes().await;
    assert_eq!(
        world.status(&order.code).await,
        SyncStatus::Error,
        "asking again changes nothing"
    );

    world
        .cli(&["orders", "retry", "--adopt", &order.code, "--json"])
        .await
        .done();
    service.settle_after_processes().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Success);
    let there = world.sandbox.order(&order.code).unwrap();
    assert_eq!(record.veracore_order_id, Some(there.order_id));
    assert_eq!(posts_of(&world.sandbox, &order.code), []);
    let again = world.cli(&["orders", "retry", &order.code, "--json"]).await;
    assert_eq!(again.status, 1);
    assert_eq!(again.json()["orders"][0]["done"], false);
    world.assert_settled().await;
}
