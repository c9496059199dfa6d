//! How the ledger's questions are answered when it holds a million orders: by indexes, or by reading
//! whole tables.

use tokio::time::Instant;

use super::{
    place::Place,
    report::{Goal, Report},
};

#[path = "../../tests/it/harness/plans.rs"]
mod harness;

pub async fn measure(report: &mut Report) {
    let orders = report.scaled(1_000_000, 5000);
    let place = Place::with(0).await;
    let begun = Instant::now();
    harness::fill(&place.tables, orders).await;
    report.figure(
        format!("filling a ledger with {orders} orders"),
        begun.elapsed().as_secs_f64(),
        "s",
    );
    let asked = harness::ask_all(&place.database_url).await;
    for one in &asked {
        let rarely = one.rarely.map_or_else(String::new, |why| format!(" ({why})"));
        report.figure(
            format!("{orders} orders, `{}`{rarely}", one.method),
            one.took.as_secs_f64() * 1000.0,
            "ms",
        );
    }
    let findings = harness::findings(&asked);
    for finding in &findings {
        eprintln!("    {finding}");
    }
    report.goal(
        format!("{orders} orders: hot questions of {} that read a growing table from end to end", asked.len()),
        findings.len() as f64,
        "",
        Goal::AtMost(0.0),
    );
    place.leave(Vec::new()).await;
}
