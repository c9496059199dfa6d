//! Stock and tracking by the real program: its commands, a kill, and late replicas.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{ShopStock, World, until};

#[tokio::test]
async fn dry_runs_print_the_changes_and_write_nothing() {
    let world = World::named("dry_back").real_time().build().await;
    let order = world.pay_order(&[("A-0", 2)]).await;
    world.cli_json(&["sync", "orders", "--json"]).await;
    world.sandbox.set_stock("A-0", 12);
    world.sandbox.ship(&order.code, vec![]).unwrap();
    let before = world.shop.level("A-0").await;

    let stock = world
        .cli_json(&["sync", "inventory", "--dry-run", "--json"])
        .await;
    assert_eq!(stock["dryRun"], true);
    let changes = stock["changes"].as_array().unwrap();
    assert_eq!(
        (changes.len(), &changes[0]["sku"]),
        (1, &Value::from("A-0"))
    );
    // 10 on hand after shipping, plus 2 that the shop has allocated itself.
    assert_eq!(
        (&changes[0]["after"], &changes[0]["acknowledged"]),
        (&12.into(), &2.into())
    );
    let tracking = world
        .cli_json(&["sync", "tracking", "--dry-run", "--json"])
        .await;
    assert_eq!(tracking["packages"][0]["would"], "fulfill");
    assert_eq!(tracking["packages"][0]["order"], order.code);

    assert_eq!(world.shop.level("A-0").await, before);
    assert_eq!(world.shop.fulfillment_state(&order).await.1, []);
    for table in [
        "veracore_shipment",
        "veracore_stock_change",
        "veracore_event where event_type <> 'order.accepted'",
    ] {
        let count: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
                .fetch_one(&world.tables)
                .await
                .unwrap();
        assert_eq!(count, 0, "{table}");
    }
    world.assert_settled().await;
}

#[tokio::test]
async fn the_commands_sync_both_and_explain_a_level() {
    let world = World::named("commands_back").real_time().build().await;
    let order = world.pay_order(&[("A-0", 2)]).await;
    world.cli_json(&["sync", "orders", "--json"]).await;
    world.sandbox.set_stock("A-0", 12);
    let one = ["sync", "inventory", "--sku", "A-0", "--json"];
    assert_eq!(world.cli_json(&one).await["written"], 1);
    assert_eq!(
        world.shop.level("A-0").await,
        ShopStock {
            on_hand: 12,
            allocated: 2
        }
    );
    let explanation = world.cli_json(&["stock", "explain", "A-0", "--json"]).await;
    let now = &explanation["now"]["variants"][0];
    let numbers = ["available", "acknowledged", "allocated", "before", "after"].map(|n| &now[n]);
    assert_eq!(numbers, [10, 2, 2, 12, 12].map(Value::from).each_ref());
    assert_eq!(now["orders"][0][0], order.code);
    assert_eq!(explanation["changes"][0]["outcome"], "written");
    let words = world.cli(&["stock", "explain", "A-0"]).await;
    assert!(
        words
            .stdout
            .contains("available at VeraCore, 2 reserved, 12 on hand"),
        "{}",
        words.stdout
    );
    assert!(
        words.stdout.contains(&format!("{}: 2", order.code)),
        "{}",
        words.stdout
    );

    world.sandbox.ship(&order.code, vec![]).unwrap();
    let track = ["sync", "tracking", "--order", &order.code, "--json"];
    assert_eq!(world.cli_json(&track).await["fulfilled"], 1);
    assert_eq!(world.cli_json(&track).await["fulfilled"], 0);
    assert_eq!(world.shop.fulfillment_state(&order).await.1.len(), 1);

    for (args, words) in [
        (
            ["sync", "inventory", "--sku", "NONE"],
            "No product variant found for SKU NONE",
        ),
        (
            ["sync", "inventory", "--sku", "A-1"],
            "VeraCore does not know the SKU A-1",
        ),
        (
            ["sync", "tracking", "--order", "NOPE"],
            "VeraCore does not have order NOPE",
        ),
    ] {
        let refused = world.cli(&args).await;
        assert_eq!(refused.status, 1, "{refused:?}");
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    world.assert_settled().await;
}

/// `kill -9` after the shop has created the fulfillment and before the ledger records it: a lock
/// blocks that write.
#[tokio::test]
async fn a_kill_between_the_fulfillment_and_the_ledger_makes_no_second_one() {
    let world = World::named("killed_back").real_time().build().await;
    let order = world.pay_order(&[("A-0", 2), ("A-1", 1)]).await;
    world.cli_json(&["sync", "orders", "--json"]).await;
    world.sandbox.ship(&order.code, vec![]).unwrap();
    sqlx::raw_sql(
        "create function wait() returns trigger language plpgsql as
             $$ begin perform pg_sleep(20); return new; end $$;
         create trigger wait before update on veracore_shipment for each row
             when (new.vendure_fulfillment_id is not null) execute function wait()",
    )
    .execute(&world.tables)
    .await
    .unwrap();
    let mut victim = Command::new(env!("CARGO_BIN_EXE_veracore-sync"))
        .args(["sync", "tracking"])
        .env_clear()
        .envs(world.environment())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the shop has the fulfillment", || async {
        (world.shop.fulfillment_state(&order).await.1.len() == 1).then_some(())
    })
    .await;
    victim.kill().unwrap();
    victim.wait().unwrap();
    // Postgres rolls back the killed process's transaction.
    sqlx::raw_sql(
        "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and query like '%veracore_shipment%'
                 and pid <> pg_backend_pid()",
    )
    .execute(&world.tables)
    .await
    .unwrap();
    sqlx::raw_sql("drop trigger wait on veracore_shipment")
        .execute(&world.tables)
        .await
        .unwrap();
    let linked: Option<String> =
        sqlx::query_scalar("select vendure_fulfillment_id from veracore_shipment")
            .fetch_one(&world.tables)
            .await
            .unwrap();
    assert_eq!(linked, None, "the ledger has not recorded it");
    // Its leases would expire anyway.
    sqlx::query("update veracore_lease set lease_until = now() - interval '1 second'")
        .execute(&world.tables)
        .await
        .unwrap();
    let done = world.cli_json(&["sync", "tracking", "--json"]).await;
    assert_eq!(
        (&done["fulfilled"], &done["recognized"]),
        (&0.into(), &1.into()),
        "{done}"
    );
    let (state, fulfillments, fields) = world.shop.fulfillment_state(&order).await;
    assert_eq!((state.as_str(), fulfillments.len()), ("Shipped", 1));
    assert_eq!(fulfillments[0].units, [2, 1]);
    assert_eq!(fields["trackingCode"], "1ZSANDBOX000000001");
    assert_eq!(world.shop.level("A-0").await.allocated, 0);
    world.assert_settled().await;
}

/// Three replicas start after the inventory sync was due: one of them makes it up once (I7, I8), and
/// one syncs tracking.
#[tokio::test]
async fn replicas_that_start_late_make_up_the_missed_run_once() {
    let world = World::named("late_back").real_time().build().await;
    let order = world.pay_order(&[("A-0", 2)]).await;
    world.cli_json(&["sync", "orders", "--json"]).await;
    world.sandbox.set_stock("A-0", 12);
    world.sandbox.ship(&order.code, vec![]).unwrap();
    sqlx::query("update veracore_config set first_started_at = now() - interval '2 days'")
        .execute(&world.tables)
        .await
        .unwrap();
    let daemon = || {
        world
            .daemon()
            .with("BUSINESS_HOURS", "00:00-23:59")
            .with("BUSINESS_DAYS", "Mon-Sun")
            .with("SYNC_TRACKING_INTERVAL_MINUTES", "1")
            .spawn()
    };
    let daemons = [daemon(), daemon(), daemon()];
    until("stock and tracking are back", || async {
        let level = world.shop.level("A-0").await;
        let (state, ..) = world.shop.fulfillment_state(&order).await;
        (state == "Shipped" && level.on_hand == 10 && level.allocated == 0).then_some(())
    })
    .await;
    until("the runs are recorded", || async {
        let open: i64 =
            sqlx::query_scalar("select count(*) from veracore_sync_run where ended_at is null")
                .fetch_one(&world.tables)
                .await
                .unwrap();
        (open == 0).then_some(())
    })
    .await;
    for daemon in daemons {
        daemon.stop().await;
    }
    let inventory: Vec<(String, i32)> = sqlx::query_as(
        "select outcome, starts from veracore_sync_run where job = 'sync_inventory'",
    )
    .fetch_all(&world.tables)
    .await
    .unwrap();
    assert_eq!(inventory, [("done".to_owned(), 1)]);
    let missed: Vec<String> = sqlx::query_scalar(
        "select data->>'job' from veracore_event where event_type = 'schedule.missed'",
    )
    .fetch_all(&world.tables)
    .await
    .unwrap();
    assert_eq!(missed, ["inventory"]);
    let (_, fulfillments, _) = world.shop.fulfillment_state(&order).await;
    assert_eq!(fulfillments.len(), 1);
    assert_eq!(fulfillments[0].units, [2]);
    world.assert_settled().await;
}
