//! The ledger's query plans with a million orders: indexes, or sequential scans.

use tokio::time::Instant;

use super::{
    place::Place,
    report::{Goal, Report},
};

/// Groups of tables, by a pattern of their names.
const SIZES: [(&str, &str); 4] = [
    ("orders and lines", "^veracore_order_(sync|line)$"),
    ("attempts", "^veracore_order_attempt$"),
    ("packages", "^veracore_shipment$"),
    ("everything", "^veracore_"),
];

#[path = "../../tests/it/harness/plans/mod.rs"]
mod harness;

pub async fn measure(report: &mut Report) {
    let orders = report.scaled(1_000_000, 5000);
    let place = Place::with(0).await;
    let start = Instant::now();
    harness::fill(&place.tables, orders).await;
    report.figure(
        format!("filling a ledger with {orders} orders"),
        start.elapsed().as_secs_f64(),
        "s",
    );
    for (what, tables) in SIZES {
        let bytes: i64 = sqlx::query_scalar(
            "select sum(pg_total_relation_size(oid))::bigint from pg_class
             where relkind = 'r' and relname ~ $1",
        )
        .bind(tables)
        .fetch_one(&place.tables)
        .await
        .unwrap();
        report.figure(
            format!("{orders} orders: {what} with indexes, per order"),
            bytes as f64 / f64::from(orders),
            "bytes",
        );
    }
    let calls = harness::measure_all(&place.database_url).await;
    eprintln!("{}", harness::table(&calls));
    let frequent = calls.iter().filter(|one| one.full_scan_reason.is_none());
    if let Some(slowest) = frequent.max_by_key(|one| one.elapsed) {
        report.figure(
            format!(
                "{orders} orders: the slowest frequent method, `{}`",
                slowest.method
            ),
            slowest.elapsed.as_secs_f64() * 1000.0,
            "ms",
        );
    }
    let findings = harness::findings(&calls);
    for finding in &findings {
        eprintln!("    {finding}");
    }
    report.goal(
        format!(
            "{orders} orders: frequent methods of {} that read a growing table sequentially",
            calls.len()
        ),
        findings.len() as f64,
        "",
        Goal::AtMost(0.0),
    );
    place.leave(Vec::new()).await;
}
