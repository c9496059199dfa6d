//! Queries for the dashboard.

use chrono::TimeDelta;
use serde_json::json;
use veracore_sync::{
    clock::Clock as _,
    domain::ProviderOrderId,
    ledger::{
        OrderDisposition, OrderFilter, OrderGroup, RunOrigin, RunOutcome, RunReport, RunStart,
        SealedToken,
    },
};

use super::*;
use crate::harness::World;

#[tokio::test]
async fn a_day_is_listed_by_hour() {
    let world = World::ledger_only("day").await;
    let ledger = &world.ledger;
    assert_eq!(ledger.oldest_waiting_at().await.unwrap(), None);
    let order = claimed(ledger).await;
    let found = world.clock.now();
    world.clock.advance(TimeDelta::minutes(150));
    assert_eq!(ledger.oldest_waiting_at().await.unwrap(), Some(found));
    // Its lease has expired.
    let order = claim(ledger).await.unwrap_or(order);
    let id = ProviderOrderId::parse("VC-1").unwrap();
    let done = OrderDisposition::Acknowledged {
        provider_order_id: Some(id),
    };
    ledger.finish_order(&order, None, &done).await.unwrap();
    ledger
        .insert_discovered_orders(&[super::order(2)], Duration::ZERO)
        .await
        .unwrap();
    world.clock.advance(TimeDelta::minutes(10));

    let hours = ledger.hourly_orders().await.unwrap();
    assert_eq!(hours.len(), 24);
    assert_eq!(hours[23].ends_at, world.clock.now());
    let taken: Vec<u64> = hours.iter().map(|hour| hour.acknowledged).collect();
    assert_eq!(taken[23], 1);
    assert_eq!(taken.iter().sum::<u64>(), 1);
    let waits: Vec<i64> = hours
        .iter()
        .map(|hour| hour.oldest_wait.num_minutes())
        .collect();
    // Two hours ago the first had waited for 40 minutes, an hour ago for 100; now the second waits.
    assert_eq!(&waits[20..], [0, 40, 100, 10]);
    world.clock.advance(TimeDelta::hours(25));
    let hours = ledger.hourly_orders().await.unwrap();
    assert!(hours.iter().all(|hour| hour.acknowledged == 0));
    assert_eq!(hours[23].oldest_wait.num_minutes(), 25 * 60 + 10);
    world.assert_settled().await;
}

#[tokio::test]
async fn any_change_changes_the_token() {
    let world = World::ledger_only("mark").await;
    let ledger = &world.ledger;
    let mut marks = vec![ledger.change_token().await.unwrap()];
    let mut differs = async |what: &str| {
        let mark = ledger.change_token().await.unwrap();
        assert!(!marks.contains(&mark), "{what}: {mark}");
        assert_eq!(ledger.change_token().await.unwrap(), mark, "{what}");
        marks.push(mark);
        world.clock.advance(TimeDelta::seconds(1));
    };
    let order = claimed(ledger).await;
    differs("an order in work").await;
    ledger.release_order(&order).await.unwrap();
    differs("an order given back").await;
    ledger.skip_order(&order.code).await.unwrap();
    differs("an order taken out").await;
    let request = RunStart::Now {
        origin: RunOrigin::Operator,
        details: &json!({}),
    };
    let started = ledger.start_run(None, "sync_inventory", request).await;
    let run = started.unwrap().unwrap();
    differs("a run started").await;
    let quarantined = RunReport {
        outcome: RunOutcome::Quarantined,
        message: Some("it is empty".into()),
        ..RunReport::done(json!({ "held": { "suspicions": [{ "reason": "empty" }] } }))
    };
    ledger.finish_run(run, &quarantined).await.unwrap();
    differs("a run ended").await;
    assert!(
        ledger
            .discard_quarantined_feed("sync_inventory", run.number(), "ann")
            .await
            .unwrap()
    );
    differs("a held feed discarded").await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_quarantined_run_is_decided_once_and_superseded_by_a_good_one() {
    let world = World::ledger_only("decided").await;
    let ledger = &world.ledger;
    let held = async || {
        world.clock.advance(TimeDelta::minutes(1));
        let occurrence = RunStart::Occurrence {
            scheduled_for: world.clock.now(),
            missed: None,
        };
        let started = ledger.start_run(None, "sync_inventory", occurrence).await;
        let run = started.unwrap().unwrap();
        (run, run.number())
    };
    let undecided = async || -> Vec<i64> {
        let runs = ledger
            .undecided_quarantined_runs("sync_inventory", None, 9)
            .await
            .unwrap();
        runs.iter().map(|run| run.id).collect()
    };
    let end = async |run, outcome, result| {
        let report = RunReport {
            outcome,
            ..RunReport::done(result)
        };
        ledger.finish_run(run, &report).await.unwrap();
    };
    let (first, first_id) = held().await;
    end(first, RunOutcome::Quarantined, json!({})).await;
    let (second, second_id) = held().await;
    end(second, RunOutcome::Quarantined, json!({})).await;
    assert_eq!(undecided().await, [second_id, first_id]);
    let is_undecided = async |id| {
        let found = ledger
            .undecided_quarantined_runs("sync_inventory", Some(id), 1)
            .await
            .unwrap();
        found.iter().any(|run| run.id == id)
    };
    assert!(is_undecided(first_id).await);
    assert!(
        !ledger
            .discard_quarantined_feed("sync_tracking", first_id, "ann")
            .await
            .unwrap()
    );
    assert!(
        ledger
            .discard_quarantined_feed("sync_inventory", first_id, "ann")
            .await
            .unwrap()
    );
    assert!(
        !ledger
            .discard_quarantined_feed("sync_inventory", first_id, "bob")
            .await
            .unwrap()
    );
    let run = ledger.run(first_id).await.unwrap().unwrap();
    assert!(run.job == "sync_inventory" && run.is_quarantined());
    assert_eq!(run.discarded_by(), Some("ann"));
    // A run over one SKU does not supersede a feed.
    let (one, _) = held().await;
    end(one, RunOutcome::Done, json!({ "sku": "A" })).await;
    assert_eq!(undecided().await, [second_id]);
    let (good, _) = held().await;
    end(good, RunOutcome::Done, json!({})).await;
    assert_eq!(undecided().await, Vec::<i64>::new());
    assert!(!is_undecided(first_id).await && !is_undecided(second_id).await);
    world.assert_settled().await;
}

#[tokio::test]
async fn orders_are_listed_by_group() {
    let world = World::ledger_only("groups").await;
    let ledger = &world.ledger;
    let needs = [
        "cancel_status = 'by_hand'",
        "cancel_status = 'requested'",
        "cancel_status = 'too_late', cancel_found_at = updated_at",
        "veracore_cancelled_at = updated_at",
        "changed_parts = '[]'",
    ];
    let rests = [
        "cancel_status = 'stopped'",
        "cancel_status = 'too_late', cancel_found_at = updated_at - interval '31 days'",
        "changed_parts = '[]', aftercare_ended_at = updated_at",
        "veracore_cancelled_at = updated_at, closed_at = updated_at",
    ];
    let sent = needs.iter().chain(&rests);
    for (id, change) in (1..).zip(sent) {
        ledger
            .insert_discovered_orders(&[order(id)], Duration::ZERO)
            .await
            .unwrap();
        let statement = format!(
            "update veracore_order_sync set sync_status = 'success', next_attempt = null, {change}
             where vendure_order_code = 'ORDER-{id}'"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&world.pool)
            .await
            .unwrap();
    }
    ledger
        .insert_discovered_orders(&[order(99)], Duration::ZERO)
        .await
        .unwrap();
    let care: Vec<String> = (1..=needs.len())
        .rev()
        .map(|id| format!("ORDER-{id}"))
        .collect();
    for (group, codes) in [
        (OrderGroup::NeedsAttention, care),
        (OrderGroup::Waiting, vec!["ORDER-99".into()]),
    ] {
        let filter = OrderFilter {
            group: Some(group),
            limit: 99,
            ..OrderFilter::default()
        };
        let found = ledger.orders(&filter).await.unwrap();
        let found: Vec<String> = found.into_iter().map(|o| o.vendure_order_code).collect();
        assert_eq!(found, codes);
        let count = ledger.count_orders(&filter).await.unwrap();
        assert_eq!(count, codes.len() as u64);
    }
    // The same as on the overview.
    let count = ledger.count_post_send().await.unwrap();
    let counts = [
        count.being_stopped,
        count.to_stop_by_hand,
        count.shipped_after_cancel,
        count.cancelled_at_veracore,
        count.changed_since_sent,
    ];
    assert_eq!(counts, [1; 5]);
}

#[tokio::test]
async fn a_session_lasts_as_long_as_it_is_used_and_no_longer_than_half_a_day() {
    let world = World::ledger_only("session").await;
    let ledger = &world.ledger;
    let token = SealedToken {
        nonce: vec![1],
        text: vec![2],
    };
    let known = async |is_use| ledger.resume_web_session("d", is_use).await.unwrap();
    assert_eq!(known(true).await, None);
    ledger.insert_web_session("d", &token).await.unwrap();
    for _ in 0..24 {
        world.clock.advance(TimeDelta::minutes(29));
        assert_eq!(known(true).await, Some(token.clone()));
    }
    // Reading does not extend a session.
    world.clock.advance(TimeDelta::minutes(20));
    assert_eq!(known(false).await, Some(token.clone()));
    world.clock.advance(TimeDelta::minutes(11));
    assert_eq!(known(true).await, None, "31 minutes");
    ledger.insert_web_session("e", &token).await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from veracore_web_session")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(rows, 1, "expired sessions are deleted");
    for _ in 0..25 {
        world.clock.advance(TimeDelta::minutes(29));
        let _ = ledger.resume_web_session("e", true).await.unwrap();
    }
    assert_eq!(
        ledger.resume_web_session("e", true).await.unwrap(),
        None,
        "12 hours"
    );
    ledger.insert_web_session("f", &token).await.unwrap();
    world.clock.advance(TimeDelta::days(-1));
    assert_eq!(
        ledger.resume_web_session("f", true).await.unwrap(),
        None,
        "the clock was set back"
    );
    ledger.delete_web_session("f").await.unwrap();
}
