//! Frequent queries do not scan tables that grow.

use tokio::time::Instant;

use crate::harness::{
    World,
    plans::{ask_all, fill, findings, table},
};

/// Enough that Postgres has a reason to use its indexes.
const ORDERS: i32 = 40_000;

#[tokio::test]
async fn frequent_queries_use_an_index() {
    let world = World::ledger_only("plans").await;
    let begun = Instant::now();
    fill(&world.pool, ORDERS).await;
    println!("{ORDERS} orders were made in {:?}", begun.elapsed());
    let asked = ask_all(&world.url).await;
    println!("{}", table(&asked));
    let explained = asked.iter().map(|asked| asked.statements).sum::<usize>();
    assert!(explained > 100, "only {explained} plans were seen");
    assert_eq!(findings(&asked), Vec::<String>::new());
}
