//! Migrations: unchanged after release, concurrent programs, older and newer versions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, migrate::Migrate as _};
use veracore_sync::{clock::SystemClock, ledger::LedgerError};

use crate::harness::{World, until};

const LIST: &str = "released.sha256";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is wrong with migrations (text by file name), compared with a list as `sha256sum` makes it.
fn problems(list: &str, migrations: &BTreeMap<String, String>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut listed = BTreeSet::new();
    for line in list.lines() {
        let Some((digest, name)) = line.split_once("  ") else {
            problems.push(format!("{LIST}: '{line}' is no line of sha256sum"));
            continue;
        };
        if !listed.insert(name) {
            problems.push(format!("{LIST} names {name} twice"));
        }
        match migrations.get(name) {
            None => problems.push(format!(
                "{name} is gone: databases have it applied, and a program without it takes them for newer than itself. Bring it back"
            )),
            Some(text) if hex(&Sha256::digest(text)) != digest => problems.push(format!(
                "{name} was changed: databases have the old one applied, and refuse the new one. Undo that, and write another migration"
            )),
            Some(_) => {}
        }
    }
    for name in migrations
        .keys()
        .filter(|name| !listed.contains(name.as_str()))
    {
        problems.push(format!(
            "{name} is not listed. Once it is as it shall be for ever: (cd migrations && sha256sum {name} >> {LIST})"
        ));
    }
    for (at, name) in migrations.keys().enumerate() {
        if !name.starts_with(&format!("{:04}_", at + 1)) {
            problems.push(format!(
                "{name} is out of its place: migrations are numbered from 0001 without gaps, each number once"
            ));
        }
    }
    problems
}

#[test]
fn released_migrations_are_never_changed() {
    let mut migrations = BTreeMap::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name != LIST {
            migrations.insert(name, fs::read_to_string(path).unwrap());
        }
    }
    let list = fs::read_to_string(folder().join(LIST)).unwrap();
    let problems = problems(&list, &migrations);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_changed_migration_is_detected() {
    let texts = |names: &[&str]| {
        let text = |name: &&str| ((*name).to_owned(), format!("-- {name}"));
        names.iter().map(text).collect::<BTreeMap<_, _>>()
    };
    let list = |names: &[&str]| {
        let line = |name| format!("{}  {name}\n", hex(&Sha256::digest(format!("-- {name}"))));
        names.iter().map(line).collect::<String>()
    };
    let two = ["0001_a.sql", "0002_b.sql"];
    assert_eq!(problems(&list(&two), &texts(&two)), Vec::<String>::new());
    let mut changed = texts(&two);
    changed.insert(two[1].into(), "-- other".into());
    for (expected, list, migrations) in [
        ("0002_b.sql was changed", list(&two), changed),
        ("0002_b.sql is gone", list(&two), texts(&two[..1])),
        ("0002_b.sql is not listed", list(&two[..1]), texts(&two)),
        (
            "0003_b.sql is out of its place",
            list(&["0001_a.sql", "0003_b.sql"]),
            texts(&["0001_a.sql", "0003_b.sql"]),
        ),
        (
            "0001_b.sql is out of its place",
            list(&["0001_a.sql", "0001_b.sql"]),
            texts(&["0001_a.sql", "0001_b.sql"]),
        ),
    ] {
        let problems = problems(&list, &migrations);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(expected), "{problems:?}");
    }
}

#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    let world = World::unmigrated("together").await;
    let missing = world.ledger.ensure_migrated().await;
    assert!(
        matches!(missing, Err(LedgerError::NotMigrated { .. })),
        "{missing:?}"
    );
    let mut replicas = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let replica = world.another_ledger(world.clock.clone());
        replicas.spawn(async move {
            let migrated = replica.migrate().await;
            replica.close().await;
            migrated
        });
    }
    for migrated in replicas.join_all().await {
        migrated.unwrap();
    }
    world.ledger.ensure_migrated().await.unwrap();
    let foreign: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
         where table_schema = 'public' and table_name not like 'veracore\\_%'",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert!(foreign.is_empty(), "tables without our prefix: {foreign:?}");
    world.assert_settled().await;
}

#[tokio::test]
async fn a_migration_waits_for_another_replica() {
    let world = World::unmigrated("waits").await;
    let mut other = PgConnection::connect(&world.url).await.unwrap();
    // The lock that a replica takes.
    other.lock().await.unwrap();
    let replica = world.another_ledger(world.clock.clone());
    let mut migrating = tokio::task::JoinSet::new();
    migrating.spawn(async move { replica.migrate().await });
    until("it waits for the lock", || async {
        let waits: bool = sqlx::query_scalar(
            "select exists (select from pg_locks where locktype = 'advisory' and not granted
                 and database = (select oid from pg_database where datname = current_database()))",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        waits.then_some(())
    })
    .await;
    assert!(migrating.try_join_next().is_none());
    let none = world.ledger.ensure_migrated().await;
    assert!(
        matches!(none, Err(LedgerError::NotMigrated { .. })),
        "{none:?}"
    );
    other.unlock().await.unwrap();
    migrating.join_next().await.unwrap().unwrap().unwrap();
    world.ledger.ensure_migrated().await.unwrap();
    world.assert_settled().await;
}

/// Without this, one replica that waits for its database to take writes keeps all others waiting.
#[tokio::test]
async fn a_failed_migration_leaves_no_lock_behind() {
    let world = World::unmigrated("unlocked").await;
    // A table of another application.
    sqlx::raw_sql("create table veracore_sync_run ()")
        .execute(&world.pool)
        .await
        .unwrap();
    let replica = world.another_ledger(std::sync::Arc::new(SystemClock));
    let failed = replica.migrate().await;
    let Err(error @ LedgerError::TableNameTaken { .. }) = failed else {
        panic!("{failed:?}")
    };
    assert!(
        error
            .to_string()
            .contains("\"veracore_sync_run\" already exists"),
        "{error}"
    );
    sqlx::raw_sql("drop table veracore_sync_run")
        .execute(&world.pool)
        .await
        .unwrap();
    // The failed ledger still has its connections.
    world.ledger.migrate().await.unwrap();
    replica.ensure_migrated().await.unwrap();
    replica.close().await;
    world.assert_settled().await;
}

#[tokio::test]
async fn an_older_program_stops_at_newer_tables() {
    let world = World::unmigrated("newer").await;
    world.ledger.migrate().await.unwrap();
    world.apply_unknown_migration().await;
    for outcome in [
        world.ledger.migrate().await,
        world.ledger.ensure_migrated().await,
    ] {
        let Err(error @ LedgerError::SchemaTooNew { .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(error.to_string().contains("9999"), "{error}");
    }
    world.assert_settled().await;
}
