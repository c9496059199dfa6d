//! A place to measure in: a database, a shop that costs next to nothing and a sandbox, of its own.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use url::Url;
use veracore_sync::{
    app::App,
    clock::{Clock as _, SystemClock},
    config::Sources,
    domain::SyncStatus,
    lifecycle::TaskGroup,
    sandbox::{self, Fault, FaultKind, Sandbox, SandboxConfig, Work},
    sync::orders::worker,
};

use super::shop::{self, Shop};

/// Of what each SKU has at both ends.
pub const ON_HAND: u32 = 1000;

pub struct Place {
    pub database_url: String,
    pub tables: PgPool,
    pub shop: Shop,
    pub sandbox: Sandbox,
    name: String,
}

/// A variable of the surroundings.
#[expect(
    clippy::disallowed_methods,
    reason = "the benchmark has no configuration of its own"
)]
pub fn surroundings(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

async fn in_cluster(statement: String) {
    let url = surroundings("TEST_DATABASE_URL").unwrap();
    let mut cluster = PgConnection::connect(&url).await.unwrap();
    let statement = sqlx::raw_sql(AssertSqlSafe(statement));
    statement.execute(&mut cluster).await.unwrap();
}

impl Place {
    /// With so many SKUs, known at both ends.
    pub async fn with(skus: usize) -> Self {
        let name = format!("bench_{:x}", SystemClock.now().timestamp_micros());
        in_cluster(format!("create database {name} template template0")).await;
        let mut url: Url = surroundings("TEST_DATABASE_URL").unwrap().parse().unwrap();
        url.set_path(&name);
        let sandbox = sandbox::start(SandboxConfig::default(), Arc::new(SystemClock));
        let sandbox = sandbox.await.unwrap();
        for at in 0..skus {
            sandbox.set_stock(&shop::sku(at), ON_HAND);
        }
        let place = Self {
            database_url: url.to_string(),
            tables: PgPool::connect_lazy(url.as_str()).unwrap(),
            shop: Shop::start(skus, ON_HAND.into()).await,
            sandbox,
            name,
        };
        place.app(&[]).await.ledger.migrate().await.unwrap();
        place
    }

    /// Each answer of VeraCore's takes so long.
    pub fn slow_down_veracore(&self, milliseconds: u64) {
        let work = Work::Before;
        let kind = FaultKind::Delay { milliseconds, work };
        self.sandbox.add_fault(Fault::on("/api/orders", kind));
    }

    /// The daemon's configuration, with changes.
    pub fn environment(&self, changes: &[(&str, &str)]) -> BTreeMap<String, String> {
        let config = SandboxConfig::default();
        let veracore = self.sandbox.base_url();
        let usual = [
            ("DATABASE_URL", self.database_url.as_str()),
            ("VENDURE_API_URL", &self.shop.api_url),
            ("VENDURE_USERNAME", "superadmin"),
            ("VENDURE_PASSWORD", "superadmin"),
            ("VERACORE_API_URL", veracore.as_str()),
            ("VERACORE_CLIENT_ID", &config.client_id),
            ("VERACORE_CLIENT_SECRET", &config.client_secret),
            ("VERACORE_COMPANY_ID", &config.company_id),
            ("VERACORE_RATE_LIMIT_PER_SECOND", "1000"),
            ("ORDER_SYNC_EXISTING", "send"),
            ("HTTP_LISTEN", "127.0.0.1:0"),
            ("LOG_FORMAT", "json"),
        ];
        usual
            .iter()
            .chain(changes)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// The daemon's services in this process.
    pub async fn app(&self, changes: &[(&str, &str)]) -> App {
        let sources = Sources {
            env: self.environment(changes),
            ..Sources::default()
        };
        App::load_for_check(sources).await.unwrap()
    }

    /// How many orders VeraCore is known to have.
    pub async fn acknowledged(&self, app: &App) -> usize {
        let counts = app.ledger.count_by_status().await.unwrap();
        usize::try_from(counts[&SyncStatus::Success]).unwrap()
    }

    /// Waits until VeraCore is known to have so many orders.
    pub async fn await_acknowledged(&self, app: &App, orders: usize) {
        while self.acknowledged(app).await < orders {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the daemon has had its first look at the shop.
    pub async fn await_baseline(&self) {
        let asked = "select baseline_at is not null from veracore_config";
        while !sqlx::query_scalar::<_, bool>(asked)
            .fetch_one(&self.tables)
            .await
            .unwrap()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Transactions in the database so far, but for our own.
    pub async fn transactions(&self) -> i64 {
        // Counted a little late: a connection tells of its transactions once in a second.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let asked = "select xact_commit + xact_rollback from pg_stat_database
             where datname = current_database()";
        sqlx::query_scalar(asked)
            .fetch_one(&self.tables)
            .await
            .unwrap()
    }

    pub async fn leave(self, apps: Vec<App>) {
        for app in apps {
            app.ledger.close().await;
        }
        self.tables.close().await;
        self.sandbox.stop().await;
        in_cluster(format!("drop database {} with (force)", self.name)).await;
    }
}

/// Works on due orders, as the daemon does, until it is told to [`stop`].
pub fn submit_orders(app: &App) -> TaskGroup {
    let tasks = TaskGroup::new();
    tasks.spawn(
        "submit_orders",
        worker::submit_orders(
            app.orders.clone(),
            Arc::new(SystemClock),
            app.upstreams.clone(),
            tasks.clone(),
        ),
    );
    tasks
}

/// Tells work to come to its end, and waits for that.
pub async fn stop(tasks: &TaskGroup) {
    tasks.stop();
    tasks.drain(Duration::from_secs(30)).await;
}
