//! Scheduled runs: each occurrence once, despite clock changes, crashes and replicas (I7, I8).

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use serde_json::{Value, json};
use veracore_sync::{
    clock::Clock as _,
    ledger::{JOB_LEASE_TTL, LeaseKey, RunOrigin, RunOutcome, RunReport, RunStart},
    lifecycle::DrainOutcome,
    sync::jobs::Job,
};

use super::{
    scheduled::{Act, Process, first_started, minutes_until, set, utc},
    *,
};
use crate::harness::{LedgerWorld, WAIT_LIMIT, World, until};

/// (occurrence, starts, outcome) of a job's runs.
async fn runs(world: &LedgerWorld, job: Job) -> Vec<(DateTime<Utc>, i32, Option<String>)> {
    sqlx::query_as(
        "select scheduled_for, starts, outcome from veracore_sync_run where job = $1
         order by scheduled_for",
    )
    .bind(job.as_str())
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

fn occurrence(scheduled_for: DateTime<Utc>) -> RunStart<'static> {
    RunStart::Occurrence {
        scheduled_for,
        missed: None,
    }
}

async fn missed(world: &LedgerWorld) -> Vec<Value> {
    sqlx::query_scalar(
        "select data from veracore_event where event_type = 'schedule.missed' order by occurred_at",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn occurrences_are_right_across_a_missing_hour() {
    let world = first_started("changes", "2026-03-06T08:00:00Z").await;
    let process = Process::start(&world, None);
    minutes_until(&world, &process, "2026-03-10T07:00:00Z").await;
    assert_eq!(
        process.inventory.local(),
        ["06 02:00", "07 02:00", "08 03:00", "09 02:00"]
    );
    let tracking = process.tracking.local();
    assert_eq!(tracking.len(), 42, "Friday and Monday: {tracking:?}");
    assert_eq!((&*tracking[0], &*tracking[20]), ("06 09:00", "06 19:00"));
    assert_eq!((&*tracking[21], &*tracking[41]), ("09 09:00", "09 19:00"));
    assert!(missed(&world).await.is_empty());
    world.assert_settled().await;
}

#[tokio::test]
async fn occurrences_are_right_across_a_repeated_hour() {
    let world = first_started("changes", "2026-10-31T07:00:00Z").await;
    let process = Process::start(&world, None);
    minutes_until(&world, &process, "2026-11-03T08:00:00Z").await;
    assert_eq!(
        process.inventory.local(),
        ["31 02:00", "01 02:00", "02 02:00"]
    );
    let tracking = process.tracking.local();
    assert_eq!(tracking.len(), 21, "Monday: {tracking:?}");
    assert_eq!((&*tracking[0], &*tracking[20]), ("02 09:00", "02 19:00"));
    assert!(missed(&world).await.is_empty());
    world.assert_settled().await;
}

#[tokio::test]
async fn a_thousand_occurrences_are_claimed_once_each_by_two_replicas() {
    let world = World::ledger_only("replicas").await;
    let (start, mut claimed) = (world.clock.now(), 0);
    let mut replicas = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let replica = world.another_ledger(world.clock.clone());
        replicas.spawn(async move {
            let mut mine = 0;
            for n in 0..1000 {
                let at = start + TimeDelta::minutes(n);
                let run = replica.start_run(None, "sync_tracking", occurrence(at));
                mine += usize::from(run.await.unwrap().is_some());
            }
            replica.close().await;
            mine
        });
    }
    while let Some(mine) = replicas.join_next().await {
        claimed += mine.unwrap();
    }
    assert_eq!(claimed, 1000);
    assert_eq!(runs(&world, Job::Tracking).await.len(), 1000);
    world.assert_settled().await;
}

#[tokio::test]
async fn two_replicas_run_each_occurrence_once() {
    let world = first_started("both", "2026-06-01T08:50:00Z").await;
    let (one, ledger) = (
        Process::start(&world, None),
        world.another_ledger(world.clock.clone()),
    );
    let two = one.replica(&world, ledger.clone());
    while world.clock.now() < utc("2026-06-02T02:10:00Z") {
        tokio::join!(one.minute(), two.minute());
        world.clock.advance(TimeDelta::minutes(2));
    }
    assert_eq!(one.inventory.local(), ["01 02:00"]);
    assert_eq!(one.tracking.passes().len(), 21);
    assert!(missed(&world).await.is_empty());
    ledger.close().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_daemon_down_at_two_runs_inventory_once_at_seven() {
    // Saturday; on Sunday 02:00 is missing.
    let world = first_started("down", "2026-03-07T20:00:00Z").await;
    let process = Process::start(&world, None);
    process.minute().await;
    assert!(
        process.inventory.passes().is_empty(),
        "nothing was missed before the first start"
    );
    set(&world, "2026-03-08T14:00:00Z");
    let process = process.restart(&world);
    process.minute().await;
    process.minute().await;
    assert_eq!(process.inventory.local(), ["08 07:00"]);
    world.clock.advance(TimeDelta::minutes(10));
    let process = process.restart(&world);
    process.minute().await;
    assert_eq!(process.inventory.passes().len(), 1);
    let missed = missed(&world).await;
    assert_eq!(missed.len(), 1);
    assert_eq!(missed[0]["job"], "inventory");
    assert_eq!(missed[0]["scheduledFor"], "2026-03-08T10:00:00Z");
    let runs = runs(&world, Job::Inventory).await;
    assert_eq!(
        runs,
        [(utc("2026-03-08T10:00:00Z"), 1, Some("done".into()))]
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn missed_tracking_is_made_up_inside_business_hours_only() {
    let world = first_started("tracking", "2026-06-01T15:00:00Z").await;
    let process = Process::start(&world, None);
    // Down from Monday morning to 20:00: too late for 19:00 and all before.
    set(&world, "2026-06-02T03:00:00Z");
    process.minute().await;
    set(&world, "2026-06-02T15:59:00Z");
    process.minute().await;
    assert!(process.tracking.passes().is_empty());
    // Down from 09:00 to 12:10 on Tuesday: only 12:00 is made up.
    set(&world, "2026-06-02T19:10:00Z");
    process.minute().await;
    process.minute().await;
    assert_eq!(process.tracking.local(), ["02 12:10"]);
    let runs = runs(&world, Job::Tracking).await;
    assert_eq!(
        runs,
        [(utc("2026-06-02T19:00:00Z"), 1, Some("done".into()))]
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn a_crashed_run_is_restarted_and_given_up_after_the_maximum_of_starts() {
    let world = first_started("died", "2026-06-01T08:00:00Z").await;
    let mut process = Process::start(&world, None);
    set(&world, "2026-06-01T09:00:00Z");
    let occurrence = world.clock.now();
    let max_starts = Job::Inventory.max_starts().unwrap();
    let most = max_starts as usize;
    for start in 1..=most {
        process.crash_in(&process.inventory).await;
        process = process.restart(&world);
        process.minute().await;
        assert_eq!(
            process.inventory.passes().len(),
            start,
            "its lease is not free"
        );
        assert_eq!(
            runs(&world, Job::Inventory).await[0].1,
            i32::try_from(start).unwrap()
        );
        world.clock.advance(TimeDelta::minutes(5));
        process.inventory.expire_lease(&world).await;
    }
    process.minute().await;
    process.minute().await;
    assert_eq!(process.inventory.passes().len(), most);
    let starts = process.inventory.0.starts.load(Ordering::SeqCst);
    assert_eq!(starts, max_starts);
    let run = (occurrence, starts.cast_signed(), Some("failed".to_owned()));
    assert_eq!(runs(&world, Job::Inventory).await, [run]);
    // The next day's run crashes, and is superseded by the one after it.
    set(&world, "2026-06-02T09:00:00Z");
    process.crash_in(&process.inventory).await;
    set(&world, "2026-06-03T09:00:00Z");
    process.inventory.expire_lease(&world).await;
    process.minute().await;
    let outcomes: Vec<_> = runs(&world, Job::Inventory)
        .await
        .into_iter()
        .map(|(_, starts, outcome)| (starts, outcome.unwrap()))
        .collect();
    assert_eq!(
        outcomes,
        [
            (starts.cast_signed(), "failed".into()),
            (1, "failed".into()),
            (1, "done".into())
        ]
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn a_crashed_manual_run_fails_and_leaves_the_next_occurrence() {
    let world = first_started("requests", "2026-06-01T08:00:00Z").await;
    let process = Process::start(&world, None);
    set(&world, "2026-06-01T09:00:00Z");
    process.crash_in(&process.inventory).await;
    let (ledger, name) = (&world.ledger, Job::Inventory.as_str());
    let request = RunStart::Now {
        origin: RunOrigin::Operator,
        details: &json!({ "sku": "A-0" }),
    };
    let outcomes = async || -> Vec<(i32, Option<String>)> {
        let runs = runs(&world, Job::Inventory).await.into_iter();
        runs.map(|(_, starts, outcome)| (starts, outcome)).collect()
    };
    let failed = || Some("failed".to_owned());
    for expected in [
        vec![(1, None), (1, None)],
        vec![(1, None), (1, failed()), (1, None)],
    ] {
        process.inventory.expire_lease(&world).await;
        let lease = ledger
            .acquire_lease(&[LeaseKey::Job(name)], JOB_LEASE_TTL)
            .await;
        let lease = lease.unwrap().unwrap();
        let run = ledger.start_run(Some(&lease), name, request).await;
        assert!(run.unwrap().is_some());
        assert_eq!(outcomes().await, expected);
        process.inventory.expire_lease(&world).await;
        let late = ledger.start_run(Some(&lease), name, request).await;
        assert_eq!(late.unwrap(), None, "its lease is lost");
        world.clock.advance(TimeDelta::minutes(1));
    }
    process.minute().await;
    assert_eq!(
        outcomes().await,
        [(2, Some("done".into())), (1, failed()), (1, failed())]
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn a_crashed_tracking_run_is_restarted_inside_business_hours_only() {
    let world = first_started("evening", "2026-06-01T15:00:00Z").await;
    let process = Process::start(&world, None);
    set(&world, "2026-06-01T16:00:00Z");
    process.crash_in(&process.tracking).await;
    process.tracking.expire_lease(&world).await;
    set(&world, "2026-06-01T16:20:00Z");
    process.minute().await;
    assert_eq!(
        runs(&world, Job::Tracking).await[0].2.as_deref(),
        Some("done")
    );
    set(&world, "2026-06-02T02:00:00Z");
    process.crash_in(&process.tracking).await;
    process.tracking.expire_lease(&world).await;
    set(&world, "2026-06-02T02:20:00Z");
    process.minute().await;
    let last = runs(&world, Job::Tracking).await.pop().unwrap();
    assert_eq!(
        last,
        (utc("2026-06-02T02:00:00Z"), 1, Some("failed".into()))
    );
    assert_eq!(process.tracking.passes().len(), 3);
    world.assert_settled().await;
}

#[tokio::test]
async fn a_clock_once_a_year_ahead_does_not_stop_the_schedule() {
    let world = first_started("ahead", "2026-06-01T08:00:00Z").await;
    let process = Process::start(&world, None);
    minutes_until(&world, &process, "2026-06-01T20:00:00Z").await;
    set(&world, "2027-06-01T20:00:00Z");
    process.crash_in(&process.tracking).await;
    process.minute().await;
    assert_eq!(process.inventory.passes().len(), 2);
    process.tracking.expire_lease(&world).await;
    set(&world, "2026-06-01T20:05:00Z");
    minutes_until(&world, &process, "2026-06-03T07:00:00Z").await;
    assert_eq!(process.inventory.local()[2..], ["02 02:00"]);
    let tracking = process.tracking.local();
    let since = tracking.iter().position(|at| at == "01 13:30").unwrap();
    assert_eq!(tracking.len() - since, 12 + 21, "{tracking:?}");
    let status = world.ledger.last_runs().await.unwrap();
    assert!(
        status
            .iter()
            .all(|run| run.scheduled_for < utc("2026-06-03T07:00:00Z"))
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn an_occurrence_due_during_a_long_run_is_run_after_it() {
    let world = first_started("long", "2026-06-01T15:00:00Z").await;
    let process = Process::start(&world, None);
    set(&world, "2026-06-01T16:00:00Z");
    process.tracking.act(Act::GoOn);
    process.scheduler.tick();
    until("the pass begins", || async {
        process.tracking.passes().pop()
    })
    .await;
    for _ in 0..70 {
        world.clock.advance(TimeDelta::minutes(1));
        process.tracking.renew_lease(&world).await;
        process.minute().await;
    }
    assert_eq!(process.tracking.passes().len(), 1, "one run at a time");
    process.tracking.act(Act::Done);
    process.tracking.0.end.notify_one();
    until("the lease is given back", || async {
        process.tracking.lease(&world).await.is_none().then_some(())
    })
    .await;
    process.minute().await;
    assert_eq!(process.tracking.local(), ["01 09:00", "01 10:10"]);
    let occurrences: Vec<_> = runs(&world, Job::Tracking)
        .await
        .into_iter()
        .map(|run| run.0)
        .collect();
    let expected = ["2026-06-01T16:00:00Z", "2026-06-01T17:00:00Z"].map(utc);
    assert_eq!(occurrences, expected, "only the newest");
    world.assert_settled().await;
}

#[tokio::test]
async fn a_panic_or_failure_stops_nothing_and_a_stop_waits_for_runs() {
    let world = first_started("panics", "2026-06-01T08:00:00Z").await;
    let process = Process::start(&world, None);
    set(&world, "2026-06-01T09:00:00Z");
    process.inventory.act(Act::Panic);
    process.scheduler.tick();
    until("the pass begins", || async {
        process.inventory.passes().pop()
    })
    .await;
    process.inventory.act(Act::Fail);
    process.inventory.expire_lease(&world).await;
    process.scheduler.tick();
    until("the run is taken up and ends", || async {
        runs(&world, Job::Inventory).await.pop().unwrap().2
    })
    .await;
    let run = (utc("2026-06-01T09:00:00Z"), 2, Some("failed".to_owned()));
    assert_eq!(runs(&world, Job::Inventory).await, [run]);
    assert!(!process.tasks.has_failed());
    // A failed run is not repeated; the next occurrence runs.
    process.minute().await;
    assert_eq!(process.inventory.passes().len(), 2);

    set(&world, "2026-06-02T09:00:00Z");
    process.inventory.act(Act::GoOn);
    process.scheduler.tick();
    until("the next pass begins", || async {
        process.inventory.passes().get(2).copied()
    })
    .await;
    process.tasks.stop();
    process
        .scheduler
        .run_if_due(&process.tracking)
        .await
        .unwrap();
    process.inventory.0.end.notify_one();
    assert_eq!(
        process.tasks.drain(WAIT_LIMIT).await,
        DrainOutcome::Completed
    );
    let last = runs(&world, Job::Inventory).await.pop().unwrap();
    assert_eq!(last.2.as_deref(), Some("done"), "the stop waited for it");
    set(&world, "2026-06-03T09:00:00Z");
    process.minute().await;
    assert_eq!(
        process.inventory.passes().len(),
        3,
        "nothing is started after the stop"
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn a_superseded_start_cannot_finish_the_run() {
    let world = World::ledger_only("fence").await;
    let (ledger, now) = (&world.ledger, world.clock.now());
    let start = async |start| {
        let run = ledger.start_run(None, "sync_inventory", start).await;
        run.unwrap()
    };
    let first = start(occurrence(now)).await.unwrap();
    assert_eq!(start(occurrence(now)).await, None);
    let second = start(RunStart::Restart(first)).await.unwrap();
    assert_eq!((first.starts(), second.starts()), (1, 2));
    assert_eq!(
        start(RunStart::Restart(first)).await,
        None,
        "another replica was quicker"
    );
    let done = RunReport::done(json!({}));
    let quarantined = RunReport {
        outcome: RunOutcome::Quarantined,
        message: Some("odd".into()),
        ..done.clone()
    };
    assert!(!ledger.finish_run(first, &done).await.unwrap());
    assert!(ledger.finish_run(second, &quarantined).await.unwrap());
    assert!(!ledger.finish_run(second, &done).await.unwrap());
    assert_eq!(start(RunStart::Restart(second)).await, None);
    let last = ledger.last_runs().await.unwrap().pop().unwrap();
    assert_eq!(
        (last.outcome.as_deref(), &*last.origin),
        (Some("held"), "schedule")
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn the_last_occurrence_is_never_deleted() {
    let world = first_started("forget", "2026-06-01T08:00:00Z").await;
    let (ledger, job) = (&world.ledger, "sync_inventory");
    let manual = RunStart::Now {
        origin: RunOrigin::Operator,
        details: &json!({}),
    };
    for (at, start) in [
        (
            "2026-06-01T09:00:00Z",
            occurrence(utc("2026-06-01T09:00:00Z")),
        ),
        (
            "2026-06-02T09:00:00Z",
            occurrence(utc("2026-06-02T09:00:00Z")),
        ),
        ("2026-06-03T12:00:00Z", manual),
        ("2026-06-04T12:00:00Z", manual),
    ] {
        set(&world, at);
        ledger.start_run(None, job, start).await.unwrap().unwrap();
    }
    let removed = ledger
        .delete_old_runs(utc("2026-07-01T00:00:00Z"))
        .await
        .unwrap();
    assert_eq!(removed, 2, "the first occurrence and the first manual run");
    let state = ledger
        .occurrence_state(job, world.clock.now())
        .await
        .unwrap();
    assert_eq!(
        state.latest.unwrap().scheduled_for,
        utc("2026-06-02T09:00:00Z")
    );
    let early = ledger
        .occurrence_state(job, utc("2026-06-02T08:00:00Z"))
        .await
        .unwrap();
    assert_eq!(early.latest, None);
    world.assert_settled().await;
}
