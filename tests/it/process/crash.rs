//! The process crashes before and after each write to an upstream or to the ledger, and the next
//! processes recover (I1 to I6, I11).

use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
};

use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind, Item, NewPackage},
};

use super::crash_matrix::passed_by_command;
use crate::harness::{
    EVENT_SECRET, Operation, PaidOrder, Receiver, Style, World, error_response, until,
};

pub(super) const AT: &str = "VERACORE_SYNC_CRASH_AT";
const LOG: &str = "VERACORE_SYNC_CRASH_LOG";

/// The crash points that the history below passes, one per line.
/// `the_list_of_crash_points_is_complete` prints the differences if the file is out of date.
const POINTS: &str = include_str!("crash_points.txt");

/// Writes outside the three flows: operator actions, webhooks (see `webhooks::durability`),
/// cancellations (see `post_send`), and those that happen only at a stop, after an outage, or without
/// a list of shipments.
const ELSEWHERE: [&str; 30] = [
    "record_tracking_check",
    "backfill_orders",
    "insert_web_session",
    "claim_webhooks",
    "clear_personal_data",
    "discard_quarantined_feed",
    "finish_webhook",
    "delete_web_session",
    "delete_unnamed_shipment",
    "expedite_order",
    "record_cancel_intent",
    "renew_webhook_leases",
    "record_attempt",
    "record_cancel_step",
    "record_provider_cancellation",
    "set_changed_parts",
    "record_order_lines",
    "clear_provider_cancellations",
    "record_shipped_after_stop",
    "record_shop_cancel_attempt",
    "postpone_webhook",
    "record_upstream_event",
    "release_order",
    "request_cancellation",
    "resend_event",
    "retry_order",
    "skip_order",
    "store_settings",
    "insert_webhook",
    "touch_web_session",
];

/// SIGABRT, with which a crash point ends the process.
pub(super) const ABORTED: i32 = -6;

/// Rounds after which the state must be correct again.
const ROUNDS: u32 = 8;

/// Where to crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCrash {
    pub point: String,
    /// The command to crash in; any command or the daemon if `None`.
    pub command: Option<usize>,
}

impl PlannedCrash {
    fn at(point: &str) -> Self {
        Self {
            point: point.to_owned(),
            command: None,
        }
    }
}

/// A history that passes every write of the three flows, with one or more crashes.
pub struct History {
    pub world: World,
    receiver: Receiver,
    /// The crashes still to come, in order.
    at: VecDeque<PlannedCrash>,
    log: Option<PathBuf>,
    /// The number of log lines after each command.
    pub logged: Vec<usize>,
}

impl History {
    pub async fn begin(at: Vec<PlannedCrash>, log: Option<PathBuf>) -> Self {
        let world = World::named("crash").real_time().unmigrated().build().await;
        Self {
            world,
            receiver: Receiver::start().await,
            at: at.into(),
            log,
            logged: Vec::new(),
        }
    }

    fn settings(&self) -> Vec<(&'static str, &str)> {
        let log = self.log.as_deref().and_then(Path::to_str);
        let here = |crash: &&PlannedCrash| crash.command.is_none_or(|at| at == self.logged.len());
        let at = self.at.front().filter(here);
        [(AT, at.map(|crash| crash.point.as_str())), (LOG, log)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// Runs a command, and again after a crash, until `done` holds.
    async fn command(&mut self, args: &[&str], done: impl AsyncFn(&World) -> bool) {
        for _ in 0..ROUNDS {
            let output = self.world.cli_with(&self.settings(), args).await;
            if output.status == ABORTED {
                assert!(self.at.pop_front().is_some(), "{output:?}");
            } else if !self.at.is_empty() || self.log.is_some() {
                // Without a crash, every command must succeed.
                assert_eq!(output.status, 0, "{args:?}: {output:?}");
            }
            if output.status != ABORTED && done(&self.world).await {
                self.logged.push(self.lines());
                return;
            }
            time_passes(&self.world).await;
        }
        panic!("{args:?} does not come to its end");
    }

    fn lines(&self) -> usize {
        let text = self.log.as_ref().map(std::fs::read_to_string);
        text.map_or(0, |text| text.unwrap_or_default().lines().count())
    }

    /// Runs a daemon from its start to its stop.
    async fn daemon(&mut self) {
        loop {
            let mut daemon = self.world.daemon();
            for (name, value) in self.settings() {
                daemon = daemon.with(name, value);
            }
            let daemon = daemon
                .with("EVENT_WEBHOOK_URL", &self.receiver.url())
                .with("EVENT_WEBHOOK_SECRET", EVENT_SECRET)
                .with("VENDURE_ORDER_NOTES", "true");
            let mut daemon = daemon.spawn();
            let tidy = async {
                until("the ledger is tidied up", || async {
                    let runs: Result<i64, _> = sqlx::query_scalar(
                        "select count(*) from veracore_sync_run
                         where job = 'tidy_ledger' and ended_at is not null",
                    )
                    .fetch_one(&self.world.tables)
                    .await;
                    (runs.unwrap_or(0) > 0).then_some(())
                })
                .await;
                until("all events are delivered", || async {
                    let open: Result<i64, _> = sqlx::query_scalar(
                        "select (select count(*) from veracore_event where state = 'pending')
                             + (select count(*) from veracore_order_note
                                where note_status in ('due', 'intended'))",
                    )
                    .fetch_one(&self.world.tables)
                    .await;
                    (open.unwrap_or(1) == 0).then_some(())
                })
                .await;
            };
            // The crash must happen before the daemon is done.
            let has_crashed = if self.at.is_empty() {
                tokio::select! {
                    status = daemon.wait_exit() => Some(status),
                    () = tidy => None,
                }
            } else {
                Some(daemon.wait_exit().await)
            };
            match has_crashed {
                None => return daemon.stop().await,
                Some(status) => {
                    let point = self.at.pop_front();
                    assert!(point.is_some(), "{status:?} {}", daemon.stderr());
                }
            }
            time_passes(&self.world).await;
        }
    }

    /// The state after a first start with a receiver and notes.
    async fn prepare(&mut self) {
        self.command(&["migrate"], async |_| true).await;
        let statement =
            "update veracore_config set events_unheard_after = null, notes_from = 'epoch'";
        sqlx::raw_sql(statement)
            .execute(&self.world.tables)
            .await
            .unwrap();
    }

    /// Runs the three flows by commands: an order shipped in two packages, and one that waits.
    pub async fn flows(&mut self) -> [PaidOrder; 2] {
        self.prepare().await;
        for (sku, units) in [("A-0", 40), ("A-1", 7)] {
            self.world.sandbox.set_stock(sku, units);
        }
        // The first sweep differs from later ones.
        let partly = self.world.pay_order(&[("A-0", 3), ("A-1", 1)]).await;
        self.command(&["sync", "orders"], async |world| {
            arrived(world, &partly).await
        })
        .await;
        let waiting = self.world.pay_order(&[("A-0", 1)]).await;
        self.command(&["sync", "orders"], async |world| {
            arrived(world, &waiting).await
        })
        .await;
        let first = NewPackage {
            items: Some(vec![Item::from(("A-0".to_owned(), 2))]),
            ..NewPackage::default()
        };
        self.world.sandbox.ship(&partly.code, vec![first]).unwrap();
        self.command(&["sync", "tracking"], async |world| {
            is_back(world, &partly, 1).await
        })
        .await;
        self.world.sandbox.ship(&partly.code, vec![]).unwrap();
        self.command(&["sync", "tracking"], async |world| {
            is_back(world, &partly, 2).await
        })
        .await;
        self.command(&["sync", "inventory"], async |world| {
            is_stock_correct(world).await
        })
        .await;
        [partly, waiting]
    }

    /// The daemon's work after the flows (events, notes, maintenance), with one order sent and shipped.
    async fn run_after_flows(mut self) {
        self.prepare().await;
        let order = self.world.pay_order(&[("A-0", 1)]).await;
        self.command(&["sync", "orders"], async |world| {
            arrived(world, &order).await
        })
        .await;
        self.world.sandbox.ship(&order.code, vec![]).unwrap();
        self.command(&["sync", "tracking"], async |world| {
            is_back(world, &order, 1).await
        })
        .await;
        self.daemon().await;
        assert_eq!(self.at, [], "not passed");
        assert_delivered(&self.world, &self.receiver, &[&order]).await;
        let (state, fulfillments, _) = self.world.shop.fulfillment_state(&order).await;
        assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 1));
        self.world.assert_settled().await;
    }

    pub async fn run(mut self) {
        let [partly, waiting] = self.flows().await;
        if !self.at.is_empty() || self.log.is_some() {
            self.daemon().await;
            assert_delivered(&self.world, &self.receiver, &[&partly, &waiting]).await;
        }
        assert_eq!(self.at, [], "not passed");
        let World { shop, .. } = &self.world;
        let (state, fulfillments, fields) = shop.fulfillment_state(&partly).await;
        let units: Vec<&[u64]> = fulfillments.iter().map(|f| &f.units[..]).collect();
        assert_eq!(state, "Shipped");
        assert_eq!(units, [&[2][..], &[1, 1]]);
        let numbers = fields["trackingCode"].as_str().unwrap();
        assert!(
            fulfillments.iter().all(|f| numbers.contains(&f.tracking)),
            "{fields}"
        );
        assert_eq!(shop.fulfillment_state(&waiting).await.1, []);
        assert!(is_stock_correct(&self.world).await, "and it stays correct");
        self.world.assert_settled().await;
    }
}

/// Expires the crashed process's leases and makes everything due.
async fn time_passes(world: &World) {
    sqlx::raw_sql(
        "update veracore_lease set lease_until = now() - interval '1 second';
         update veracore_order_sync set
             lease_until = case when lease_until is not null then now() - interval '1 second' end,
             next_attempt = case when next_attempt is not null then now() - interval '1 second' end,
             sent_at = sent_at - interval '10 minutes', missing_at = missing_at - interval '10 minutes';
         update veracore_event set lease_until = now() - interval '1 second'
             where lease_until is not null;
         update veracore_order_note set lease_until = now() - interval '1 second'
             where lease_until is not null;
         update veracore_order_note set intended_at = intended_at - interval '10 minutes',
             next_try = least(next_try, now())",
    )
    .execute(&world.tables)
    .await
    .map(drop)
    .or_else(|error| match &error {
        // Before the first migration.
        sqlx::Error::Database(database) if database.code().as_deref() == Some("42P01") => Ok(()),
        _ => Err(error),
    })
    .unwrap();
}

/// Asserts that every event was delivered, those of an order in sequence, and noted once.
async fn assert_delivered(world: &World, receiver: &Receiver, orders: &[&PaidOrder]) {
    let mut events = world.ledger.events(None, 1000).await.unwrap();
    events.reverse();
    let taken = receiver.accepted();
    for event in &events {
        let id = serde_json::json!(event.id);
        let times = taken.iter().filter(|taken| taken["id"] == id).count();
        // A crash before the delivery is recorded delivers one event twice.
        assert!((1..=2).contains(&times), "{times} times: {event:?}");
    }
    for order in orders {
        let of = |code: &serde_json::Value| *code == order.code.as_str();
        let happened = events.iter().filter(|event| of(&event.data["order"]));
        let happened: Vec<String> = happened.map(|event| event.id.to_string()).collect();
        let came = taken.iter().filter(|event| of(&event["data"]["order"]));
        let mut came: Vec<&str> = came.map(|event| event["id"].as_str().unwrap()).collect();
        came.dedup();
        assert_eq!(came, happened);
        assert!(!happened.is_empty());
        let notes = world.shop.notes(order).await;
        assert_eq!(notes.len(), happened.len(), "{notes:?}");
    }
}

async fn arrived(world: &World, order: &PaidOrder) -> bool {
    let record = world.record(&order.code).await;
    record.is_some_and(|record| record.sync_status == SyncStatus::Success)
}

/// Whether this many packages of an order are fulfilled, in its tracking fields and settled.
async fn is_back(world: &World, order: &PaidOrder, packages: usize) -> bool {
    let settled: i64 = sqlx::query_scalar(
        "select count(*) from veracore_shipment where shipment_status = 'fulfilled'",
    )
    .fetch_one(&world.tables)
    .await
    .unwrap();
    let (_, fulfillments, fields) = world.shop.fulfillment_state(order).await;
    assert!(fulfillments.len() <= packages, "{fulfillments:?}");
    let numbers = fields["trackingCode"].as_str().unwrap_or_default();
    settled == i64::try_from(packages).unwrap()
        && fulfillments.len() == packages
        && fulfillments.iter().all(|f| numbers.contains(&f.tracking))
}

/// I4: the shop can sell exactly what VeraCore has available.
async fn is_stock_correct(world: &World) -> bool {
    for shelf in world.sandbox.stock() {
        let level = world.shop.level(&shelf.sku).await;
        if level.sellable() != i64::from(shelf.available_quantity) {
            return false;
        }
    }
    true
}

fn points() -> Vec<&'static str> {
    POINTS.lines().collect()
}

/// One shard of the crash points after the flows; `crash_matrix` has those of the flows.
async fn crash_at_each(shard: usize, of: usize) {
    let of_flows: BTreeSet<String> = passed_by_command().await.into_iter().flatten().collect();
    let behind = points()
        .into_iter()
        .filter(|point| !of_flows.contains(*point));
    for point in behind.skip(shard).step_by(of) {
        History::begin(vec![PlannedCrash::at(point)], None)
            .await
            .run_after_flows()
            .await;
    }
}

pub fn empty_log() -> PathBuf {
    let log = std::env::temp_dir().join(format!("crash-points-{}", std::process::id()));
    let _ = std::fs::remove_file(&log);
    log
}

/// Without a list of shipments, the lookups of single orders are recorded.
#[tokio::test]
async fn a_crash_while_orders_are_looked_up_one_by_one_is_recovered() {
    for when in ["before", "after"] {
        let point = format!("ledger.record_tracking_check.{when}");
        let mut history = History::begin(vec![PlannedCrash::at(&point)], None).await;
        history.command(&["migrate"], async |_| true).await;
        let order = history.world.pay_order(&[("A-0", 2)]).await;
        history
            .command(&["sync", "orders"], async |world| {
                arrived(world, &order).await
            })
            .await;
        history.world.sandbox.ship(&order.code, vec![]).unwrap();
        let gone =
            Style::current().fault(Operation::Shipments, error_response(404, "no such path"));
        history.world.sandbox.add_fault(gone);
        history
            .command(&["sync", "tracking"], async |world| {
                is_back(world, &order, 1).await
            })
            .await;
        assert_eq!(history.at, [], "not passed");
        history.world.assert_settled().await;
    }
}

/// An outage is reported once although the reporting process crashes.
#[tokio::test]
async fn a_crash_while_an_outage_is_reported_is_recovered() {
    for when in ["before", "after"] {
        let mut world = World::named("outage").real_time().build().await;
        world.expect_error("VeraCore is unavailable");
        world.expect_error("VeraCore does not answer as it should");
        world
            .sandbox
            .add_fault(Fault::on("/", FaultKind::DropRequest));
        world.pay_orders(4).await;
        let point = format!("ledger.record_upstream_event.{when}");
        let count_events = async |event: &str| -> i64 {
            sqlx::query_scalar(
                "select count(*) from veracore_event where event_type = $1
                     and data ->> 'upstream' = 'VeraCore'",
            )
            .bind(event)
            .fetch_one(&world.tables)
            .await
            .unwrap()
        };
        // The first event says that the shop is up, the second that VeraCore is down.
        let mut victim = world.daemon().with(AT, &format!("{point}#2")).spawn();
        assert_eq!(victim.wait_exit().await.code(), None, "{}", victim.stderr());
        assert_eq!(
            count_events("upstream.down").await,
            i64::from(when == "after")
        );
        time_passes(&world).await;
        let mut next_daemon = world.daemon().start().await;
        next_daemon.wait_for("VeraCore is unavailable").await;
        until("the outage is reported", async || {
            (count_events("upstream.down").await > 0).then_some(())
        })
        .await;
        world.sandbox.clear_faults();
        until("all arrive", async || {
            let counts = world.ledger.count_by_status().await.unwrap();
            (counts[&SyncStatus::Success] == 4).then_some(())
        })
        .await;
        // By now, it has reported the outage.
        until("the recovery is reported", async || {
            (count_events("upstream.up").await > 0).then_some(())
        })
        .await;
        let all = (
            count_events("upstream.down").await,
            count_events("upstream.up").await,
        );
        assert_eq!(all, (1, 1));
        next_daemon.stop().await;
        world.assert_settled().await;
    }
}

/// The names of all writes of a kind in the source.
fn writes_in_source(kind: &str) -> BTreeSet<String> {
    let mut marks = vec![format!("crash::points_around(\"{kind}\", \"")];
    if kind == "ledger" {
        marks.push("self.write(\"".into());
    }
    let sources = crate::house::sources();
    let mut names = BTreeSet::new();
    for (code, mark) in sources
        .iter()
        .flat_map(|code| marks.iter().map(move |mark| (code, mark)))
    {
        for (at, _) in code.match_indices(mark) {
            let name = code[at + mark.len()..].split('"').next();
            names.insert(name.unwrap().to_owned());
        }
    }
    names
}

#[tokio::test]
async fn the_list_of_crash_points_is_complete() {
    let log = empty_log();
    History::begin(vec![], Some(log.clone())).await.run().await;
    let passed = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let elsewhere = |point: &str| ELSEWHERE.contains(&point.split('.').nth(1).unwrap());
    let passed: BTreeSet<&str> = passed.lines().filter(|point| !elsewhere(point)).collect();
    let listed: BTreeSet<&str> = points().into_iter().collect();
    let text: String = passed.iter().map(|point| format!("{point}\n")).collect();
    assert!(
        passed == listed,
        "crash_points.txt must be:\n{text}\nnew: {:?}, gone: {:?}",
        passed.difference(&listed),
        listed.difference(&passed)
    );
    // Each write in the source is passed, or listed as tested elsewhere.
    for name in writes_in_source("ledger") {
        for when in ["before", "after"] {
            let point = format!("ledger.{name}.{when}");
            assert!(
                passed.contains(point.as_str()) || elsewhere(&point),
                "{point}: the history must pass it, or ELSEWHERE name it"
            );
        }
    }
    // The same for each write to an upstream, in this style. Cancelling is tested elsewhere
    // (see `post_send`).
    let (other, cancelling) = match Style::current() {
        Style::Rest => ("fulfillment/veracore/oms", "fulfillment/veracore/oms"),
        Style::Oms => (
            "fulfillment/veracore/rest",
            "fulfillment/veracore/oms/cancel.rs",
        ),
    };
    let calls = passed
        .iter()
        .filter(|point| point.starts_with("call."))
        .count();
    // `mutate` is defined in vendure/client.rs; permission probes in vendure/caller.rs write nothing.
    let left_out = [other, cancelling, "vendure/client.rs", "vendure/caller.rs"];
    let in_source: usize = crate::house::sources_outside(&left_out)
        .iter()
        .map(|code| {
            code.matches(".mutate(").count() - code.matches(".mutate(CANCEL_ORDER").count()
                + code.matches("CallKind::Write,").count()
                + code.matches("CallKind::IdempotentWrite,").count()
        })
        .sum();
    assert_eq!(calls, 2 * in_source, "{passed:?}");
}

macro_rules! shards {
    ($($name:ident = $shard:literal),*) => {$(
        #[tokio::test]
        async fn $name() {
            crash_at_each($shard, 4).await;
        }
    )*};
}

shards!(
    a_death_at_each_point_behind_the_flows_is_made_good_0 = 0,
    a_death_at_each_point_behind_the_flows_is_made_good_1 = 1,
    a_death_at_each_point_behind_the_flows_is_made_good_2 = 2,
    a_death_at_each_point_behind_the_flows_is_made_good_3 = 3
);
