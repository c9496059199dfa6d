//! The dashboard over HTTP. `tests/browser` tests it in a real browser.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Method;
use serde_json::json;
use sqlx::AssertSqlSafe;
use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind},
};

use super::{served, served_at_rest};
use crate::harness::{Browser, TOKEN, World, until};

const SESSION: &str = "veracore_sync_session";
const PASSWORD: &str = "pass word";

const PAGES: [&str; 4] = ["/", "/orders", "/inventory", "/settings"];

async fn sql(world: &World, statement: &str) {
    sqlx::query(AssertSqlSafe(statement))
        .execute(&world.tables)
        .await
        .unwrap();
}

/// Creates an administrator with these permissions in the test's channel; returns the user name.
async fn staff(world: &World, name: &str, permissions: &[&str]) -> String {
    let (channel, _) = world.shop.channels().await;
    let role = world.shop.make_role(name, permissions, &channel).await;
    world.shop.session_of_role(name, &role).await;
    world.shop.login_of(name)
}

const ALL: [&str; 4] = [
    "ReadOrder",
    "UpdateOrder",
    "UpdateCatalog",
    "UpdateSettings",
];

#[tokio::test]
async fn pages_need_a_login_until_logout() {
    let world = World::named("login").real_time().build().await;
    let (mut daemon, _) = served_at_rest(&world).await;
    let browser = Browser::new(daemon.address().await);
    for path in PAGES {
        let seen = browser.get(path).await;
        let next = path.replace('/', "%2F");
        assert_eq!(
            (seen.status, seen.to),
            (303, Some(format!("/login?next={next}")))
        );
    }
    let name = staff(&world, "ann", &ALL).await;
    let wrong = browser.log_in(&name, "wrong").await;
    assert_eq!(wrong.status, 401);
    assert!(
        wrong
            .text
            .contains("does not accept this name and password")
    );
    assert_eq!(browser.cookie(SESSION), None);

    let entered = browser.log_in(&name, PASSWORD).await;
    assert_eq!(entered.to.as_deref(), Some("/orders?status=error"));
    let cookies = &entered.headers["set-cookie"];
    let ours = cookies.iter().find(|c| c.starts_with(SESSION)).unwrap();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(ours.contains(word), "{ours}");
    }
    for path in PAGES {
        let seen = browser.get(path).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        assert!(seen.text.contains(&name));
        let policy = seen.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(seen.header("cache-control"), "no-store");
    }
    assert_eq!(browser.get("/nothing").await.status, 404);
    assert_eq!(browser.get("/orders/NONE").await.status, 404);
    // The digest in the database is not a valid session.
    let rows = world.rows().await["veracore_web_session"].clone();
    let row = rows.as_array().unwrap()[0].clone();
    let cookie = browser.cookie(SESSION).unwrap();
    assert!(!rows.to_string().contains(&cookie));
    let thief = Browser::new(daemon.address().await);
    thief.set_cookie(SESSION, row["digest"].as_str().unwrap());
    assert_eq!(thief.get("/").await.status, 303);

    let token = browser.get("/").await.form_token();
    let left = browser.post("/logout", &[("form_token", &token)]).await;
    assert_eq!((left.status, left.to.as_deref()), (303, Some("/login")));
    assert_eq!(browser.cookie(SESSION), None);
    browser.set_cookie(SESSION, &cookie);
    assert_eq!(browser.get("/").await.status, 303, "it is over, not hidden");
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_session_expires() {
    let world = World::named("ends").real_time().build().await;
    let (mut daemon, _) = served_at_rest(&world).await;
    let name = staff(&world, "ann", &ALL).await;
    let browser = Browser::new(daemon.address().await);
    let used_at = async || -> chrono::DateTime<chrono::Utc> {
        sqlx::query_scalar("select used_at from veracore_web_session")
            .fetch_one(&world.tables)
            .await
            .unwrap()
    };
    browser.log_in(&name, PASSWORD).await;
    sql(
        &world,
        "update veracore_web_session set used_at = used_at - interval '29 minutes'",
    )
    .await;
    let before = used_at().await;
    // Requests of the page's script do not extend the session.
    let by_script = browser.request(Method::GET, "/").header("x-live", "1");
    assert_eq!(browser.send(by_script).await.status, 200);
    let stream = browser.request(Method::GET, "/live").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    drop(stream);
    assert_eq!(used_at().await, before);
    assert_eq!(browser.get("/").await.status, 200);
    assert!(used_at().await > before);
    for past in [
        "used_at = used_at - interval '31 minutes'",
        "created_at = created_at - interval '12 hours'",
    ] {
        sql(&world, &format!("update veracore_web_session set {past}")).await;
        assert_eq!(browser.get("/").await.status, 303, "{past}");
        browser.log_in(&name, PASSWORD).await;
        assert_eq!(browser.get("/").await.status, 200);
    }
    let rows = world.rows().await["veracore_web_session"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1, "those that are over go");
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn forms_are_accepted_only_from_our_own_pages() {
    let mut world = World::named("forms").real_time().build().await;
    world.expect_error("order needs attention");
    let refusal = FaultKind::Status {
        status: 400,
        body: json!({ "message": "<img src=x onerror=alert(1)>" }),
        headers: BTreeMap::new(),
        done: false,
    };
    world.sandbox.add_fault(Fault {
        method: Some("POST".into()),
        ..Fault::on("/api/orders", refusal)
    });
    let (mut daemon, _) = served(&world).await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    until("it is refused", || async {
        let record = world.record(&order.code).await?;
        (record.sync_status == SyncStatus::Error).then_some(())
    })
    .await;
    world.sandbox.clear_faults();
    let name = staff(&world, "ann", &ALL).await;
    let browser = Browser::new(daemon.address().await);
    browser.log_in(&name, PASSWORD).await;
    let page = browser.get(&format!("/orders/{}", order.code)).await;
    assert!(page.text.contains("&#60;img src=x onerror=alert(1)&#62;"));
    assert!(!page.text.contains("<img"));
    let overview = browser.get("/").await;
    assert!(overview.text.contains("1 order needs action"));

    let other = Browser::new(daemon.address().await);
    other.log_in(&name, PASSWORD).await;
    let foreign = other.get("/").await.form_token();
    let path = format!("/orders/{}/skip", order.code);
    for fields in [vec![], vec![("form_token", foreign.as_str())]] {
        assert_eq!(browser.post(&path, &fields).await.status, 403);
    }
    let own = browser.get(&path).await.form_token();
    let elsewhere = browser
        .request(Method::POST, &path)
        .header("sec-fetch-site", "cross-site")
        .form(&[("form_token", &own)]);
    assert_eq!(browser.send(elsewhere).await.status, 403);
    let endless = "x".repeat(9000);
    let fields = [("form_token", own.as_str()), ("more", endless.as_str())];
    assert_eq!(browser.post(&path, &fields).await.status, 413);
    assert_eq!(world.status(&order.code).await, SyncStatus::Error);

    let done = browser.confirm(&path).await;
    let back = format!("/orders/{}", order.code);
    assert_eq!(done.to.as_deref(), Some(back.as_str()));
    assert_eq!(world.status(&order.code).await, SyncStatus::Skipped);
    assert!(browser.get(&back).await.text.contains("Order skipped."));
    assert!(
        !browser.get(&back).await.text.contains("Order skipped."),
        "shown once"
    );
    browser.confirm(&format!("{back}/send")).await;
    assert_eq!(world.status(&order.code).await, SyncStatus::Success);
    let page = browser.get(&back).await;
    assert!(
        page.text.contains("VeraCore accepted the order (VC-"),
        "{}",
        page.text
    );
    assert!(page.text.contains("A-0") && page.text.contains("•••"));
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn users_have_the_permissions_of_their_role() {
    let world = World::named("may").real_time().build().await;
    let (mut daemon, _) = served_at_rest(&world).await;
    let address = daemon.address().await;
    let nobody = staff(&world, "nobody", &["UpdateOrder"]).await;
    let refused = Browser::new(address).log_in(&nobody, PASSWORD).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("ReadOrder"));
    let reader = Browser::new(address);
    let name = staff(&world, "reader", &["ReadOrder"]).await;
    reader.log_in(&name, PASSWORD).await;
    for path in PAGES {
        let seen = reader.get(path).await;
        assert_eq!(seen.status, 200);
        assert_eq!(
            seen.text.matches("method=\"post\"").count(),
            1,
            "logout only"
        );
    }
    let token = reader.get("/").await.form_token();
    for path in [
        "/orders/X/retry",
        "/orders/X/send",
        "/orders/X/skip",
        "/inventory/sync",
        "/tracking/sync",
        "/inventory/runs/1/accept",
        "/inventory/runs/1/discard",
        "/settings/pause",
        "/settings/resume",
    ] {
        let seen = reader.post(path, &[("form_token", &token)]).await;
        assert_eq!(seen.status, 403, "{path}");
        assert!(seen.text.contains("lacks the permission"), "{}", seen.text);
    }
    // API_TOKEN is valid for the API only.
    let holder = Browser::new(address)
        .request(Method::GET, "/orders")
        .bearer_auth(TOKEN);
    assert_eq!(reader.send(holder).await.status, 303);
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn an_open_page_is_notified_of_changes_until_the_stop() {
    let world = World::named("live").real_time().build().await;
    let (mut daemon, _) = served(&world).await;
    let name = staff(&world, "ann", &ALL).await;
    let browser = Browser::new(daemon.address().await);
    assert_eq!(browser.get("/live").await.status, 303);
    browser.log_in(&name, PASSWORD).await;
    let mut stream = browser.request(Method::GET, "/live").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let first = stream.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"retry:"), "{first:?}");
    let order = world.pay_order(&[("A-0", 1)]).await;
    let notified = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let chunk = stream.chunk().await.unwrap().unwrap();
            if chunk.starts_with(b"event: changed") {
                return;
            }
        }
    });
    notified.await.expect("a change is notified");
    world.wait_until_sent(&order.code).await;
    let began = tokio::time::Instant::now();
    daemon.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "an open page keeps nobody from stopping"
    );
    world.assert_settled().await;
}

/// Crashes at a given point, as by `kill -9`.
const AT: &str = "VERACORE_SYNC_CRASH_AT";

#[tokio::test]
async fn a_crash_at_each_write_is_recovered() {
    let world = World::named("web_crash").real_time().build().await;
    let (mut healthy, _) = served_at_rest(&world).await;
    let name = staff(&world, "ann", &ALL).await;
    for write in [
        "insert_web_session",
        "touch_web_session",
        "delete_web_session",
        "discard_quarantined_feed",
    ] {
        for when in ["before", "after"] {
            let point = format!("ledger.{write}.{when}");
            let run: i64 = sqlx::query_scalar(
                "insert into veracore_sync_run (job, scheduled_for, started_at, ended_at, outcome)
                 values ('sync_inventory', clock_timestamp(), now(), now(), 'held') returning id",
            )
            .fetch_one(&world.tables)
            .await
            .unwrap();
            let browser = Browser::new(healthy.address().await);
            browser.log_in(&name, PASSWORD).await;
            let token = browser.get("/").await.form_token();
            sql(
                &world,
                "update veracore_web_session set used_at = used_at - interval '5 minutes'",
            )
            .await;
            let mut victim = world
                .daemon()
                .with("SYNC_ENABLED", "false")
                .with(AT, &point)
                .spawn();
            victim.wait_for("SYNC_ENABLED is false").await;
            let there = Browser::new(victim.address().await);
            let fields = if write == "insert_web_session" {
                let token = there.get("/login").await.form_token();
                vec![
                    ("form_token", token),
                    ("username", name.clone()),
                    ("password", PASSWORD.into()),
                ]
            } else {
                there.set_cookie(SESSION, &browser.cookie(SESSION).unwrap());
                vec![("form_token", token)]
            };
            let (method, path) = match write {
                "insert_web_session" => (Method::POST, "/login".to_owned()),
                "touch_web_session" => (Method::GET, "/".to_owned()),
                "delete_web_session" => (Method::POST, "/logout".to_owned()),
                _ => (Method::POST, format!("/inventory/runs/{run}/discard")),
            };
            let answer = there.request(method, &path).form(&fields).send().await;
            assert!(answer.is_err(), "{point}: it died before it could answer");
            assert_eq!(victim.wait_exit().await.code(), None, "{point}");
            // Expire the crashed process's leases.
            sql(
                &world,
                "update veracore_lease set lease_until = now() - interval '1 second'",
            )
            .await;
            let is_out = point == "ledger.delete_web_session.after";
            let seen = browser.get("/").await.status;
            assert_eq!(seen, if is_out { 303 } else { 200 }, "{point}");
            browser.log_in(&name, PASSWORD).await;
            let token = browser.get("/").await.form_token();
            let discard = format!("/inventory/runs/{run}/discard");
            browser.post(&discard, &[("form_token", &token)]).await;
            let by: Option<String> = sqlx::query_scalar(
                "select result ->> 'discardedBy' from veracore_sync_run where id = $1",
            )
            .bind(run)
            .fetch_one(&world.tables)
            .await
            .unwrap();
            assert_eq!(by.as_deref(), Some(name.as_str()), "{point}");
        }
    }
    healthy.stop().await;
    world.assert_settled().await;
}
