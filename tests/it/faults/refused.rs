//! VeraCore's error responses: refusals, server errors, rate limiting, expired tokens.

use chrono::TimeDelta;
use serde_json::json;
use veracore_sync::{
    domain::{ErrorCategory, SyncStatus},
    sandbox::{Fault, FaultKind},
};

use super::on_sends;
use crate::harness::{Style, World, error_response, sends_of};

#[tokio::test]
async fn a_refused_order_needs_attention_and_is_not_retried() {
    let mut world = World::named("refused").build().await;
    world.expect_error("VeraCore refused the order");
    let fault = on_sends(Style::current().refusal("SKU A-0 is discontinued"));
    world.sandbox.add_fault(fault.times(1));
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Error);
    assert_eq!(record.error_category, Some(ErrorCategory::Validation));
    let message = record.error_message.unwrap();
    let retry = format!("veracore-sync orders retry {}", order.code);
    for words in ["SKU A-0 is discontinued", &retry] {
        assert!(message.contains(words), "{message}");
    }
    world.advance(TimeDelta::days(30));
    service.sync_orders().await;
    assert_eq!(sends_of(&world.sandbox, &order.code).len(), 1);

    world.retry(&order.code).await;
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.assert_settled().await;
}

#[tokio::test]
async fn server_errors_are_retried_up_to_the_limit_and_then_need_attention() {
    let mut world = World::named("limit").build().await;
    world.expect_error("given up after 3 attempts");
    let fault = on_sends(error_response(500, "NullReferenceException"));
    world.sandbox.add_fault(fault);
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service_with(|settings| settings.max_attempts = 3);
    service.sync_orders().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(record.sync_status, SyncStatus::Error);
    assert_eq!(sends_of(&world.sandbox, &order.code).len(), 3);
    let message = record.error_message.unwrap();
    assert!(
        message.contains(&format!("orders retry {}", order.code)),
        "{message}"
    );

    world.sandbox.clear_faults();
    world.retry(&order.code).await;
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_accepted_despite_a_server_error_is_found() {
    let world = World::named("done").build().await;
    let busy = FaultKind::Status {
        status: 503,
        body: json!({ "message": "busy" }),
        headers: std::collections::BTreeMap::new(),
        done: true,
    };
    world.sandbox.add_fault(on_sends(busy).every(2));
    let paid = world.pay_orders(6).await;
    world.service().sync_orders().await;
    for order in &paid {
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
        assert_eq!(sends_of(&world.sandbox, &order.code).len(), 1);
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn no_call_is_made_before_retry_after() {
    // At most an hour: a longer one may be a mistake.
    for (retry_after, as_date, believed) in
        [(1800, false, 1800), (1800, true, 1800), (7200, false, 3600)]
    {
        let world = World::named("slowly").build().await;
        let fault = on_sends(FaultKind::RateLimited {
            retry_after,
            as_date,
        });
        world.sandbox.add_fault(fault.times(1));
        let order = world.pay_order(&[("A-0", 1)]).await;
        let mut service = world.service();
        service.sweep().await;
        let asked_at = world.clock.now();
        assert_eq!(service.work().await, [SyncStatus::Retrying]);
        let record = world.record(&order.code).await.unwrap();
        let wait = record.next_attempt.unwrap() - asked_at;
        // A date has a resolution of one second.
        assert!(
            (believed - 1..=believed).contains(&wait.num_seconds()),
            "{wait}"
        );
        assert_eq!(record.retry_count, 0, "rate limiting uses up no attempts");
        assert_eq!(record.error_category, Some(ErrorCategory::RateLimited));
        service.settle().await;
        assert_eq!(world.status(&order.code).await, SyncStatus::Success);
        world.assert_settled().await;
    }
}

/// Only `rest` has tokens.
#[tokio::test]
async fn tokens_that_expire_meanwhile_are_renewed() {
    let world = World::named("tokens").build().await;
    world
        .sandbox
        .add_fault(Fault::on("/api/orders", FaultKind::ExpireToken).every(5));
    let paid = world.pay_orders(12).await;
    world.service().sync_orders().await;
    for order in &paid {
        let record = world.record(&order.code).await.unwrap();
        assert_eq!(
            (record.sync_status, record.retry_count),
            (SyncStatus::Success, 0)
        );
    }
    let requests = world.sandbox.requests();
    let tokens = requests
        .iter()
        .filter(|request| request.path == "/api/token")
        .count();
    assert!(tokens >= 3, "{tokens} tokens");
    world.assert_settled().await;
}

#[tokio::test]
async fn a_wrong_url_uses_up_no_attempts() {
    let world = World::named("nowhere").build().await;
    let fault = on_sends(error_response(404, "No HTTP resource was found"));
    world.sandbox.add_fault(fault.times(20));
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service_with(|settings| settings.max_attempts = 2);
    service.sweep().await;
    service.work().await;
    let record = world.record(&order.code).await.unwrap();
    assert_eq!(
        (record.sync_status, record.retry_count),
        (SyncStatus::Retrying, 0)
    );
    let message = record.error_message.unwrap();
    assert!(message.contains("VERACORE_API_URL"), "{message}");
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.assert_settled().await;
}
