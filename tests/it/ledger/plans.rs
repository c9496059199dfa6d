//! Frequent queries do not scan tables that grow.

use tokio::time::Instant;

use crate::harness::{
    World,
    plans::{fill, findings, measure_all, table},
};

/// Enough for Postgres to prefer indexes.
const ORDERS: i32 = 40_000;

#[tokio::test]
async fn frequent_queries_use_an_index() {
    let world = World::ledger_only("plans").await;
    let start = Instant::now();
    fill(&world.pool, ORDERS).await;
    println!("{ORDERS} orders were created in {:?}", start.elapsed());
    let calls = measure_all(&world.url).await;
    println!("{}", table(&calls));
    let explained = calls.iter().map(|call| call.statements).sum::<usize>();
    assert!(explained > 100, "only {explained} plans were seen");
    assert_eq!(findings(&calls), Vec::<String>::new());
}
