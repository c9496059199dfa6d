//! `run` refuses an invalid configuration and a shop that does not match it: exit status 2, and the
//! remedy on stderr. Every command refuses the tables of a newer version.

use crate::harness::World;

async fn assert_refused(world: &World, wrong: &[(&str, &str)], words: &[&str]) {
    let mut daemon = world.daemon();
    for (name, value) in wrong {
        daemon = daemon.with(name, value);
    }
    let mut daemon = daemon.spawn();
    let status = daemon.wait_exit().await;
    let stderr = daemon.stderr();
    assert_eq!(status.code(), Some(2), "{wrong:?}: {stderr}");
    for words in words {
        assert!(
            stderr.contains(words),
            "{wrong:?} without '{words}': {stderr}"
        );
    }
}

#[tokio::test]
async fn run_refuses_a_shop_that_does_not_match_the_configuration() {
    let mut world = World::named("refusals").real_time().build().await;
    world.expect_error("Vendure refuses our credentials");
    let order = world.pay_order(&[("A-0", 1)]).await;
    let wrong = [("VENDURE_CHANNEL_TOKEN", "no-such-channel")];
    assert_refused(&world, &wrong, &["fix: correct VENDURE_CHANNEL_TOKEN"]).await;
    let wrong = [("VENDURE_PASSWORD", "not this one")];
    assert_refused(
        &world,
        &wrong,
        &["fix: correct VENDURE_USERNAME and VENDURE_PASSWORD"],
    )
    .await;
    let wrong = [("VENDURE_STOCK_LOCATION", "Nowhere")];
    assert_refused(
        &world,
        &wrong,
        &["Nowhere", "fix: set VENDURE_STOCK_LOCATION"],
    )
    .await;
    world
        .shop
        .allow(&["ReadOrder", "UpdateOrder", "ReadCatalog"])
        .await;
    let fix = "fix: give the login's role in this channel: UpdateCatalog";
    assert_refused(&world, &[], &[fix]).await;
    assert!(
        world.record(&order.code).await.is_none(),
        "nothing was started"
    );
    world.assert_settled().await;
}

/// An older version must not write what a newer version reads differently.
#[tokio::test]
async fn the_tables_of_a_newer_version_are_refused() {
    let world = World::named("from_the_future").real_time().build().await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.cli_json(&["sync", "orders", "--json"]).await;
    world.sandbox.ship(&order.code, vec![]).unwrap();
    world.sandbox.set_stock("A-0", 77);
    world.pay_order(&[("A-1", 1)]).await;
    world.apply_unknown_migration().await;
    let called = world.sandbox.requests().len();
    let before = (
        world.rows().await,
        world.shop.level("A-0").await,
        world.shop.fulfillment_state(&order).await,
    );

    let what_to_do = "made by a newer veracore-sync (migration 9999 is unknown to this version). Run that version, or restore an older backup";
    let mut daemon = world.daemon().spawn();
    let status = daemon.wait_exit().await;
    assert_eq!(status.code(), Some(1));
    assert!(daemon.stderr().contains(what_to_do), "{}", daemon.stderr());
    for command in [
        "migrate",
        "sync orders",
        "sync inventory",
        "sync tracking",
        &format!("orders retry {}", order.code),
        &format!("orders skip {}", order.code),
        "orders backfill --since 2020-01-01",
        "orders list",
        "stock explain A-0",
        "status",
    ] {
        let args: Vec<&str> = command.split(' ').collect();
        let refused = world.cli(&args).await;
        assert_eq!(refused.status, 1, "{command}: {refused:?}");
        assert!(
            refused.stderr.contains(what_to_do),
            "{command}: {refused:?}"
        );
        assert_eq!(refused.stdout, "", "{command}");
    }
    assert_eq!(
        world.sandbox.requests().len(),
        called,
        "VeraCore was not called"
    );
    let check = world.cli(&["check"]).await;
    assert_eq!(check.status, 1, "{check:?}");
    let fix = "fix: use the veracore-sync version that migrated this database, or a newer one";
    assert!(check.stdout.contains(fix), "{check:?}");

    let after = (
        world.rows().await,
        world.shop.level("A-0").await,
        world.shop.fulfillment_state(&order).await,
    );
    assert_eq!(after, before, "nothing was changed");
    // `check` only reads.
    let calls = &world.sandbox.requests()[called..];
    let writes = calls.iter().filter(|call| call.path == "/api/orders");
    assert_eq!(writes.count(), 0, "{calls:?}");
    world.assert_settled().await;
}

#[tokio::test]
async fn run_names_every_invalid_setting_at_once() {
    let world = World::named("settings").real_time().build().await;
    let wrong = [
        ("VERACORE_CLIENT_SECRET", ""),
        ("VENDURE_API_URL", "shop.example"),
        ("ORDER_SYNC_EXISTING", "maybe"),
        ("RETRY_MAX_SECONDS", "soon"),
    ];
    let names = wrong.map(|(name, _)| name);
    assert_refused(&world, &wrong, &names).await;
    world.assert_settled().await;
}

#[tokio::test]
async fn every_missing_setting_is_named_at_once() {
    let world = World::named("missing").real_time().build().await;
    let environment = world.environment();
    let unset: Vec<(&str, &str)> = environment.keys().map(|name| (name.as_str(), "")).collect();
    let required = [
        "VERACORE_API_URL:",
        "VERACORE_CLIENT_ID:",
        "VERACORE_CLIENT_SECRET:",
        "VERACORE_COMPANY_ID:",
        "VENDURE_API_URL:",
        "VENDURE_USERNAME:",
        "DATABASE_URL:",
    ];
    assert_refused(&world, &unset, &required).await;
    for command in ["check", "sync orders", "sync inventory", "config show"] {
        let args: Vec<&str> = command.split(' ').collect();
        let refused = world.cli_with(&unset, &args).await;
        assert_eq!(refused.status, 2, "{command}: {refused:?}");
        for name in required {
            assert!(refused.stderr.contains(name), "{command}: {refused:?}");
        }
    }
    // These need only the database.
    for command in ["migrate", "config set SYNC_ENABLED false"] {
        let args: Vec<&str> = command.split(' ').collect();
        let refused = world.cli_with(&unset, &args).await;
        assert_eq!(refused.status, 2, "{command}: {refused:?}");
        let named = required
            .iter()
            .filter(|name| refused.stderr.contains(**name));
        assert_eq!(named.collect::<Vec<_>>(), [&"DATABASE_URL:"], "{command}");
    }
    world.assert_settled().await;
}
