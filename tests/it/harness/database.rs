//! A test's own database, and a world that has only a ledger.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use url::Url;
use veracore_sync::{
    clock::{Clock as _, MockClock, SharedClock, SystemClock},
    ledger::Ledger,
};

use super::{proxy::Proxy, test_env};

/// A name that no other test uses, in this run or an earlier one.
pub fn unique(name: &str) -> String {
    let now = SystemClock.now().timestamp_micros();
    let clean: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(24)
        .collect();
    format!("{clean}_{now:x}_{:x}", std::process::id())
}

/// A ledger in its own database, with a mock clock.
pub struct LedgerWorld {
    pub name: String,
    pub url: String,
    /// Direct access to the tables.
    pub pool: PgPool,
    pub ledger: Ledger,
    pub clock: Arc<MockClock>,
}

impl LedgerWorld {
    pub(super) async fn new(name: &str, migrated: bool) -> Self {
        let name = unique(name);
        let url = create(&name).await;
        let pool = PgPool::connect_lazy(&url).unwrap();
        let clock = MockClock::at(SystemClock.now());
        let world = Self {
            ledger: connect(&url, clock.clone()),
            name,
            url,
            pool,
            clock,
        };
        if migrated {
            world.ledger.migrate().await.unwrap();
        }
        world
    }

    /// A proxy to the database that can be closed or stalled.
    pub fn database_proxy(&self) -> Proxy {
        Proxy::to(&self.url)
    }

    /// A second ledger on the same database, like that of another replica.
    pub fn another_ledger(&self, clock: SharedClock) -> Ledger {
        connect(&self.url, clock)
    }

    /// Records a migration that this version does not know.
    pub async fn apply_unknown_migration(&self) {
        apply_unknown_migration(&self.pool).await;
    }

    /// Ends the test: asserts that no lease is left, and drops the database.
    pub async fn assert_settled(self) {
        assert_no_lease(&self.pool, self.clock.now()).await;
        self.ledger.close().await;
        self.drop_database().await;
    }

    pub(super) async fn drop_database(self) {
        self.pool.close().await;
        in_cluster(&format!("drop database \"{}\" with (force)", self.name)).await;
    }
}

/// # Panics
/// If anything is still leased. Leases that have expired by `now` are allowed: a killed process
/// leaves them.
pub async fn assert_no_lease(pool: &PgPool, now: DateTime<Utc>) {
    let names = sqlx::query_scalar("select name from veracore_lease where lease_until > $1")
        .bind(now)
        .fetch_all(pool)
        .await;
    let names: Vec<String> = match names {
        // Before any migration.
        Err(error) if error.to_string().contains("does not exist") => Vec::new(),
        names => names.unwrap(),
    };
    assert!(names.is_empty(), "still leased: {names:?}");
    let leased: Vec<String> = sqlx::query_scalar(
        "select vendure_order_code from veracore_order_sync where lease_token is not null",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(leased.is_empty(), "still leased: {leased:?}");
    let webhooks: Vec<i64> =
        sqlx::query_scalar("select id from veracore_webhook where lease_token is not null")
            .fetch_all(pool)
            .await
            .unwrap_or_default();
    assert!(webhooks.is_empty(), "webhooks still leased: {webhooks:?}");
    // These tables are missing in the database of an older version.
    let outgoing = sqlx::query_scalar(
        "select 'event ' || id::text from veracore_event where lease_until > $1
         union all
         select 'note ' || event_id::text from veracore_order_note where lease_until > $1",
    )
    .bind(now)
    .fetch_all(pool)
    .await;
    let outgoing: Vec<String> = outgoing.unwrap_or_default();
    assert!(outgoing.is_empty(), "still leased: {outgoing:?}");
}

/// All rows of the ledger, by table.
pub async fn rows(tables: &PgPool) -> BTreeMap<String, Value> {
    let names: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
         where table_schema = 'public' and table_name like 'veracore\\_%'",
    )
    .fetch_all(tables)
    .await
    .unwrap();
    let mut rows = BTreeMap::new();
    for name in names {
        let all = format!(
            "select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t)), '[]') from {name} t"
        );
        let all = sqlx::query_scalar(AssertSqlSafe(all))
            .fetch_one(tables)
            .await
            .unwrap();
        rows.insert(name, all);
    }
    rows
}

/// Records a migration that this version does not know.
pub async fn apply_unknown_migration(tables: &PgPool) {
    sqlx::query(
        "insert into veracore_migration (version, description, success, checksum, execution_time)
         values (9999, 'from the future', true, '\\x00', 1)",
    )
    .execute(tables)
    .await
    .unwrap();
}

pub fn connect(url: &str, clock: SharedClock) -> Ledger {
    Ledger::connect_lazily(url, 8, clock).unwrap()
}

/// Runs a statement in the cluster's default database.
async fn in_cluster(statement: &str) {
    let mut cluster = PgConnection::connect(&test_env("TEST_DATABASE_URL"))
        .await
        .expect("the tests' Postgres (TEST_DATABASE_URL) answers");
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut cluster)
        .await
        .unwrap();
}

async fn create(name: &str) -> String {
    in_cluster(&format!("create database \"{name}\" template template0")).await;
    let mut url: Url = test_env("TEST_DATABASE_URL").parse().unwrap();
    url.set_path(name);
    url.to_string()
}
