//! Orders that VeraCore has: cancelled in the shop or at VeraCore, or edited in the shop.

use chrono::TimeDelta;
use serde_json::json;
use veracore_sync::{
    domain::{CancelStatus, OrderCode, SyncStatus},
    ledger::{EventState, OperatorOutcome, PostSendState, RetryMode},
    sandbox::{FaultKind, NewPackage},
    sync::jobs::run_once::ignore_progress,
};

use crate::harness::{Cart, Operation, PaidOrder, Service, Style, World};

/// Checks sent orders in the shop, and runs everything that is due within ten minutes.
async fn care(world: &World, service: &Service) {
    service.orders.find_cancelled_orders().await.unwrap();
    for _ in 0..20 {
        service.orders.process_cancellations().await.unwrap();
        service.orders.cancel_orders_in_shop().await.unwrap();
        world.advance(TimeDelta::seconds(31));
    }
}

/// Syncs the tracking of one order.
async fn track(service: &Service, order: &PaidOrder) {
    let code = OrderCode::parse(order.code.clone()).unwrap();
    service
        .tracking
        .run(Some(&code), &ignore_progress())
        .await
        .unwrap();
}

async fn order_state(world: &World, order: &PaidOrder) -> String {
    world.shop.fulfillment_state(order).await.0
}

async fn post_send_state(world: &World, order: &PaidOrder) -> PostSendState {
    world.record(&order.code).await.unwrap().post_send
}

/// The outcomes of the cancellation events of an order, oldest first.
async fn cancellation_outcomes(world: &World, order: &PaidOrder) -> Vec<String> {
    let events = world.ledger.events(None, 1000).await.unwrap();
    let mut cancellations: Vec<_> = events
        .into_iter()
        .filter(|event| event.event_type == "order.cancelled" && event.data["order"] == order.code)
        .collect();
    cancellations.sort_by_key(|event| event.occurred_at);
    assert!(
        cancellations
            .iter()
            .all(|event| event.state == EventState::Kept)
    );
    cancellations
        .iter()
        .map(|event| {
            event.data["outcome"]
                .as_str()
                .unwrap_or("not sent")
                .to_owned()
        })
        .collect()
}

/// An order that was sent more than an hour ago.
async fn sent_order(world: &World, service: &mut Service, lines: &[(&str, u32)]) -> PaidOrder {
    let order = world.pay_order(lines).await;
    service.sync_orders().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.advance(TimeDelta::hours(1));
    order
}

#[tokio::test]
async fn an_order_cancelled_after_sending_is_stopped_at_veracore() {
    let mut world = World::named("cancel-sent").build().await;
    let mut service = world.service();
    let order = sent_order(&world, &mut service, &[("A-0", 1)]).await;
    let other = sent_order(&world, &mut service, &[("A-0", 1)]).await;
    world.shop.cancel(&order).await;
    let can_cancel = service.provider.supports_cancellation();
    if !can_cancel {
        world.expect_error("have it cancelled at VeraCore");
    }
    care(&world, &service).await;
    let is = world.sandbox.order(&order.code).unwrap().status();
    let (state, status) = (
        post_send_state(&world, &order).await,
        world.status(&order.code).await,
    );
    if can_cancel {
        assert_eq!(
            state.cancel_status,
            Some(CancelStatus::Stopped),
            "{state:?}"
        );
        assert_eq!((is, status), ("Cancelled", SyncStatus::Cancelled));
        assert_eq!(cancellation_outcomes(&world, &order).await, ["stopped"]);
    } else {
        assert_eq!(state.cancel_status, Some(CancelStatus::ByHand), "{state:?}");
        assert_ne!(is, "Cancelled");
        assert_eq!(cancellation_outcomes(&world, &order).await, ["by_hand"]);
        // Somebody cancels it at VeraCore, and the next check sees it.
        world.sandbox.cancel(&order.code).unwrap();
        world.advance(TimeDelta::minutes(30));
        care(&world, &service).await;
        let state = post_send_state(&world, &order).await;
        assert_eq!(state.cancel_status, Some(CancelStatus::Stopped));
        assert_eq!(
            cancellation_outcomes(&world, &order).await,
            ["by_hand", "stopped"]
        );
    }
    assert_eq!(
        post_send_state(&world, &other).await,
        PostSendState::default()
    );
    assert_eq!(world.status(&other.code).await, SyncStatus::Success);
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_in_doubt_is_looked_up_before_it_is_stopped() {
    let mut world = World::named("cancel-doubt").build().await;
    let mut service = world.service();
    service.sync_orders().await;
    let lost = Style::current().fault(Operation::Send, FaultKind::DropAnswer);
    world.sandbox.add_fault(lost.times(1));
    let order = world.pay_order(&[("A-0", 1)]).await;
    service.poll().await;
    service.work().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::InDoubt);
    world.shop.cancel(&order).await;
    care(&world, &service).await;
    let state = post_send_state(&world, &order).await;
    assert_eq!(state.cancel_status, None, "VeraCore may not have it");
    service.settle().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    world.advance(TimeDelta::hours(1));
    if !service.provider.supports_cancellation() {
        world.expect_error("have it cancelled at VeraCore");
    }
    care(&world, &service).await;
    let state = post_send_state(&world, &order).await.cancel_status;
    let expected = if service.provider.supports_cancellation() {
        CancelStatus::Stopped
    } else {
        CancelStatus::ByHand
    };
    assert_eq!(state, Some(expected));
    world.assert_settled().await;
}

#[tokio::test]
async fn a_shipped_order_is_too_late_to_stop_and_a_voided_one_is_not() {
    let mut world = World::named("cancel-late").build().await;
    world.expect_error("though it is cancelled in Vendure");
    let mut service = world.service();
    let late = sent_order(&world, &mut service, &[("A-0", 1)]).await;
    let returned = sent_order(&world, &mut service, &[("A-1", 1)]).await;
    for order in [&late, &returned] {
        world
            .sandbox
            .ship(&order.code, vec![NewPackage::default()])
            .unwrap();
    }
    track(&service, &returned).await;
    for order in [&late, &returned] {
        world.shop.cancel(order).await;
    }
    care(&world, &service).await;
    let state = post_send_state(&world, &late).await;
    assert_eq!(
        state.cancel_status,
        Some(CancelStatus::TooLate),
        "{state:?}"
    );
    assert_eq!(cancellation_outcomes(&world, &late).await, ["too_late"]);
    assert_eq!(
        post_send_state(&world, &returned).await,
        PostSendState::default()
    );
    assert_eq!(cancellation_outcomes(&world, &returned).await, [""; 0]);
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_cancelled_at_veracore_is_reported_and_unchanged_in_the_shop() {
    let mut world = World::named("cancelled-there").build().await;
    world.expect_error("VeraCore cancelled the order");
    let mut service = world.service();
    let order = sent_order(&world, &mut service, &[("A-0", 1)]).await;
    world.sandbox.cancel(&order.code).unwrap();
    track(&service, &order).await;
    care(&world, &service).await;
    track(&service, &order).await;
    let state = post_send_state(&world, &order).await;
    assert!(state.cancelled_at_veracore.is_some() && state.cancel_status.is_none());
    assert_eq!(
        cancellation_outcomes(&world, &order).await,
        ["cancelled_at_veracore"]
    );
    assert_eq!(order_state(&world, &order).await, "PaymentSettled");
    world.assert_settled().await;
}

#[tokio::test]
async fn with_cancel_in_vendure_an_order_cancelled_at_veracore_is_cancelled_in_the_shop() {
    let mut world = World::named("cancelled-both").build().await;
    world.expect_error("VeraCore cancelled the order");
    let mut service = world.service_with(|settings| settings.cancel_in_shop = true);
    let order = sent_order(&world, &mut service, &[("A-0", 2)]).await;
    let part = sent_order(&world, &mut service, &[("A-1", 1), ("A-2", 1)]).await;
    // This one is partly fulfilled by hand.
    world.shop.fulfill(&part, &[(0, 1)], "1Z").await;
    for order in [&order, &part] {
        world.sandbox.cancel(&order.code).unwrap();
        track(&service, order).await;
    }
    care(&world, &service).await;
    care(&world, &service).await;
    assert_eq!(order_state(&world, &order).await, "Cancelled");
    let state = post_send_state(&world, &order).await;
    assert_eq!(
        state.cancel_status,
        Some(CancelStatus::Stopped),
        "{state:?}"
    );
    assert_eq!(
        cancellation_outcomes(&world, &order).await,
        ["cancelled_at_veracore", "stopped"]
    );
    assert_ne!(order_state(&world, &part).await, "Cancelled");
    let state = post_send_state(&world, &part).await;
    let message = state.cancel_message.unwrap();
    assert!(
        message.contains("VeraCore shipped a part of the order"),
        "{message}"
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_edited_after_sending_is_flagged_and_not_sent_again() {
    let world = World::named("edited-sent").build().await;
    let mut service = world.service();
    let order = world.shop.pay(&Cart::of(&[("A-0", 5), ("A-1", 1)])).await;
    service.sync_orders().await;
    assert_eq!(service.orders.check_sent_orders().await.unwrap().changed, 0);
    world.shop.transition(&order, "Modifying").await;
    assert_eq!(service.orders.check_sent_orders().await.unwrap().changed, 0);
    let edit = json!({
        "adjustOrderLines": [{ "orderLineId": order.lines[0].id, "quantity": 2 }],
        "updateShippingAddress": { "streetLine1": "7 Hidden Lane" },
    });
    world.shop.modify(&order, &edit).await;
    world.shop.transition(&order, "PaymentSettled").await;
    assert_eq!(service.orders.check_sent_orders().await.unwrap().changed, 1);
    assert_eq!(service.orders.check_sent_orders().await.unwrap().changed, 0);
    let state = post_send_state(&world, &order).await;
    let shown: Vec<String> = state
        .changed_since_sent
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        shown,
        ["lines (A-0: 5 sent, 2 in Vendure now)", "shippingAddress"]
    );
    service.sync_orders().await;
    assert_eq!(world.sandbox.orders().len(), 1);
    let rows = serde_json::to_string(&world.rows().await).unwrap();
    assert!(!rows.contains("Hidden Lane"), "no address is stored");
    world.assert_settled().await;
}

#[tokio::test]
async fn units_cancelled_at_veracore_are_not_sold_twice() {
    let mut world = World::named("cancelled-stock").build().await;
    world.expect_error("VeraCore cancelled the order");
    let mut service = world.service();
    world.sandbox.set_stock("A-0", 5);
    let order = sent_order(&world, &mut service, &[("A-0", 2)]).await;
    service.sync_stock().await;
    assert_eq!(world.shop.level("A-0").await.sellable(), 3);
    world.sandbox.cancel(&order.code).unwrap();
    track(&service, &order).await;
    service.sync_stock().await;
    // VeraCore has 5 available; 2 of them are still owed to the shop's order.
    assert_eq!(world.shop.level("A-0").await.sellable(), 3);
    world.sandbox.undo_cancellation(&order.code).unwrap();
    track(&service, &order).await;
    service.sync_stock().await;
    assert_eq!(world.shop.level("A-0").await.sellable(), 3);
    assert_eq!(
        post_send_state(&world, &order).await,
        PostSendState::default()
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn a_preview_and_a_manual_reconciliation_record_nothing() {
    let world = World::named("cancelled-dry").build().await;
    let mut service = world.service();
    let order = sent_order(&world, &mut service, &[("A-0", 1)]).await;
    world.sandbox.cancel(&order.code).unwrap();
    let before = world.rows().await;
    let code = OrderCode::parse(order.code.clone()).unwrap();
    service.tracking.preview(Some(&code)).await.unwrap();
    let summary = service
        .reconciliation
        .run(14, &ignore_progress())
        .await
        .unwrap();
    assert_eq!(summary.findings.len(), 1, "{summary:?}");
    assert_eq!(world.rows().await, before);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_stopped_order_that_ships_anyway_is_reported() {
    let mut world = World::named("stopped-shipped").build().await;
    world.expect_error("though it is cancelled in Vendure");
    world.expect_error("parcel needs attention");
    let mut service = world.service();
    let order = sent_order(&world, &mut service, &[("A-0", 1)]).await;
    world.shop.cancel(&order).await;
    world.sandbox.cancel(&order.code).unwrap();
    care(&world, &service).await;
    assert_eq!(cancellation_outcomes(&world, &order).await, ["stopped"]);
    let code = OrderCode::parse(order.code.clone()).unwrap();
    let verdict = world.ledger.retry_order(&code, RetryMode::Again).await;
    assert_eq!(verdict.unwrap(), OperatorOutcome::Stopped);
    world.sandbox.undo_cancellation(&order.code).unwrap();
    world.sandbox.ship(&order.code, vec![]).unwrap();
    service
        .tracking
        .run(None, &ignore_progress())
        .await
        .unwrap();
    service
        .tracking
        .run(None, &ignore_progress())
        .await
        .unwrap();
    assert_eq!(
        cancellation_outcomes(&world, &order).await,
        ["stopped", "too_late"]
    );
    let state = post_send_state(&world, &order).await;
    assert_eq!(
        state.cancel_status,
        Some(CancelStatus::TooLate),
        "{state:?}"
    );
    assert_eq!(world.sandbox.orders().len(), 1);
    world.assert_settled().await;
}

#[tokio::test]
async fn an_order_being_edited_is_cancelled_in_the_shop_after_the_edit() {
    let mut world = World::named("cancelled-edited").build().await;
    world.expect_error("VeraCore cancelled the order");
    let mut service = world.service_with(|settings| settings.cancel_in_shop = true);
    let order = sent_order(&world, &mut service, &[("A-0", 2)]).await;
    world.sandbox.cancel(&order.code).unwrap();
    track(&service, &order).await;
    world.shop.transition(&order, "Modifying").await;
    care(&world, &service).await;
    assert_eq!(order_state(&world, &order).await, "Modifying");
    let lines = world.shop.order_details(&order.id).await;
    assert!(lines.to_string().contains("\"quantity\":2"), "{lines}");
    world.shop.transition(&order, "PaymentSettled").await;
    care(&world, &service).await;
    assert_eq!(order_state(&world, &order).await, "Cancelled");
    world.assert_settled().await;
}

#[tokio::test]
async fn an_invalid_row_does_not_stop_the_others() {
    let mut world = World::named("cancel-odd").build().await;
    world.expect_error("have it cancelled at VeraCore");
    let mut service = world.service();
    let odd = sent_order(&world, &mut service, &[("A-0", 1)]).await;
    let order = sent_order(&world, &mut service, &[("A-0", 1)]).await;
    let statement = "update veracore_order_sync set sent_parts = '[]', changed_parts = '7'
         where vendure_order_code = $1";
    let written = sqlx::query(statement)
        .bind(&odd.code)
        .execute(&world.tables);
    assert_eq!(written.await.unwrap().rows_affected(), 1);
    world.shop.cancel(&odd).await;
    world.shop.cancel(&order).await;
    care(&world, &service).await;
    service.orders.check_sent_orders().await.unwrap();
    care(&world, &service).await;
    assert!(
        post_send_state(&world, &order)
            .await
            .cancel_status
            .is_some()
    );
    let restored = "update veracore_order_sync set sent_parts = null, changed_parts = null
         where vendure_order_code = $1";
    sqlx::query(restored)
        .bind(&odd.code)
        .execute(&world.tables)
        .await
        .unwrap();
    world.assert_settled().await;
}

#[tokio::test]
async fn an_adopted_order_that_is_cancelled_is_stopped_too() {
    let mut world = World::named("cancel-adopted").build().await;
    world.expect_error("which this installation never sent");
    let mut service = world.service();
    let order = world.pay_order(&[("A-0", 1)]).await;
    let items = vec![("A-0".to_owned(), 1).into()];
    world.sandbox.record_foreign(&order.code, items).unwrap();
    service.sync_orders().await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Error);
    world.shop.cancel(&order).await;
    let code = OrderCode::parse(order.code.clone()).unwrap();
    let verdict = world.ledger.retry_order(&code, RetryMode::Adopt).await;
    assert_eq!(verdict.unwrap(), OperatorOutcome::Done);
    service.settle().await;
    // VeraCore has it, so it does not count as never sent.
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    // A person must cancel it; then the operator requests another attempt.
    let by_hand = "update veracore_order_sync set cancel_status = 'by_hand', cancel_tries = 5,
         cancel_found_at = now(), cancel_next = now() where vendure_order_code = $1";
    let written = sqlx::query(by_hand)
        .bind(&order.code)
        .execute(&world.tables);
    assert_eq!(written.await.unwrap().rows_affected(), 1);
    let verdict = world.ledger.retry_order(&code, RetryMode::Again).await;
    assert_eq!(verdict.unwrap(), OperatorOutcome::Done);
    let state = post_send_state(&world, &order).await.cancel_status;
    assert_eq!(state, Some(CancelStatus::Requested));
    assert_eq!(world.sandbox.orders().len(), 1);
    world.assert_settled().await;
}

#[tokio::test]
async fn digests_and_cancellation_reasons_are_cleared_after_their_retention() {
    let mut world = World::named("care-private").build().await;
    world.expect_error("VeraCore cancelled the order");
    let mut service = world.service();
    let order = sent_order(&world, &mut service, &[("A-0", 1)]).await;
    world.sandbox.cancel(&order.code).unwrap();
    track(&service, &order).await;
    let kept = async || -> (bool, bool) {
        sqlx::query_as(
            "select sent_parts is not null, cancel_message is not null from veracore_order_sync
             where vendure_order_code = $1",
        )
        .bind(&order.code)
        .fetch_one(&world.tables)
        .await
        .unwrap()
    };
    let day = TimeDelta::days(1);
    let now = world.clock.now();
    world.ledger.clear_personal_data(now - day).await.unwrap();
    assert_eq!(kept().await, (true, true), "the retention is not over");
    world.ledger.clear_personal_data(now + day).await.unwrap();
    assert_eq!(kept().await, (false, false));
    world.assert_settled().await;
}
