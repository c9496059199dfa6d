//! An environment for a benchmark: its own database, fake shop and sandbox.

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
    sync::{
        context::SyncContext,
        orders::{OrderSettings, OrderSync, worker},
    },
};

use super::shop::{self, Shop};

/// The stock of each SKU in the shop and at VeraCore.
pub const ON_HAND: u32 = 1000;

pub struct Place {
    pub database_url: String,
    pub tables: PgPool,
    pub shop: Shop,
    pub sandbox: Sandbox,
    name: String,
}

/// An environment variable.
#[expect(
    clippy::disallowed_methods,
    reason = "the benchmark has no configuration of its own"
)]
pub fn env_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

async fn in_cluster(statement: String) {
    let url = env_variable("TEST_DATABASE_URL").unwrap();
    let mut cluster = PgConnection::connect(&url).await.unwrap();
    let statement = sqlx::raw_sql(AssertSqlSafe(statement));
    statement.execute(&mut cluster).await.unwrap();
}

impl Place {
    /// An environment with this number of SKUs in the shop and at VeraCore.
    pub async fn with(skus: usize) -> Self {
        let name = format!("bench_{:x}", SystemClock.now().timestamp_micros());
        in_cluster(format!("create database {name} template template0")).await;
        let mut url: Url = env_variable("TEST_DATABASE_URL").unwrap().parse().unwrap();
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

    /// Delays each response of VeraCore.
    pub fn slow_down_veracore(&self, milliseconds: u64) {
        let work = Work::Before;
        let kind = FaultKind::Delay { milliseconds, work };
        self.sandbox.add_fault(Fault::on("/api/orders", kind));
    }

    /// The daemon's environment variables, with changes.
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

    /// The number of orders recorded as sent.
    pub async fn acknowledged(&self, app: &App) -> usize {
        let counts = app.ledger.count_by_status().await.unwrap();
        usize::try_from(counts[&SyncStatus::Success]).unwrap()
    }

    /// Waits until this number of orders is recorded as sent.
    pub async fn await_acknowledged(&self, app: &App, orders: usize) {
        while self.acknowledged(app).await < orders {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the daemon's first sweep is done.
    pub async fn await_baseline(&self) {
        let statement = "select baseline_at is not null from veracore_config";
        while !sqlx::query_scalar::<_, bool>(statement)
            .fetch_one(&self.tables)
            .await
            .unwrap()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Transactions in the database so far, without our own.
    pub async fn transactions(&self) -> i64 {
        // The statistics lag: a connection reports its transactions once a second.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let statement = "select xact_commit + xact_rollback from pg_stat_database
             where datname = current_database()";
        sqlx::query_scalar(statement)
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

/// Processes due orders, as the daemon does, until [`stop`].
pub fn submit_orders(app: &App) -> TaskGroup {
    let tasks = TaskGroup::new();
    let context = SyncContext {
        tasks: tasks.clone(),
        ..SyncContext::clone(&app.orders)
    };
    let orders = OrderSync::new(context, OrderSettings::clone(&app.orders.settings));
    tasks.spawn(
        "submit_orders",
        worker::submit_orders(orders, app.upstreams.clone()),
    );
    tasks
}

/// Stops tasks and waits for their end.
pub async fn stop(tasks: &TaskGroup) {
    tasks.stop();
    tasks.drain(Duration::from_secs(30)).await;
}
