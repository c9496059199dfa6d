//! The `schedule` command: its output, without configuration and without a database, and its errors.

use std::collections::BTreeMap;

use serde_json::json;

use crate::harness::{Output, World, run_program};

async fn schedule(env: &[(&str, &str)], args: &[&str]) -> Output {
    let env: BTreeMap<_, _> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    run_program(env, &[&["schedule"], args].concat()).await
}

#[tokio::test]
async fn the_next_occurrences_are_printed_without_configuration() {
    let sunday = [
        "--from",
        "2026-03-08T00:00:00-08:00",
        "--days",
        "1",
        "--json",
    ];
    let output = schedule(&[], &sunday).await;
    let expected = json!({
        "timezone": "America/Los_Angeles",
        "occurrences": [
            { "job": "inventory", "local": "2026-03-08T03:00:00-07:00", "utc": "2026-03-08T10:00:00Z" },
        ],
    });
    assert_eq!(output.success_json(), expected);
    assert!(output.stderr.contains("DATABASE_URL"), "{output:?}");

    let monday = ["--from", "2026-03-09T09:00:00Z", "--days", "1", "--json"];
    let output = schedule(&[], &monday).await.success_json();
    let occurrences = output["occurrences"].as_array().unwrap();
    assert_eq!(occurrences.len(), 1 + 21, "{output}");
    assert_eq!(
        occurrences[0]["job"], "inventory",
        "from its very moment on"
    );
    assert_eq!(occurrences[1]["local"], "2026-03-09T09:00:00-07:00");
    assert_eq!(occurrences[21]["utc"], "2026-03-10T02:00:00Z");

    let env = [
        ("SYNC_TIMEZONE", "Australia/Sydney"),
        ("SYNC_INVENTORY_INTERVAL_MINUTES", "720"),
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"),
    ];
    let autumn = ["--from", "2026-04-05T00:00:00+11:00", "--days", "1"];
    let output = schedule(&env, &autumn).await;
    assert_eq!(output.status, 0, "{output:?}");
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines[0], "times of day in Australia/Sydney");
    assert!(
        lines[3].starts_with("inventory  2026-04-05T02:00:00+11:00"),
        "{output:?}"
    );
    assert!(
        lines[4].starts_with("inventory  2026-04-05T14:00:00+10:00"),
        "{output:?}"
    );
    assert_eq!(lines.len(), 5, "{output:?}");
    let week = schedule(&[], &["--json"]).await.success_json();
    let coming = week["occurrences"].as_array().unwrap();
    assert!(
        (7 * 22 - 2 * 21 - 3..=7 * 22).contains(&coming.len()),
        "{}",
        coming.len()
    );
}

#[tokio::test]
async fn wrong_arguments_and_settings_are_refused() {
    for args in [
        ["--from", "tomorrow"],
        ["--from", "2026-03-08"],
        ["--from", "2026-03-08T00:00:00"],
        ["--days", "0"],
        ["--days", "367"],
    ] {
        let output = schedule(&[], &args).await;
        assert_eq!(output.status, 2, "{args:?}: {output:?}");
        assert!(output.stderr.contains(args[0]), "{output:?}");
    }
    let output = schedule(&[], &["--from", "tomorrow"]).await;
    assert!(
        output.stderr.contains("2026-03-08T08:00:00Z"),
        "an example: {output:?}"
    );
    let output = schedule(&[("SYNC_TIMEZONE", "America/Los_Angelos")], &[]).await;
    assert_eq!(output.status, 2);
    assert!(
        output.stderr.contains("did you mean America/Los_Angeles?"),
        "{output:?}"
    );
}

#[tokio::test]
async fn status_shows_the_next_run_of_jobs_that_never_ran() {
    let world = World::named("next").real_time().build().await;
    let status = world.cli_json(&["status", "--json"]).await;
    let coming = world.cli_json(&["schedule", "--json"]).await;
    for (job, label) in [
        ("sync_inventory", "inventory"),
        ("sync_tracking", "tracking"),
    ] {
        let jobs = status["jobs"].as_array().unwrap();
        let status = jobs.iter().find(|status| status["job"] == job).unwrap();
        assert!(status["lastRun"].is_null());
        let occurrences = coming["occurrences"].as_array().unwrap();
        let next = occurrences
            .iter()
            .find(|next| next["job"] == label)
            .unwrap();
        assert_eq!(status["nextRun"], next["utc"]);
    }
    let off = world
        .cli_with(&[("SYNC_ENABLED", "false")], &["status", "--json"])
        .await;
    let off = off.success_json();
    assert!(
        off["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|job| job["nextRun"].is_null()),
        "{off}"
    );
    world.assert_settled().await;
}

#[tokio::test]
async fn settings_stored_in_the_database_apply() {
    let world = World::ledger_only("stored").await;
    sqlx::query("update veracore_config set settings = '{\"SYNC_INVENTORY_TIME\": \"04:30\"}'")
        .execute(&world.pool)
        .await
        .unwrap();
    let args = ["--from", "2026-06-06T07:00:00Z", "--days", "1", "--json"];
    let output = schedule(&[("DATABASE_URL", &world.url)], &args).await;
    assert_eq!(
        output.success_json()["occurrences"][0]["local"],
        "2026-06-06T04:30:00-07:00"
    );
    assert_eq!(output.stderr, "");
    world.assert_settled().await;
}
