//! An older backup of the ledger is restored as docs/deployment.md describes: nothing is sent or
//! fulfilled twice (I1).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use veracore_sync::domain::SyncStatus;

use crate::harness::{World, sends_of};

/// The path of a Postgres program: the newest of Debian's packages, or the one in `PATH`.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let mut found: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}

fn postgres(name: &str, args: &[&str], file: &Path, database: &str) {
    let output = Command::new(program(name))
        .args(args)
        .args(["--dbname", database])
        .args(if name == "pg_dump" {
            ["--file".as_ref(), file.as_os_str()].to_vec()
        } else {
            vec![file.as_os_str()]
        })
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {errors}");
}

#[tokio::test]
async fn a_restored_older_ledger_sends_and_fulfills_nothing_twice() {
    let world = World::named("restored").real_time().build().await;
    let database = world.environment().remove("DATABASE_URL").unwrap();
    let known = world.pay_order(&[("A-0", 1)]).await;
    world.cli_json(&["sync", "orders", "--json"]).await;
    assert_eq!(world.status(&known.code).await, SyncStatus::Success);

    let backup = world.logs().with_extension("dump");
    let dump = ["--format=custom", "--table=veracore_*"];
    postgres("pg_dump", &dump, &backup, &database);

    // After the backup: an order is sent, and a package is fulfilled.
    let unknown = world.pay_order(&[("A-1", 2)]).await;
    world.cli_json(&["sync", "orders", "--json"]).await;
    assert_eq!(world.status(&unknown.code).await, SyncStatus::Success);
    world.sandbox.ship(&known.code, vec![]).unwrap();
    world.cli_json(&["sync", "tracking", "--json"]).await;
    assert_eq!(world.shop.fulfillment_state(&known).await.1.len(), 1);

    let restore = ["--clean", "--if-exists", "--single-transaction"];
    postgres("pg_restore", &restore, &backup, &database);
    std::fs::remove_file(&backup).unwrap();
    world.cli_json(&["migrate", "--json"]).await;
    assert!(world.record(&unknown.code).await.is_none());

    let looked = world
        .cli_json(&["sync", "orders", "--dry-run", "--json"])
        .await;
    let would = &looked["orders"][0];
    assert_eq!(would["order"], unknown.code, "{looked}");
    assert_eq!(would["would"], "fail", "{looked}");

    // The lookup before sending finds the order, which then needs attention.
    world.cli(&["sync", "orders", "--json"]).await;
    assert_eq!(world.status(&unknown.code).await, SyncStatus::Error);
    let record = world.record(&unknown.code).await.unwrap();
    assert!(
        record.error_message.unwrap().contains("retry --adopt"),
        "the message says what to do"
    );
    world
        .cli_json(&["orders", "retry", "--adopt", &unknown.code, "--json"])
        .await;
    world.cli_json(&["sync", "orders", "--json"]).await;
    assert_eq!(world.status(&unknown.code).await, SyncStatus::Success);
    world.cli_json(&["sync", "tracking", "--json"]).await;

    assert_eq!(world.sandbox.orders().len(), 2);
    for code in [&known.code, &unknown.code] {
        assert_eq!(sends_of(&world.sandbox, code).len(), 1, "{code}");
    }
    assert_eq!(world.shop.fulfillment_state(&known).await.1.len(), 1);
    world.assert_settled().await;
}
