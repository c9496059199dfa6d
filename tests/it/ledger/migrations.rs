//! Migrations: several at once, older and newer programs.

use veracore_sync::ledger::LedgerError;

use crate::harness::World;

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
async fn an_older_program_stops_at_newer_tables() {
    let world = World::unmigrated("newer").await;
    world.ledger.migrate().await.unwrap();
    sqlx::query(
        "insert into veracore_migration (version, description, success, checksum, execution_time)
         values (9999, 'from the future', true, '\\x00', 1)",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    for outcome in [
        world.ledger.migrate().await,
        world.ledger.ensure_migrated().await,
    ] {
        let Err(error @ LedgerError::TooNew { .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(error.to_string().contains("9999"), "{error}");
    }
    world.assert_settled().await;
}
