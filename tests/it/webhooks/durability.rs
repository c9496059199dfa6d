//! A webhook answered with 202 is never lost, and one that cannot be stored is not answered with 202.

use serde_json::json;
use veracore_sync::sandbox::{Item, NewPackage};

use super::{Office, states, webhooks};
use crate::harness::{Daemon, WEBHOOK_SECRET, WebhookSender, World, until};

const AT: &str = "VERACORE_SYNC_CRASH_AT";

async fn at_rest(world: &World, settings: &[(&str, &str)]) -> (Daemon, WebhookSender) {
    let mut daemon = world
        .daemon()
        .with("VERACORE_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .with("SYNC_ENABLED", "false");
    for (name, value) in settings {
        daemon = daemon.with(name, value);
    }
    let mut daemon = daemon.spawn();
    daemon.wait_for("SYNC_ENABLED is false").await;
    until("the day's tidying is done", || async {
        let open: Vec<bool> = sqlx::query_scalar(
            "select ended_at is null from veracore_sync_run where job = 'tidy_ledger'",
        )
        .fetch_all(&world.tables)
        .await
        .unwrap();
        (open == [false]).then_some(())
    })
    .await;
    let sender = WebhookSender::to(daemon.address().await, world);
    (daemon, sender)
}

async fn all_done(world: &World) {
    until("all webhooks are dealt with", || async {
        let states = states(world).await;
        (!states.is_empty() && states.iter().all(|state| state == "done")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_killed_daemon_loses_no_webhook_and_the_next_one_processes_them() {
    let world = World::named("webhook_kill").real_time().build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.service().sync_orders().await;
    world.sandbox.set_stock("A-1", 12);
    let package = NewPackage {
        tracking_number: Some("K1".into()),
        items: Some(vec![Item::from(("A-0".to_owned(), 1))]),
        ..NewPackage::default()
    };
    world.sandbox.ship(&order.code, vec![package]).unwrap();
    let (mut daemon, sender) = at_rest(&world, &[]).await;
    let (other, to_other) = at_rest(&world, &[]).await;
    let notice = json!({ "OrderNumber": order.code, "TrackingNumber": "K1", "Status": "Shipped" });
    let once = sender.sign(notice.to_string().as_bytes());
    assert_eq!(sender.send("tracking-update", &once).await.0, 202);
    assert_eq!(
        to_other.send("tracking-update", &once).await.0,
        401,
        "another replica knows it"
    );
    sender
        .deliver(
            "inventory-update",
            &json!({ "SKU": "A-1", "AvailableQuantity": 12 }),
        )
        .await;
    sender
        .deliver(
            "order-update",
            &json!({ "OrderNumber": order.code, "Status": "Shipped" }),
        )
        .await;
    daemon.kill_9();
    other.stop().await;
    assert_eq!(states(&world).await, ["waiting"; 3]);
    let next_daemon = world
        .daemon()
        .with("VERACORE_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .start()
        .await;
    all_done(&world).await;
    assert_eq!(world.shop.fulfillment_state(&order).await.0, "Shipped");
    assert_eq!(world.shop.level("A-1").await.on_hand, 12);
    // A webhook received meanwhile is processed at once.
    world.sandbox.set_stock("A-1", 13);
    let mut next_daemon = next_daemon;
    let sender = WebhookSender::to(next_daemon.address().await, &world);
    sender
        .deliver(
            "inventory-update",
            &json!({ "SKU": "A-1", "AvailableQuantity": 13 }),
        )
        .await;
    all_done(&world).await;
    assert_eq!(world.shop.level("A-1").await.on_hand, 13);
    next_daemon.stop().await;
    world.assert_settled().await;
}

/// Sends a webhook to a daemon that may still be starting, may ask for a resend, or may crash.
async fn send_until_answered(
    world: &World,
    daemon: &mut Daemon,
    notice: &serde_json::Value,
) -> Option<(u16, String)> {
    let body = notice.to_string();
    let line = daemon.wait_for("veracore-sync started").await;
    let sender = WebhookSender::to(line["listen"].as_str().unwrap().parse().unwrap(), world);
    loop {
        let webhook = sender.sign(body.as_bytes());
        let answer = sender.try_send("tracking-update", &webhook).await;
        if !matches!(answer, Some((503, _))) {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_crash_at_each_write_is_recovered() {
    let world = World::named("webhook_crash").real_time().build().await;
    let mut service = world.service();
    for (at, write) in [
        "insert_webhook",
        "claim_webhooks",
        "finish_webhook",
        "postpone_webhook",
    ]
    .into_iter()
    .enumerate()
    {
        for when in ["before", "after"] {
            let order = world.pay_order(&[("A-0", 1)]).await;
            service.sync_orders().await;
            let package = NewPackage {
                tracking_number: Some(format!("{at}{when}")),
                items: Some(vec![Item::from(("A-0".to_owned(), 1))]),
                ..NewPackage::default()
            };
            // It is postponed until VeraCore lists the package.
            if write != "postpone_webhook" {
                world
                    .sandbox
                    .ship(&order.code, vec![package.clone()])
                    .unwrap();
            }
            let point = format!("ledger.{write}.{when}");
            let mut victim = world
                .daemon()
                .with("VERACORE_WEBHOOK_SECRET", WEBHOOK_SECRET)
                .with(AT, &point)
                .spawn();
            let notice = json!({ "OrderNumber": order.code, "TrackingNumber": format!("{at}{when}"), "Status": "Shipped" });
            let answer = send_until_answered(&world, &mut victim, &notice).await;
            assert_eq!(
                victim.wait_exit().await.code(),
                None,
                "{point}: {}",
                victim.stderr()
            );
            if write == "insert_webhook" {
                assert_eq!(answer, None, "{point}: it crashed before it responded");
            }
            // Expire the crashed process's leases.
            sqlx::raw_sql(
                "update veracore_webhook set lease_until = now() where lease_until is not null;
                 update veracore_lease set lease_until = now() - interval '1 second'",
            )
            .execute(&world.tables)
            .await
            .unwrap();
            if write == "postpone_webhook" {
                world.sandbox.ship(&order.code, vec![package]).unwrap();
            }
            let mut next_daemon = world
                .daemon()
                .with("VERACORE_WEBHOOK_SECRET", WEBHOOK_SECRET)
                .start()
                .await;
            let sender = WebhookSender::to(next_daemon.address().await, &world);
            // Resend it, because it may not have been answered.
            sender.deliver("tracking-update", &notice).await;
            sqlx::query("update veracore_webhook set next_attempt = now() where next_attempt is not null and lease_token is null")
                .execute(&world.tables)
                .await
                .unwrap();
            all_done(&world).await;
            next_daemon.stop().await;
            let (state, fulfillments, _) = world.shop.fulfillment_state(&order).await;
            assert_eq!(
                (state.as_str(), fulfillments.len()),
                ("Shipped", 1),
                "{point}"
            );
        }
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn without_the_database_the_sender_is_asked_to_resend() {
    let mut world = World::named("webhook_away").real_time().build().await;
    world.expect_error("webhook not stored");
    world.expect_error("maintenance of the ledger cannot run on schedule");
    let proxy = world.database_proxy();
    let (daemon, sender) = at_rest(&world, &[("DATABASE_URL", proxy.url())]).await;
    let body = json!({ "OrderNumber": "C1", "Status": "Shipped" });
    let once = sender.sign(body.to_string().as_bytes());
    proxy.close();
    assert_eq!(sender.send("order-update", &once).await.0, 503);
    assert_eq!(webhooks(&world).await, []);
    proxy.open();
    assert_eq!(sender.send("order-update", &once).await.0, 202);
    assert_eq!(states(&world).await, ["waiting"]);
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_stopping_daemon_claims_no_webhook() {
    let world = World::named("webhook_stop").build().await;
    let service = world.service();
    let office = Office::of(&service, &world).await;
    let body = json!({ "OrderNumber": "C1", "Status": "Shipped" });
    office.sender.deliver("order-update", &body).await;
    service.tasks.stop();
    assert_eq!(office.work().await, 0);
    let office = Office::of(&world.service(), &world).await;
    assert_eq!(webhooks(&world).await[0].2, 0);
    assert_eq!(office.work().await, 1);
    assert_eq!(states(&world).await, ["unknown"]);
    world.assert_settled().await;
}

/// Every process crashes on it; it is given up, and the next webhook is processed.
#[tokio::test]
async fn a_webhook_that_crashes_every_process_is_given_up() {
    let mut world = World::named("webhook_poison").build().await;
    world.expect_error("webhook given up");
    let office = Office::of(&world.service(), &world).await;
    let body = json!({ "OrderNumber": "C1", "Status": "Shipped" });
    office.sender.deliver("order-update", &body).await;
    office.sender.deliver("order-update", &body).await;
    sqlx::query(
        "update veracore_webhook set attempts = 15, lease_token = gen_random_uuid(), lease_until = $1
         where id = (select min(id) from veracore_webhook)",
    )
    .bind(world.clock.now())
    .execute(&world.tables)
    .await
    .unwrap();
    assert_eq!(office.work().await, 2);
    assert_eq!(states(&world).await, ["failed", "unknown"]);
    world.assert_settled().await;
}
