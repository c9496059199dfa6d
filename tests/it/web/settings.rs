//! Stored settings: changed by the API or the command line, applied by every replica without a
//! restart, with sealed secrets.

use serde_json::{Value, json};

use super::served;
use crate::harness::{Api, Credential, TOKEN, World, until};

const OLD_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const NEW_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

const UPDATE: &str =
    "mutation ($input: VeraCoreConfigInput!) { updateVeracoreConfig(input: $input) {
    syncEnabled settings { key value origin source isSecret isChangeable isGuarded isReadAtStart } } }";

async fn update(api: &Api, input: Value) -> crate::harness::Answer {
    api.ask(UPDATE, json!({ "input": input })).await
}

fn setting<'a>(config: &'a Value, key: &str) -> &'a Value {
    let settings = config["settings"].as_array().unwrap();
    settings.iter().find(|s| s["key"] == key).unwrap()
}

#[tokio::test]
async fn a_pause_and_its_end_apply_to_every_replica() {
    let world = World::named("pause").real_time().build().await;
    let (mut first, api) = served(&world).await;
    let (mut second, _) = served(&world).await;
    let before = world.pay_order(&[("A-0", 1)]).await;
    world.wait_until_sent(&before.code).await;
    let answer = update(&api, json!({ "syncEnabled": false })).await;
    let config = answer.data("updateVeracoreConfig");
    assert_eq!(config["syncEnabled"], false);
    assert_eq!(setting(config, "SYNC_ENABLED")["origin"], "database");
    for daemon in [&mut first, &mut second] {
        daemon.wait_for("SYNC_ENABLED is false").await;
    }
    let paused = world.pay_order(&[("A-0", 1)]).await;
    let force =
        "mutation ($id: String!) { forceVeraCoreOrderSync(orderId: $id) { success message } }";
    let refused = api.ask(force, json!({ "id": paused.id })).await;
    assert_eq!(refused.data("forceVeraCoreOrderSync")["success"], false);
    let stats = api
        .run("{ veracoreInventorySyncStats { nextSyncTime } }")
        .await;
    assert_eq!(
        stats.data("veracoreInventorySyncStats")["nextSyncTime"],
        Value::Null
    );
    // Longer than any poll interval.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert!(world.record(&paused.code).await.is_none());

    let answer = update(&api, json!({ "unset": ["SYNC_ENABLED"] })).await;
    assert_eq!(answer.data("updateVeracoreConfig")["syncEnabled"], true);
    world.wait_until_sent(&paused.code).await;
    first.stop().await;
    second.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_change_is_all_or_nothing_and_the_environment_wins() {
    let world = World::named("changes").real_time().build().await;
    let (daemon, api) = served(&world).await;
    let set = |key: &str, value: &str| json!({ "set": [{ "key": key, "value": value }] });
    for (input, words) in [
        (
            set("ORDER_POLL_INTERVAL_SECONDS", "5"),
            "environment variable ORDER_POLL_INTERVAL_SECONDS",
        ),
        (
            set("API_TOKEN", "another"),
            "environment variable API_TOKEN",
        ),
        (set("DATABASE_URL", "postgres://x/y"), "DATABASE_URL"),
        (set("SYNC_TIMEZONE", "Mars/Base"), "SYNC_TIMEZONE"),
        (set("NO_SUCH_THING", "1"), "NO_SUCH_THING"),
        (set("SYNC_INVENTORY_TIME", " "), "SYNC_INVENTORY_TIME"),
        (
            set(
                "<script>alert(1)</script>",
                "'; drop table veracore_config; --",
            ),
            "no such setting",
        ),
        (
            set("VERACORE_WEBHOOK_SECRET", "hunter2"),
            "CONFIG_ENCRYPTION_KEY",
        ),
        (json!({}), "Nothing"),
        (
            json!({ "set": [{ "key": "SYNC_INVENTORY_TIME", "value": "03:00" }], "unset": ["sync_inventory_time"] }),
            "twice",
        ),
        (
            json!({ "set": [{ "key": "SYNC_INVENTORY_TIME", "value": "03:00" }, { "key": "BUSINESS_HOURS", "value": "late" }] }),
            "BUSINESS_HOURS",
        ),
    ] {
        let answer = update(&api, input.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{input}: {answer:?}");
        assert!(answer.error().contains(words), "{input}: {answer:?}");
        assert!(!answer.error().contains("hunter2"), "{answer:?}");
    }
    assert_eq!(stored(&world).await, (json!({}), json!({})));

    let answer = update(&api, json!({ "set": [
        { "key": "sync_inventory_time", "value": "03:30" }, { "key": "BUSINESS_DAYS", "value": "Mon,Sat" },
    ] })).await;
    let config = answer.data("updateVeracoreConfig");
    let time = setting(config, "SYNC_INVENTORY_TIME");
    let expected = json!({ "key": "SYNC_INVENTORY_TIME", "value": "03:30", "origin": "database",
        "source": null, "isSecret": false, "isChangeable": true, "isGuarded": false, "isReadAtStart": false });
    assert_eq!(*time, expected);
    let token = setting(config, "API_TOKEN");
    assert_eq!(
        (&token["value"], &token["isChangeable"]),
        (&json!("********"), &json!(false))
    );
    until("the schedule is the stored one", || async {
        let stats = api
            .run("{ veracoreInventorySyncStats { nextSyncTime } }")
            .await;
        let next = stats.data("veracoreInventorySyncStats")["nextSyncTime"].clone();
        next.as_str()?.contains(":30:00").then_some(())
    })
    .await;
    daemon.stop().await;
    world.assert_settled().await;
}

async fn stored(world: &World) -> (Value, Value) {
    sqlx::query_as("select settings, sealed from veracore_config")
        .fetch_one(&world.tables)
        .await
        .unwrap()
}

/// The environment of a command with these keys and without VeraCore's secret.
fn with_keys(keys: &str) -> [(&str, &str); 2] {
    [("CONFIG_ENCRYPTION_KEY", keys), (SECRET, "")]
}

const SECRET: &str = "VERACORE_CLIENT_SECRET";

#[tokio::test]
async fn secrets_are_sealed_and_applied() {
    let mut world = World::named("sealed").real_time().build().await;
    world.expect_error("VeraCore refuses our credentials");
    let set = ["config", "set", SECRET, "not this one"];
    let fixed = world
        .cli_with(&[("CONFIG_ENCRYPTION_KEY", OLD_KEY)], &set)
        .await;
    assert_eq!(fixed.status, 2, "{fixed:?}");
    let keyless = world.cli_with(&with_keys(""), &set).await;
    assert_eq!(keyless.status, 2, "{keyless:?}");
    assert!(
        keyless.stderr.contains("CONFIG_ENCRYPTION_KEY"),
        "{keyless:?}"
    );
    for command in [
        &set[..],
        &["config", "unset", SECRET],
        &["config", "rotate-key"],
    ] {
        let malformed = world.cli_with(&with_keys("no key"), command).await;
        assert_eq!(malformed.status, 2, "{malformed:?}");
    }
    let wrong = world.cli_with(&with_keys(OLD_KEY), &set).await;
    assert_eq!(wrong.status, 0, "{wrong:?}");
    let (plain, sealed) = stored(&world).await;
    assert_eq!(plain, json!({}));
    assert!(!sealed.to_string().contains("not this one"));

    let mut daemon = world
        .daemon()
        .with(SECRET, "")
        .with("CONFIG_ENCRYPTION_KEY", &format!("{NEW_KEY},{OLD_KEY}"))
        .with("API_TOKEN", TOKEN)
        .start()
        .await;
    let api = Api::new(daemon.address().await, Credential::token());
    daemon.wait_for("refuses our credentials").await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    let secret = world.environment()[SECRET].clone();
    let input = json!({ "set": [{ "key": SECRET, "value": secret }] });
    let answer = update(&api, input).await;
    let shown = setting(answer.data("updateVeracoreConfig"), SECRET);
    let expected = (&json!("********"), &json!("database"));
    assert_eq!((&shown["value"], &shown["origin"]), expected);
    world.wait_until_sent(&order.code).await;
    let (_, by_new) = stored(&world).await;
    assert_ne!(by_new[SECRET]["keyId"], sealed[SECRET]["keyId"]);
    assert!(!by_new.to_string().contains(&secret));
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn a_key_can_be_rotated() {
    let world = World::named("rotated").real_time().build().await;
    let secret = world.environment()[SECRET].clone();
    let set = world
        .cli_with(&with_keys(NEW_KEY), &["config", "set", SECRET, &secret])
        .await;
    assert_eq!(set.status, 0, "{set:?}");
    let (_, by_new) = stored(&world).await;
    let show = ["config", "show"];
    let other = world.cli_with(&with_keys(OLD_KEY), &show).await;
    assert_eq!(other.status, 2, "{other:?}");
    assert!(other.stderr.contains(SECRET), "{other:?}");
    let both = format!("{OLD_KEY},{NEW_KEY}");
    let rotate = ["config", "rotate-key", "--json"];
    let nothing = world.cli_with(&with_keys(OLD_KEY), &rotate).await;
    assert_eq!(nothing.status, 2, "{nothing:?}");
    assert_eq!(stored(&world).await.1, by_new);
    let rotated = world.cli_with(&with_keys(&both), &rotate).await;
    assert_eq!(rotated.success_json()["sealedAnew"], json!([SECRET]));
    let again = world.cli_with(&with_keys(&both), &rotate).await;
    assert_eq!(again.success_json()["sealedAnew"], json!([]));
    let (_, by_old) = stored(&world).await;
    assert_ne!(by_old[SECRET]["keyId"], by_new[SECRET]["keyId"]);
    assert_eq!(world.cli_with(&with_keys(OLD_KEY), &show).await.status, 0);
    // Without this, nothing would work.
    let unset = ["config", "unset", SECRET];
    let unset = world.cli_with(&with_keys(OLD_KEY), &unset).await;
    assert_eq!(unset.status, 2, "{unset:?}");
    assert!(unset.stderr.contains(SECRET), "{unset:?}");
    world.assert_settled().await;
}

#[tokio::test]
async fn an_invalid_row_leaves_the_previous_settings_in_force() {
    let mut world = World::named("unusable").real_time().build().await;
    world.expect_error("stored settings are invalid");
    let (mut daemon, api) = served(&world).await;
    sqlx::query("update veracore_config set settings = '{\"SYNC_TIMEZONE\": \"Mars/Base\"}'")
        .execute(&world.tables)
        .await
        .unwrap();
    daemon.wait_for("stored settings are invalid").await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.wait_until_sent(&order.code).await;
    // And it can be corrected in the same way.
    let shown = api.run("{ veracoreConfig { syncEnabled problems } }").await;
    let problems = &shown.data("veracoreConfig")["problems"];
    assert!(
        problems[0].as_str().unwrap().contains("SYNC_TIMEZONE"),
        "{problems}"
    );
    let mended = update(&api, json!({ "unset": ["SYNC_TIMEZONE"] })).await;
    mended.data("updateVeracoreConfig");
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.wait_until_sent(&order.code).await;
    daemon.stop().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn an_administrator_can_change_settings_but_not_the_targets_of_credentials() {
    let world = World::named("guarded").real_time().build().await;
    let (daemon, api) = served(&world).await;
    let (channel, _) = world.shop.channels().await;
    let role = world
        .shop
        .make_role("settings", &["UpdateSettings", "ReadOrder"], &channel)
        .await;
    let session = world.shop.session_of_role("settings", &role).await;
    let admin = api.with_credential(Credential::Bearer(session));
    let time = json!({ "set": [{ "key": "SYNC_INVENTORY_TIME", "value": "04:00" }] });
    update(&admin, time).await.data("updateVeracoreConfig");
    let before = stored(&world).await;
    for key in [
        "EVENT_WEBHOOK_URL",
        "VERACORE_WEBHOOK_SECRET",
        "vendure_api_key",
        "HTTP_LISTEN",
    ] {
        let input = json!({ "set": [{ "key": key, "value": "https://evil.example.com" }] });
        let refused = update(&admin, input).await;
        assert_eq!(refused.code(), "BAD_USER_INPUT", "{refused:?}");
        assert!(refused.error().contains("API_TOKEN"), "{refused:?}");
    }
    assert_eq!(stored(&world).await, before);
    daemon.stop().await;
    world.assert_settled().await;
}

/// A daemon whose settings are only in an unavailable database waits for it.
#[tokio::test]
async fn a_daemon_waits_for_the_database_with_its_settings() {
    let mut world = World::named("waits").real_time().build().await;
    world.expect_error("database unavailable");
    let secret = world.environment()[SECRET].clone();
    let set = world
        .cli_with(&with_keys(OLD_KEY), &["config", "set", SECRET, &secret])
        .await;
    assert_eq!(set.status, 0, "{set:?}");
    let proxy = world.database_proxy();
    proxy.close();
    let mut daemon = world
        .daemon()
        .with("DATABASE_URL", proxy.url())
        .with(SECRET, "")
        .with("CONFIG_ENCRYPTION_KEY", OLD_KEY)
        .spawn();
    daemon.wait_for("it may hold the missing settings").await;
    proxy.open();
    daemon.wait_for("VeraCore sync started").await;
    let order = world.pay_order(&[("A-0", 1)]).await;
    world.wait_until_sent(&order.code).await;
    // A command fails without the stored settings.
    proxy.close();
    let without = [("DATABASE_URL", proxy.url())];
    let list = world.cli_with(&without, &["orders", "list"]).await;
    assert_eq!(list.status, 1, "{list:?}");
    proxy.open();
    daemon.stop().await;
    world.assert_settled().await;
}
