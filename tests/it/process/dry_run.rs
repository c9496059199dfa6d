//! `sync orders --dry-run` reads everything and writes nothing anywhere.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::harness::{Cart, PaidOrder, World, ann};

/// All rows of all of the ledger's tables.
async fn ledger(world: &World) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
         where table_schema = 'public' order by 1",
    )
    .fetch_all(&world.tables)
    .await
    .unwrap();
    let mut rows = tables.clone();
    for table in tables {
        let select = format!("select t::text from {table} t order by 1");
        let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(select))
            .fetch_all(&world.tables)
            .await
            .unwrap();
        rows.extend(found);
    }
    rows
}

async fn shop(world: &World, orders: &[&PaidOrder]) -> Vec<Value> {
    let mut details = Vec::new();
    for order in orders {
        details.push(world.shop.order_details(&order.id).await);
    }
    details
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_done_and_writes_nothing() {
    let world = World::named("dry").real_time().build().await;
    let mut address = ann();
    address["city"] = json!("");
    let good = world.pay_order(&[("A-0", 2)]).await;
    let bad = world.shop.pay(&Cart::of(&[("A-1", 1)]).to(address)).await;
    let foreign = world.pay_order(&[("A-2", 1)]).await;
    let items = vec![("A-2".to_owned(), 1).into()];
    world.sandbox.record_foreign(&foreign.code, items).unwrap();
    let orders = [&good, &bad, &foreign];
    let before = (
        ledger(&world).await,
        shop(&world, &orders).await,
        world.sandbox.orders(),
    );

    let dry = world
        .cli_json(&["sync", "orders", "--dry-run", "--json"])
        .await;
    assert_eq!(dry["dryRun"], true);
    let would: Vec<_> = dry["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| (&o["order"], &o["would"]))
        .collect();
    let code = |order: &PaidOrder| json!(order.code);
    assert_eq!(
        would,
        [
            (&code(&good), &json!("send")),
            (&code(&bad), &json!("fail")),
            (&code(&foreign), &json!("fail")),
        ]
    );
    assert_eq!(dry["orders"][0]["detail"], "by standard-shipping: 2 × A-0");
    let skip = [("ORDER_SYNC_EXISTING", "skip")];
    let one = [
        "sync",
        "orders",
        "--dry-run",
        "--json",
        "--order",
        &good.code,
    ];
    let dry = world.cli_with(&skip, &one).await.success_json();
    assert_eq!(dry["orders"].as_array().unwrap().len(), 1);
    assert_eq!(dry["orders"][0]["would"], "skip");

    let after = (
        ledger(&world).await,
        shop(&world, &orders).await,
        world.sandbox.orders(),
    );
    assert_eq!(before, after);
    let writes = world.sandbox.requests();
    let writes: Vec<_> = writes
        .iter()
        .filter(|r| r.method != "GET" && r.path != "/api/token")
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
    world.assert_settled().await;
}
