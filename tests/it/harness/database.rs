//! A database of a test's own, and the world that has nothing else.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use url::Url;
use veracore_sync::{
    clock::{Clock as _, MockClock, SharedClock, SystemClock},
    ledger::Ledger,
};

use super::{gate::Gate, surroundings};

/// A name that no other test has, in this run or an earlier one.
pub fn unique(name: &str) -> String {
    let now = SystemClock.now().timestamp_micros();
    let clean: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(24)
        .collect();
    format!("{clean}_{now:x}_{:x}", std::process::id())
}

/// A ledger in a database of its own, with a clock that moves only when told to.
pub struct LedgerWorld {
    pub name: String,
    pub url: String,
    /// For looking behind the ledger's back.
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

    /// A way to the database that can be closed or fall silent.
    pub fn gate(&self) -> Gate {
        Gate::before(&self.url)
    }

    /// Another ledger on the same database, as another replica has it.
    pub fn another_ledger(&self, clock: SharedClock) -> Ledger {
        connect(&self.url, clock)
    }

    /// As a newer version of the program leaves the tables.
    pub async fn come_from_the_future(&self) {
        come_from_the_future(&self.pool).await;
    }

    /// Ends the test: no lease may be left. The database is dropped.
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
/// When an order is still leased, or anything held: by `now`, since what a dead process held is left
/// to run out.
pub async fn assert_no_lease(pool: &PgPool, now: DateTime<Utc>) {
    let held = sqlx::query_scalar("select name from veracore_lease where lease_until > $1")
        .bind(now)
        .fetch_all(pool)
        .await;
    let held: Vec<String> = match held {
        // Before any migration.
        Err(error) if error.to_string().contains("does not exist") => Vec::new(),
        held => held.unwrap(),
    };
    assert!(held.is_empty(), "still held: {held:?}");
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
    // Of an older version's tables there is nothing to ask.
    let told = sqlx::query_scalar(
        "select 'event ' || id::text from veracore_event where lease_until > $1
         union all
         select 'note ' || event_id::text from veracore_order_note where lease_until > $1",
    )
    .bind(now)
    .fetch_all(pool)
    .await;
    let told: Vec<String> = told.unwrap_or_default();
    assert!(told.is_empty(), "still leased: {told:?}");
}

/// All that the ledger holds, by table.
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

/// Notes a migration that this program does not know.
pub async fn come_from_the_future(tables: &PgPool) {
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

/// Runs a statement outside of any test's database.
async fn in_cluster(statement: &str) {
    let mut cluster = PgConnection::connect(&surroundings("TEST_DATABASE_URL"))
        .await
        .expect("the tests' Postgres (TEST_DATABASE_URL) answers");
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut cluster)
        .await
        .unwrap();
}

async fn create(name: &str) -> String {
    in_cluster(&format!("create database \"{name}\" template template0")).await;
    let mut url: Url = surroundings("TEST_DATABASE_URL").parse().unwrap();
    url.set_path(name);
    url.to_string()
}
