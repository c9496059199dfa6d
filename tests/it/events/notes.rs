//! Notes on the real shop's orders: each written once, despite faults.

use std::pin::pin;

use veracore_sync::{
    ledger::NoteOutcome,
    sync::{
        context::SyncContext,
        outbox::{NoteSettings, NoteWriter},
    },
    vendure::Storefront,
};

use super::*;
use crate::harness::{FaultyShop, ShopCall, ShopFault};

fn notes(world: &World, shop: Arc<dyn Storefront>) -> NoteWriter {
    let context = SyncContext {
        storefront: shop,
        ..SyncContext::clone(&world.service().orders)
    };
    NoteWriter::new(context, NoteSettings::from_timeout(Duration::from_secs(20)))
}

/// Writes all notes while advancing time.
async fn write_all(world: &World, notes: &NoteWriter) {
    for _ in 0..100 {
        while let Some(note) = notes.lease_due().await.unwrap() {
            notes.write(&note).await.unwrap();
        }
        let open: i64 = sqlx::query_scalar(
            "select count(*) from veracore_order_note where note_status in ('due', 'intended')",
        )
        .fetch_one(&world.tables)
        .await
        .unwrap();
        if open == 0 {
            return;
        }
        world.advance(TimeDelta::minutes(1));
    }
    panic!("notes do not come to rest");
}

#[tokio::test]
async fn each_outcome_of_an_order_is_noted_once() {
    let mut world = World::named("noted").build().await;
    world.expect_error("order needs attention");
    let before = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    world.ledger.set_notes_enabled(true).await.unwrap();
    let shipped = world.pay_order(&[("A-0", 2)]).await;
    let cancelled = world.pay_order(&[("A-1", 1)]).await;
    service.sweep().await;
    world.shop.cancel(&cancelled).await;
    service.settle().await;
    world.sandbox.ship(&shipped.code, vec![]).unwrap();
    service.sync_tracking().await;
    let notes = notes(&world, Arc::new(world.storefront()));
    write_all(&world, &notes).await;
    write_all(&world, &notes).await;
    let written = world.shop.notes(&shipped).await;
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(
        written[0].starts_with("VeraCore has accepted this order as "),
        "{written:?}"
    );
    let (_, packages, _) = world.shop.fulfillment_state(&shipped).await;
    assert!(
        written[1].starts_with("VeraCore has shipped from this order")
            && written[1].contains(&packages[0].tracking),
        "{written:?}"
    );
    let written = world.shop.notes(&cancelled).await;
    assert_eq!(written.len(), 1);
    assert!(
        written[0].contains("was cancelled before it was sent to VeraCore"),
        "{written:?}"
    );
    assert_eq!(
        world.shop.notes(&before).await,
        Vec::<String>::new(),
        "nobody wanted notes then"
    );
    // Notes on an order that the shop no longer has are given up.
    sqlx::query("update veracore_order_sync set vendure_order_id = '99999999' where vendure_order_code = $1")
        .bind(&before.code)
        .execute(&world.tables)
        .await
        .unwrap();
    let row: i64 =
        sqlx::query_scalar("select id from veracore_order_sync where vendure_order_code = $1")
            .bind(&before.code)
            .fetch_one(&world.tables)
            .await
            .unwrap();
    world
        .ledger
        .record_tracking(row, "x", &json!({ "trackingNumbers": [] }))
        .await
        .unwrap();
    let note = notes.lease_due().await.unwrap().unwrap();
    assert!(matches!(
        notes.write(&note).await.unwrap(),
        Some(NoteOutcome::Dropped { .. })
    ));
    world.assert_settled().await;
}

/// The response is lost, or the process crashes before or after the call.
#[tokio::test]
async fn a_note_is_written_once_despite_lost_responses_and_crashes() {
    for fault in [
        ShopFault::ResponseLost,
        ShopFault::CrashBefore,
        ShopFault::CrashAfter,
    ] {
        let world = World::named("once").build().await;
        world.ledger.set_notes_enabled(true).await.unwrap();
        let order = world.pay_order(&[("A-0", 1)]).await;
        world.service().sync_orders().await;
        let (shop, died) = FaultyShop::new(Arc::new(world.storefront()), ShopCall::AddNote, fault);
        let mortal = notes(&world, shop);
        let note = mortal.lease_due().await.unwrap().unwrap();
        tokio::select! {
            noted = pin!(mortal.write(&note)) => assert!(matches!(noted.unwrap(), Some(NoteOutcome::InDoubt { .. }))),
            () = died.notified() => assert_ne!(fault, ShopFault::ResponseLost),
        }
        let there = usize::from(fault != ShopFault::CrashBefore);
        assert_eq!(world.shop.notes(&order).await.len(), there, "{fault:?}");
        // It stays leased until the shop has certainly finished the call.
        let next_writer = notes(&world, Arc::new(world.storefront()));
        assert_eq!(next_writer.lease_due().await.unwrap(), None);
        write_all(&world, &next_writer).await;
        assert_eq!(world.shop.notes(&order).await.len(), 1, "{fault:?}");
        let status: String = sqlx::query_scalar("select note_status from veracore_order_note")
            .fetch_one(&world.tables)
            .await
            .unwrap();
        assert_eq!(status, "written");
        world.assert_settled().await;
    }
}

#[tokio::test]
async fn notes_of_the_time_when_they_were_disabled_are_not_written_later() {
    let world = World::ledger_only("off").await;
    let ledger = &world.ledger;
    ledger.set_notes_enabled(true).await.unwrap();
    fails(ledger, 1, 1).await;
    ledger.set_notes_enabled(false).await.unwrap();
    fails(ledger, 1, 1).await;
    ledger.set_notes_enabled(true).await.unwrap();
    let claim = async || {
        let pause = Duration::from_secs(3600);
        ledger.claim_due_note(LEASE, pause).await.unwrap()
    };
    assert_eq!(claim().await, None);
    fails(ledger, 1, 2).await;
    let first = claim().await.unwrap();
    assert_eq!(claim().await, None, "the order's second one waits");
    ledger
        .record_note_outcome(&first, &NoteOutcome::Written)
        .await
        .unwrap();
    let second = claim().await.unwrap();
    ledger
        .record_note_outcome(&second, &NoteOutcome::Written)
        .await
        .unwrap();
    world.assert_settled().await;
}
