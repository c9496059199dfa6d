//! The reconciliation between shop, ledger and VeraCore, by the command and by the nightly job.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use veracore_sync::{
    sandbox::{Fault, FaultKind, NewPackage},
    sync::{jobs::Job, reconcile::JOB},
};

use crate::harness::{Operation, PaidOrder, Style, World, calendar, error_response};

/// A fault at the lookup of an order.
fn on_look_up(order: &PaidOrder, kind: impl Fn(Style) -> FaultKind) -> Fault {
    let style = Style::current();
    style
        .fault(Operation::LookUp, kind(style))
        .about(&order.code)
}

fn refused(style: Style) -> FaultKind {
    style.refusal("refused by the test")
}

async fn change_ledger(world: &World, change: &'static str, order: &PaidOrder) {
    let changed = sqlx::query(change)
        .bind(&order.code)
        .execute(&world.tables)
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1);
}

fn shipped_six_days_ago(world: &World) -> NewPackage {
    let at = world.clock.now() - TimeDelta::days(6);
    NewPackage {
        ship_date: Some(at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        ..NewPackage::default()
    }
}

/// The recorded result of the only run.
async fn kept(world: &World) -> Value {
    sqlx::query_scalar("select result from veracore_sync_run where job = $1")
        .bind(JOB)
        .fetch_one(&world.tables)
        .await
        .unwrap()
}

/// `(kind, order)` of the findings.
fn kinds(printed: &Value) -> Vec<(&str, &str)> {
    let findings = printed["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|f| (f["kind"].as_str().unwrap(), f["order"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_healthy_world_gives_no_finding() {
    let world = World::named("reconciled").real_time().build().await;
    let before = world.cli(&["reconcile", "--json"]).await;
    assert_eq!(before.status, 1, "there has been no reconciliation");
    assert!(before.stderr.contains("veracore-sync run"), "{before:?}");

    let shipped = world.pay_order(&[("A-0", 2)]).await;
    let open = world.pay_order(&[("A-0", 1), ("A-1", 3)]).await;
    let part = world.pay_order(&[("A-2", 1), ("A-3", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;
    world.sandbox.ship(&shipped.code, vec![]).unwrap();
    let package = NewPackage {
        items: Some(vec![("A-2".to_owned(), 1).into()]),
        ..NewPackage::default()
    };
    world.sandbox.ship(&part.code, vec![package]).unwrap();
    service.sync_tracking().await;
    // Cancelled before sending: only in the shop.
    let cancelled = world.pay_order(&[("A-0", 1)]).await;
    world.shop.cancel(&cancelled).await;
    // Just paid: the next sweep will find it.
    let new = world.pay_order(&[("A-0", 1)]).await;
    let written = |world: &World| {
        let requests = world.sandbox.requests();
        let written = requests
            .iter()
            .filter(|r| Style::current().is_call(r, Operation::Send));
        (written.count(), world.sandbox.orders())
    };
    let before = written(&world);
    let printed = world.cli_json(&["reconcile", "--json"]).await;
    assert_eq!(
        (&printed["findings"], &printed["failures"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(
        printed["checked"],
        json!({ "inTriggerStates": 2, "inLedger": 3, "askedAtVeracore": 2, "notAsked": 0, "notListed": 0 })
    );
    let text = world.cli(&["reconcile"]).await;
    assert_eq!(text.status, 0);
    assert!(text.stdout.contains("no differences"), "{}", text.stdout);
    assert_eq!(written(&world), before);
    assert!(world.record(&new.code).await.is_none());
    assert_eq!(
        world.shop.order_details(&open.id).await["state"],
        "PaymentSettled"
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn each_finding_is_reported_with_its_remedy() {
    let world = World::named("irreconcilable").real_time().build().await;
    let fine = world.pay_order(&[("A-0", 1)]).await;
    let lost = world.pay_order(&[("A-0", 1)]).await;
    let revoked = world.pay_order(&[("A-0", 1)]).await;
    let edited = world.pay_order(&[("A-0", 1), ("A-1", 2)]).await;
    let late = world.pay_order(&[("A-0", 1)]).await;
    let cancelled = world.pay_order(&[("A-0", 1)]).await;
    let slow = world.pay_order(&[("A-0", 1)]).await;
    let untold = world.pay_order(&[("A-0", 1)]).await;
    let unreadable = world.pay_order(&[("A-0", 1)]).await;
    let gone = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    service.sync_orders().await;

    let not_found = on_look_up(&lost, Style::order_not_found);
    world.sandbox.add_fault(not_found);
    world.sandbox.add_fault(on_look_up(&unreadable, refused));
    world.sandbox.cancel(&revoked.code).unwrap();
    world.shop.cancel_line(&edited, 1).await;
    for order in [&late, &cancelled] {
        world.shop.cancel(order).await;
    }
    world.sandbox.ship(&late.code, vec![]).unwrap();
    world
        .sandbox
        .ship(&untold.code, vec![shipped_six_days_ago(&world)])
        .unwrap();
    let aged = "update veracore_order_sync set last_successful_sync = now() - interval '40 days' where vendure_order_code = $1";
    change_ledger(&world, aged, &slow).await;
    let other_id = "update veracore_order_sync set vendure_order_id = '987654321' where vendure_order_code = $1";
    change_ledger(&world, other_id, &gone).await;
    // Its id is unknown now, and it is too old to be discovered as new.
    world.shop.make_old(&gone, "null").await;
    let fault = Style::current().fault(Operation::Send, FaultKind::DropAnswer);
    world.sandbox.add_fault(fault.times(1));
    let doubtful = world.pay_order(&[("A-0", 1)]).await;
    service.poll().await;
    service.work().await;
    let long_ago = "update veracore_order_sync set sent_at = now() - interval '2 hours' where vendure_order_code = $1";
    change_ledger(&world, long_ago, &doubtful).await;
    let found = world.cli(&["reconcile", "--json"]).await;
    assert_eq!(found.status, 1, "{found:?}");
    let printed = found.json();
    assert_eq!(
        kinds(&printed),
        [
            ("missing_in_ledger", gone.code.as_str()),
            ("missing_in_vendure", &gone.code),
            ("missing_in_veracore", &lost.code),
            ("cancelled_in_veracore", &revoked.code),
            ("different_lines", &edited.code),
            ("shipped_after_cancel", &late.code),
            ("cancelled_after_send", &cancelled.code),
            ("shipped_not_fulfilled", &untold.code),
            ("never_shipped", &slow.code),
            ("stuck_in_doubt", &doubtful.code),
        ],
        "{printed:#}"
    );
    let findings = printed["findings"].as_array().unwrap();
    assert!(findings.iter().all(|f| f["advice"].as_str().unwrap() != ""));
    assert_eq!(
        findings[4]["detail"],
        "A-1: 2 sent, not in Vendure any more"
    );
    assert_eq!(printed["failures"].as_array().unwrap().len(), 1);
    assert_eq!(printed["failures"][0]["order"], unreadable.code.as_str());
    assert!(!found.stdout.contains(&fine.code));
    let warned = found.stderr.lines().filter(|l| l.contains("WARN"));
    assert!(warned.count() >= findings.len(), "{}", found.stderr);
    assert_eq!(kept(&world).await["findings"], printed["findings"]);

    let text = world.cli(&["reconcile", "--days", "50"]).await;
    assert_eq!(text.status, 1);
    assert!(
        text.stdout.contains("different_lines (1)"),
        "{}",
        text.stdout
    );
    assert!(!text.stdout.contains("never_shipped"), "{}", text.stdout);
    world.sandbox.clear_faults();
    service.settle().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn an_unavailable_upstream_fails_the_reconciliation() {
    let world = World::named("unreconciled").real_time().build().await;
    world.pay_orders(2).await;
    let mut service = world.service();
    service.sync_orders().await;
    for (setting, words) in [
        ("VERACORE_API_URL", "cannot look up orders at VeraCore"),
        ("VENDURE_API_URL", "no connection"),
    ] {
        let unreachable = [(setting, "http://127.0.0.1:1/api")];
        let failed = world.cli_with(&unreachable, &["reconcile", "--json"]).await;
        assert_eq!(failed.status, 1, "{failed:?}");
        let error = failed.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(words), "{error}");
    }
    let outcomes: Vec<String> =
        sqlx::query_scalar("select outcome from veracore_sync_run where job = $1")
            .bind(JOB)
            .fetch_all(&world.tables)
            .await
            .unwrap();
    assert_eq!(outcomes, ["failed", "failed"]);
    world.assert_settled().await;
}

#[tokio::test]
async fn too_many_open_orders_are_spread_over_several_nights() {
    let world = World::named("many_open").build().await;
    let orders = world.pay_orders(5).await;
    let mut service = world.service_with_options(|options| options.reconcile.max_lookups = 2);
    service.sync_orders().await;
    for order in &orders {
        world.sandbox.cancel(&order.code).unwrap();
    }
    let mut found = Vec::new();
    for _ in 0..3 {
        let (some, summary) = service.reconcile().await;
        assert!(some.len() <= 2);
        assert_eq!(summary.checked.asked_at_veracore, some.len() as u64);
        assert_eq!(summary.checked.not_asked, 5 - some.len() as u64);
        found.extend(some.into_iter().map(|(_, code)| code));
        world.advance(TimeDelta::days(1));
    }
    found.sort();
    let mut all: Vec<_> = orders.into_iter().map(|order| order.code).collect();
    all.sort();
    assert_eq!(found, all);
    world.assert_settled().await;
}

#[tokio::test]
async fn the_job_runs_once_a_night_and_resumes_after_a_stop() {
    let mut world = World::named("nightly").build().await;
    world.expect_error("VeraCore cancelled the order");
    let order = world.pay_order(&[("A-0", 1)]).await;
    let mut service = world.service();
    let another = world.service();
    service.sync_orders().await;
    let due = async |s: &crate::harness::Service| s.run_if_due(&s.reconciliation).await;
    assert!(!due(&service).await, "the first night has not come yet");
    let night = calendar()
        .next_after(Job::Reconcile, world.clock.now())
        .unwrap();
    world.advance(night - world.clock.now() - TimeDelta::seconds(1));
    assert!(!due(&service).await, "not yet");
    world.advance(TimeDelta::seconds(61));
    world.sandbox.cancel(&order.code).unwrap();
    // Stopped: the run has started and is left to the next process.
    let stopped = world.service();
    stopped.tasks.stop();
    assert!(due(&stopped).await);
    let runs = || async {
        sqlx::query_as::<_, (Option<String>, i32, Value)>(
            "select outcome, starts, result from veracore_sync_run where job = $1 order by id",
        )
        .bind(JOB)
        .fetch_all(&world.tables)
        .await
        .unwrap()
    };
    assert_eq!(runs().await, [(None, 1, json!({}))]);
    // VeraCore fails for a moment: retried in a minute.
    world
        .sandbox
        .add_fault(on_look_up(&order, |_| error_response(503, "busy")));
    assert!(due(&service).await);
    assert_eq!(runs().await, [(None, 2, json!({}))]);
    world.sandbox.clear_faults();
    world.advance(TimeDelta::minutes(1));
    assert!(due(&service).await);
    let ended = runs().await;
    assert_eq!((ended[0].0.as_deref(), ended[0].1), (Some("done"), 3));
    assert_eq!(ended[0].2["findings"][0]["kind"], "cancelled_in_veracore");
    let warnings = world.log_lines().into_iter();
    let warnings = warnings.filter(|line| line["kind"] == "cancelled_in_veracore");
    assert_eq!(warnings.count(), 1);
    // Once a night, for all replicas.
    assert!(!due(&another).await && !due(&service).await);
    world.advance(TimeDelta::days(1));
    assert!(due(&another).await);
    assert_eq!(runs().await.len(), 2);
    // The event is raised once, however many nights the finding lasts.
    let events = world.ledger.events(None, 1000).await.unwrap();
    let of_it = events
        .iter()
        .filter(|event| event.event_type == "order.cancelled");
    assert_eq!(of_it.count(), 1);
    world.assert_settled().await;
}
