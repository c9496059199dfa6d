//! The daemon's memory, CPU time, disk space and start time.

use std::{fs, time::Duration};

use super::{
    discovery::median,
    place::Place,
    process::Daemon,
    report::{Goal, Report},
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

pub async fn measure(report: &mut Report) {
    let binary = fs::metadata(env!("CARGO_BIN_EXE_veracore-sync")).unwrap();
    report.figure("size of the program", mib(binary.len()), "MiB");
    idle(report).await;
    busy(report).await;
    feed(report).await;
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

/// A shop with some orders, all processed, and nothing new.
async fn idle(report: &mut Report) {
    let place = Place::with(1000).await;
    place.shop.place(100);
    let mut ready = Vec::new();
    for _ in 0..5 {
        let daemon = Daemon::start(&place, &[]).await;
        ready.push(daemon.ready_after);
        daemon.stop().await;
    }
    report.goal(
        "from start to ready, with a migrated database (median of 5)",
        median(ready),
        "s",
        Goal::AtMost(1.0),
    );
    let daemon = Daemon::start(&place, &[]).await;
    let app = place.app(&[]).await;
    place.await_acknowledged(&app, 100).await;
    tokio::time::sleep(Duration::from_secs(report.scaled(60, 3))).await;
    let minutes = report.scaled(10, 0);
    let seconds = report.scaled(minutes * 60, 5);
    let before = (daemon.cpu(), place.transactions().await);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = (daemon.cpu(), place.transactions().await);
    let per_minute = 60.0 / seconds as f64;
    report.goal(
        format!("CPU time per minute, in {seconds} idle seconds"),
        (after.0 - before.0) * per_minute,
        "s",
        Goal::AtMost(0.5),
    );
    report.figure(
        format!("transactions per minute, in {seconds} idle seconds"),
        (after.1 - before.1) as f64 * per_minute,
        "",
    );
    report.goal(
        "resident memory, idle",
        daemon.resident(),
        "MiB",
        Goal::AtMost(25.0),
    );
    daemon.stop().await;
    place.leave(vec![app]).await;
}

/// Ten thousand orders.
async fn busy(report: &mut Report) {
    let orders = report.scaled(10_000, 100);
    let place = Place::with(1000).await;
    let daemon = Daemon::start(
        &place,
        &[
            ("VERACORE_MAX_CONCURRENCY", "16"),
            ("ORDER_POLL_INTERVAL_SECONDS", "1"),
        ],
    )
    .await;
    place.shop.place(orders);
    let app = place.app(&[]).await;
    let before = daemon.cpu();
    place.await_acknowledged(&app, orders).await;
    report.figure(
        "CPU time per order",
        (daemon.cpu() - before) / orders as f64 * 1000.0,
        "ms",
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    report.figure(
        format!("resident memory after {orders} orders"),
        daemon.resident(),
        "MiB",
    );
    report.goal(
        format!("peak memory during {orders} orders"),
        daemon.peak(),
        "MiB",
        Goal::AtMost(80.0),
    );
    daemon.stop().await;
    place.leave(vec![app]).await;
}

/// A feed of 100,000 rows, and a shop with as many variants, all to be changed.
async fn feed(report: &mut Report) {
    let rows = report.scaled(100_000, 1000);
    let place = Place::with(rows).await;
    let daemon = Daemon::start(&place, &[("API_TOKEN", TOKEN)]).await;
    for (changed, every) in [("0 %", None), ("100 %", Some(1))] {
        if let Some(nth) = every {
            place.shop.disturb(nth);
        }
        let answer = daemon
            .graphql(
                TOKEN,
                "mutation { forceVeracoreInventorySync { success error result } }",
            )
            .await;
        assert!(answer.contains("\"success\":true"), "{answer}");
        report.goal(
            format!("peak memory with a feed of {rows} rows, {changed} changed"),
            daemon.peak(),
            "MiB",
            Goal::AtMost(80.0),
        );
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    report.figure("resident memory afterwards", daemon.resident(), "MiB");
    daemon.stop().await;
    place.leave(Vec::new()).await;
}
