//! Database failures under a running daemon: disconnected, restarted, stalled, full, read-only or
//! busy. Orders wait, the failure is logged once and shown by `/readyz`, nothing is done that could
//! not be recorded first, and everything resumes automatically.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::{Instant, sleep};
use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind},
};

use crate::harness::{Daemon, DaemonBuilder, PaidOrder, SeededRng, World, get, until};

const STUCK: &str = "orders cannot be processed";
const BLIND: &str = "orders cannot be discovered";

/// The log messages about the database, each at most once per outage.
const LOG_MESSAGES: [&str; 8] = [
    STUCK,
    BLIND,
    "the full order sweep failed",
    "inventory cannot run on schedule",
    "tracking cannot run on schedule",
    "reconciliation cannot run on schedule",
    "maintenance of the ledger cannot run on schedule",
    "event delivery cannot start: the ledger is unavailable",
];

async fn world(name: &str) -> World {
    let mut world = World::named(name).real_time().build().await;
    for words in LOG_MESSAGES {
        world.expect_error(words);
    }
    // Separately for orders and stock.
    world.expect_error("webhooks cannot be processed");
    world
}

/// A daemon with short leases.
fn quick(world: &World) -> DaemonBuilder<'_> {
    world.daemon().with("VENDURE_TIMEOUT_SECONDS", "3")
}

async fn execute(world: &World, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&world.tables)
        .await
        .unwrap();
}

/// Fails writes to a table, as Postgres does when its disk is full.
async fn fill_disk(world: &World, table: &str, when: &str) {
    let function = "create or replace function full_disk() returns trigger language plpgsql as
        $$ begin raise exception 'could not extend file: No space left on device'
            using errcode = '53100'; end $$";
    execute(world, function).await;
    let trigger = format!(
        "create trigger full_disk before {when} on {table} for each row execute function full_disk()"
    );
    execute(world, &trigger).await;
}

async fn free_disk(world: &World, table: &str) {
    execute(world, &format!("drop trigger full_disk on {table}")).await;
}

/// Terminates the program's connections, as a stopping Postgres does.
async fn end_connections(world: &World) {
    let ended: i64 = sqlx::query_scalar(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where datname = current_database() and application_name = 'veracore-sync'
             and pid <> pg_backend_pid()",
    )
    .fetch_one(&world.tables)
    .await
    .unwrap();
    assert!(ended > 0);
}

async fn wait_until_all_sent(world: &World, paid: &[PaidOrder]) {
    for order in paid {
        world.wait_until_sent(&order.code).await;
    }
    assert_eq!(world.sandbox.orders().len(), paid.len());
}

async fn ready(address: SocketAddr) -> (u16, Value) {
    let (status, body) = get(&format!("http://{address}/readyz")).await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn unready(address: SocketAddr, words: &str) {
    until(&format!("it is not ready: {words}"), || async {
        let (status, body) = ready(address).await;
        let problem = body["database"]["problem"].as_str().unwrap_or("");
        (status == 503 && problem.contains(words)).then_some(())
    })
    .await;
    let (alive, _) = get(&format!("http://{address}/healthz")).await;
    assert_eq!(alive, 200);
}

async fn ready_again(address: SocketAddr) {
    until("it is ready again", || async {
        (ready(address).await.0 == 200).then_some(())
    })
    .await;
}

/// The number of WARN and ERROR lines with this text.
fn count_errors(daemon: &Daemon, words: &str) -> usize {
    let lines = daemon.lines();
    let says = |line: &&Value| {
        line["level"] == "ERROR" && line["message"].as_str().unwrap_or("").contains(words)
    };
    lines.iter().filter(says).count()
}

fn assert_logged_at_most_once(daemon: &Daemon) {
    for words in LOG_MESSAGES {
        let times = count_errors(daemon, words);
        assert!(times <= 1, "'{words}' was logged {times} times");
    }
}

/// Checks for some time, long enough to reveal a loop without pauses.
async fn check_for(time: Duration, mut check: impl FnMut()) {
    let start = Instant::now();
    while start.elapsed() < time {
        check();
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn repeatedly_dropped_connections_lose_no_order() {
    let world = world("cut").await;
    let mut rng = SeededRng::from_env();
    println!("TEST_SEED={} repeats these moments", rng.seed);
    let proxy = world.database_proxy();
    let daemon = quick(&world).with("DATABASE_URL", proxy.url());
    let daemon = daemon.start().await;
    let mut paid = Vec::new();
    for cut in 0..6_u64 {
        let pause = Duration::from_millis(rng.below(400));
        println!("cut {cut}: after {pause:?}");
        let moment = async {
            // A random delay: there is no condition to wait for.
            sleep(pause).await;
            if cut % 3 == 2 {
                proxy.close();
                sleep(pause).await;
                proxy.open();
            } else {
                proxy.drop_connections();
            }
        };
        let (new, ()) = tokio::join!(world.pay_orders(4), moment);
        paid.extend(new);
    }
    wait_until_all_sent(&world, &paid).await;
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn the_daemon_waits_for_a_restarting_database() {
    let world = world("restarts").await;
    let proxy = world.database_proxy();
    let daemon = quick(&world).with("DATABASE_URL", proxy.url());
    let mut daemon = daemon.start().await;
    let address = daemon.address().await;
    let mut paid = world.pay_orders(3).await;
    end_connections(&world).await;
    proxy.close();
    unready(address, "database").await;
    daemon.wait_for(STUCK).await;
    paid.extend(world.pay_orders(3).await);
    check_for(Duration::from_secs(4), || {}).await;
    assert_logged_at_most_once(&daemon);
    proxy.open();
    ready_again(address).await;
    wait_until_all_sent(&world, &paid).await;
    daemon.stop().await;
    world.assert_settled().await;
}

/// Packets are dropped, as when a route or a machine fails: connections stay open.
#[tokio::test]
async fn the_daemon_recovers_from_a_stalled_database() {
    let world = world("silent").await;
    let proxy = world.database_proxy();
    let daemon = quick(&world).with("DATABASE_URL", proxy.url());
    let mut daemon = daemon.start().await;
    let address = daemon.address().await;
    let mut paid = world.pay_orders(2).await;
    wait_until_all_sent(&world, &paid).await;
    proxy.stall();
    unready(address, "did not answer").await;
    paid.extend(world.pay_orders(2).await);
    daemon.wait_for(STUCK).await;
    daemon.wait_for(BLIND).await;
    assert_logged_at_most_once(&daemon);
    proxy.resume();
    ready_again(address).await;
    wait_until_all_sent(&world, &paid).await;
    daemon.stop().await;
    world.assert_settled().await;
}

/// The intent is confirmed only when another process may have claimed the order: nothing is sent.
#[tokio::test]
async fn nothing_is_sent_after_an_intent_confirmed_too_late() {
    let world = world("late_intent").await;
    execute(
        &world,
        "create function linger() returns trigger language plpgsql as
             $$ begin perform pg_sleep(9); return new; end $$;
         create trigger linger before insert on veracore_order_attempt for each row
             when (new.kind = 'send') execute function linger()",
    )
    .await;
    // The lease is 2 × 3 + 4 × 1 + 5 seconds.
    let mut daemon = quick(&world).start().await;
    let paid = [world.pay_order(&[("A-0", 1)]).await];
    daemon.wait_for("order lease expired").await;
    assert_eq!(world.sandbox.orders().len(), 0);
    let record = world.record(&paid[0].code).await.unwrap();
    assert_ne!(record.sync_status, SyncStatus::Success);
    execute(&world, "drop trigger linger on veracore_order_attempt").await;
    wait_until_all_sent(&world, &paid).await;
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn the_minimum_of_connections_suffices_even_during_a_lock() {
    let world = world("two_connections").await;
    let daemon = quick(&world).with("DATABASE_MAX_CONNECTIONS", "2");
    let daemon = daemon.with("VERACORE_MAX_CONCURRENCY", "4").start().await;
    let mut paid = world.pay_orders(8).await;
    wait_until_all_sent(&world, &paid).await;
    // A forgotten transaction in another session: claims skip its rows, discovery waits.
    let mut other = PgConnection::connect(&world.environment()["DATABASE_URL"])
        .await
        .unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("lock table veracore_order_sync in exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    paid.extend(world.pay_orders(4).await);
    until("the daemon waits for the lock", || async {
        let waits: bool = sqlx::query_scalar(
            "select exists (select from pg_stat_activity where datname = current_database()
                 and application_name = 'veracore-sync' and wait_event_type = 'Lock')",
        )
        .fetch_one(&world.tables)
        .await
        .unwrap();
        waits.then_some(())
    })
    .await;
    // Longer than the timeout for a connection.
    sleep(Duration::from_secs(6)).await;
    lock.rollback().await.unwrap();
    wait_until_all_sent(&world, &paid).await;
    assert_logged_at_most_once(&daemon);
    daemon.stop().await;
    world.assert_settled().await;
}

/// Nothing is sent while it cannot be recorded.
async fn nothing_is_sent_while_full(name: &str, table: &str, when: &str) {
    let world = world(name).await;
    let mut daemon = quick(&world).start().await;
    let address = daemon.address().await;
    let mut paid = vec![world.pay_order(&[("A-0", 1)]).await];
    wait_until_all_sent(&world, &paid).await;
    fill_disk(&world, table, when).await;
    paid.extend(world.pay_orders(6).await);
    daemon.wait_for(STUCK).await;
    unready(address, "No space left on device").await;
    let calls = world.sandbox.requests().len();
    check_for(Duration::from_secs(6), || {
        assert_eq!(
            world.sandbox.orders().len(),
            1,
            "nothing is sent without its intent"
        );
    })
    .await;
    let calls = world.sandbox.requests().len() - calls;
    assert!(
        calls <= 5,
        "{calls} calls of VeraCore for what cannot be sent"
    );
    assert_logged_at_most_once(&daemon);
    assert_eq!(
        count_errors(&daemon, ""),
        1,
        "one ERROR line: {:?}",
        daemon.lines()
    );
    free_disk(&world, table).await;
    wait_until_all_sent(&world, &paid).await;
    ready_again(address).await;
    daemon
        .wait_for("resolved: orders cannot be processed")
        .await;
    for order in &paid {
        assert_eq!(world.record(&order.code).await.unwrap().retry_count, 0);
    }
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn nothing_is_sent_while_attempts_cannot_be_written() {
    nothing_is_sent_while_full("full_attempts", "veracore_order_attempt", "insert").await;
}

#[tokio::test]
async fn nothing_is_sent_while_orders_cannot_be_written() {
    nothing_is_sent_while_full("full_orders", "veracore_order_sync", "update").await;
}

#[tokio::test]
async fn a_command_ends_when_the_disk_is_full_and_writes_nothing_to_the_shop() {
    let world = world("full_commands").await;
    let order = world.pay_order(&[("A-0", 2)]).await;
    fill_disk(&world, "veracore_order_attempt", "insert").await;
    let refused = world.cli(&["sync", "orders"]).await;
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("No space left on device"),
        "{refused:?}"
    );
    assert_eq!(world.sandbox.orders().len(), 0);
    free_disk(&world, "veracore_order_attempt").await;
    world.cli_json(&["sync", "orders", "--json"]).await;

    world.sandbox.set_stock("A-0", 12);
    world.sandbox.ship(&order.code, vec![]).unwrap();
    let before = (
        world.shop.level("A-0").await,
        world.shop.fulfillment_state(&order).await,
    );
    fill_disk(&world, "veracore_stock_change", "insert").await;
    fill_disk_for_intentions(&world).await;
    for job in ["inventory", "tracking"] {
        let refused = world.cli(&["sync", job]).await;
        assert_eq!(refused.status, 1, "{refused:?}");
        assert!(
            refused.stderr.contains("No space left on device"),
            "{refused:?}"
        );
        // Expire the leases of the failed run now.
        execute(
            &world,
            "update veracore_lease set lease_until = now() - interval '1 second'",
        )
        .await;
    }
    let after = (
        world.shop.level("A-0").await,
        world.shop.fulfillment_state(&order).await,
    );
    assert_eq!(after, before, "the shop was not written");
    free_disk(&world, "veracore_stock_change").await;
    free_disk(&world, "veracore_shipment").await;
    world.cli_json(&["sync", "tracking", "--json"]).await;
    world.cli_json(&["sync", "inventory", "--json"]).await;
    let (state, fulfillments, _) = world.shop.fulfillment_state(&order).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 1));
    assert_eq!(world.shop.level("A-0").await.on_hand, 10);
    world.assert_settled().await;
}

/// Fails only the writes of fulfillment intents.
async fn fill_disk_for_intentions(world: &World) {
    execute(
        world,
        "create trigger full_disk before update on veracore_shipment for each row
             when (new.intended_lines is not null) execute function full_disk()",
    )
    .await;
}

#[tokio::test]
async fn the_daemon_waits_for_a_read_only_database() {
    let world = world("read_only").await;
    let mut daemon = quick(&world).start().await;
    let address = daemon.address().await;
    let mut paid = vec![world.pay_order(&[("A-0", 1)]).await];
    wait_until_all_sent(&world, &paid).await;
    let name = world.environment()["DATABASE_URL"]
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let read_only =
        |on| format!("alter database \"{name}\" set default_transaction_read_only = {on}");
    execute(&world, &read_only("on")).await;
    end_connections(&world).await;
    paid.extend(world.pay_orders(3).await);
    unready(address, "takes no writes").await;
    daemon.wait_for(STUCK).await;
    let check = world.cli(&["check"]).await;
    assert_eq!(check.status, 1, "{check:?}");
    assert!(
        check.stdout.contains("point DATABASE_URL at the primary"),
        "{check:?}"
    );
    check_for(Duration::from_secs(4), || {
        assert_eq!(world.sandbox.orders().len(), 1);
    })
    .await;
    assert_logged_at_most_once(&daemon);
    execute(
        &world,
        &format!("set transaction_read_only = off; {}", read_only("off")),
    )
    .await;
    // After a failover, connections are new.
    end_connections(&world).await;
    wait_until_all_sent(&world, &paid).await;
    ready_again(address).await;
    daemon.stop().await;
    world.assert_settled().await;
}

/// The daemon waits at its start, too, and blocks nobody else from migrating meanwhile.
#[tokio::test]
async fn a_daemon_that_cannot_migrate_yet_waits_and_blocks_no_other() {
    let mut world = World::named("migrates_later")
        .real_time()
        .unmigrated()
        .build()
        .await;
    world.expect_error("database unavailable");
    let order = world.pay_order(&[("A-0", 1)]).await;
    let name = world.environment()["DATABASE_URL"]
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let read_only =
        |on| format!("alter database \"{name}\" set default_transaction_read_only = {on}");
    execute(&world, &read_only("on")).await;
    let mut daemon = quick(&world).spawn();
    let address = daemon.address().await;
    daemon.wait_for("database unavailable").await;
    assert_eq!(ready(address).await.0, 503);
    execute(&world, &read_only("off")).await;
    world.cli_json(&["migrate", "--json"]).await;
    wait_until_all_sent(&world, &[order]).await;
    daemon.stop().await;
    world.assert_settled().await;
}

/// The disk is full, then VeraCore becomes unavailable, too. Whether orders can be recorded again
/// cannot be tried, and VeraCore's outage alone does not make the daemon unready.
#[tokio::test]
async fn while_orders_are_parked_an_old_failure_does_not_make_the_daemon_unready() {
    let mut world = world("old_trouble").await;
    world.expect_error("VeraCore is unavailable");
    let mut daemon = quick(&world).start().await;
    let address = daemon.address().await;
    // Orders can be claimed, but not recorded.
    fill_disk(&world, "veracore_order_sync", "update").await;
    execute(
        &world,
        "drop trigger full_disk on veracore_order_sync;
         create trigger full_disk before update on veracore_order_sync for each row
             when (new.sync_status <> 'syncing') execute function full_disk()",
    )
    .await;
    world
        .sandbox
        .add_fault(Fault::on("/", FaultKind::DropRequest));
    let paid = world.pay_orders(8).await;
    unready(address, "No space left on device").await;
    until("VeraCore is given up, and we are ready", || async {
        let (status, body) = get(&format!("http://{address}/readyz")).await;
        let ends: Value = serde_json::from_str(&body).unwrap();
        let open = ends["veracore"]["circuit"] == "open";
        (open && status == 200).then_some(())
    })
    .await;
    free_disk(&world, "veracore_order_sync").await;
    world.sandbox.clear_faults();
    wait_until_all_sent(&world, &paid).await;
    daemon.stop().await;
    world.assert_settled().await;
}

/// A worker paused by a failure does nothing that could show that the failure is over.
#[tokio::test]
async fn a_pause_does_not_keep_an_old_failure() {
    let world = world("paused_trouble").await;
    let mut daemon = quick(&world).start().await;
    let address = daemon.address().await;
    fill_disk(&world, "veracore_order_sync", "update").await;
    let paid = world.pay_orders(1).await;
    unready(address, "No space left on device").await;
    world
        .cli_json(&["config", "set", "SYNC_ENABLED", "false", "--json"])
        .await;
    daemon.wait_for("SYNC_ENABLED is false").await;
    ready_again(address).await;
    free_disk(&world, "veracore_order_sync").await;
    world
        .cli_json(&["config", "unset", "SYNC_ENABLED", "--json"])
        .await;
    wait_until_all_sent(&world, &paid).await;
    daemon.stop().await;
    world.assert_settled().await;
}
