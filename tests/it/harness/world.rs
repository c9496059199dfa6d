//! A test's own environment: a ledger database, a VeraCore sandbox and a channel in the shop.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use chrono::TimeDelta;
use sqlx::PgPool;
use veracore_sync::{
    clock::{MockClock, SharedClock, SystemClock},
    domain::{OrderCode, SyncStatus},
    ledger::{Attempt, Ledger, OperatorOutcome, RetryMode, SyncRecord},
    sandbox::{self, Sandbox, SandboxConfig},
    sync::orders::OrderSettings,
    vendure::Storefront,
};

use super::{
    cart::{Cart, PaidOrder},
    daemon::{self, DaemonBuilder, Output},
    database::{self, LedgerWorld},
    log,
    proxy::Proxy,
    service::{self, Service, ServiceOptions},
    settled,
    shop::{REQUIRED_PERMISSIONS, Shop},
    style::Style,
    wait::until,
};

pub struct World {
    pub shop: Shop,
    pub sandbox: Sandbox,
    pub ledger: Ledger,
    /// The ledger's tables.
    pub tables: PgPool,
    pub clock: SharedClock,
    mock: Option<Arc<MockClock>>,
    database: LedgerWorld,
    logs: PathBuf,
    /// Texts of the ERROR lines that the test expects.
    expected_errors: Vec<String>,
    _capture: tracing::subscriber::DefaultGuard,
}

/// The options of a world.
pub struct WorldBuilder {
    name: String,
    real_time: bool,
    migrated: bool,
    permissions: Vec<&'static str>,
    sandbox: SandboxConfig,
}

impl World {
    /// A world with a mock clock.
    pub fn named(name: &str) -> WorldBuilder {
        WorldBuilder {
            name: name.to_owned(),
            real_time: false,
            migrated: true,
            permissions: REQUIRED_PERMISSIONS.to_vec(),
            sandbox: SandboxConfig::default(),
        }
    }

    /// Only a ledger in its own database: no shop, no sandbox.
    pub async fn ledger_only(name: &str) -> LedgerWorld {
        LedgerWorld::new(name, true).await
    }

    /// Like [`Self::ledger_only`], before any migration.
    pub async fn unmigrated(name: &str) -> LedgerWorld {
        LedgerWorld::new(name, false).await
    }

    /// Places and pays an order.
    pub async fn pay_order(&self, lines: &[(&str, u32)]) -> PaidOrder {
        self.shop.pay(&Cart::of(lines)).await
    }

    /// Places and pays `n` different orders.
    pub async fn pay_orders(&self, n: u32) -> Vec<PaidOrder> {
        self.shop.pay_all((0..n).map(Cart::varied).collect()).await
    }

    /// The services in this process.
    pub fn service(&self) -> Service {
        self.service_with(|_| {})
    }

    /// The services with other settings for orders.
    pub fn service_with(&self, change: impl FnOnce(&mut OrderSettings)) -> Service {
        self.service_with_options(|options| change(&mut options.orders))
    }

    /// The services with other settings, another shop or another warehouse.
    pub fn service_with_options(&self, change: impl FnOnce(&mut ServiceOptions)) -> Service {
        Service::new(self, change, self.mock.clone())
    }

    /// The program's client of the shop.
    pub fn storefront(&self) -> impl Storefront + use<> {
        service::client_of_shop(self)
    }

    /// The daemon as a separate process.
    pub fn daemon(&self) -> DaemonBuilder<'_> {
        DaemonBuilder::new(self)
    }

    /// Runs a one-off command with this world's configuration.
    pub async fn cli(&self, args: &[&str]) -> Output {
        self.cli_with(&[], args).await
    }

    /// Runs a one-off command that must succeed; returns its JSON document.
    pub async fn cli_json(&self, args: &[&str]) -> serde_json::Value {
        self.cli(args).await.success_json()
    }

    /// Runs a one-off command with other settings; an empty value unsets one.
    pub async fn cli_with(&self, settings: &[(&str, &str)], args: &[&str]) -> Output {
        let mut env = self.environment();
        daemon::change(&mut env, settings);
        daemon::command(env, args).await
    }

    /// The environment variables of a process in this world.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let sandbox = SandboxConfig::default();
        let veracore = Style::current().url(&self.sandbox);
        [
            ("DATABASE_URL", self.database.url.as_str()),
            ("VENDURE_API_URL", &self.shop.api_url),
            ("VENDURE_USERNAME", &self.shop.username),
            ("VENDURE_PASSWORD", &self.shop.password),
            ("VENDURE_CHANNEL_TOKEN", &self.shop.channel_token),
            ("VENDURE_TIMEOUT_SECONDS", "10"),
            ("VERACORE_API_URL", veracore.as_str()),
            ("VERACORE_CLIENT_ID", &sandbox.client_id),
            ("VERACORE_CLIENT_SECRET", &sandbox.client_secret),
            ("VERACORE_COMPANY_ID", &sandbox.company_id),
            ("VERACORE_TIMEOUT_SECONDS", "1"),
            ("VERACORE_RATE_LIMIT_PER_SECOND", "1000"),
            ("RETRY_INITIAL_SECONDS", "1"),
            ("RETRY_MAX_SECONDS", "2"),
            ("ORDER_POLL_INTERVAL_SECONDS", "1"),
            ("ORDER_SYNC_EXISTING", "send"),
            ("HTTP_LISTEN", "127.0.0.1:0"),
            ("LOG_FORMAT", "json"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Advances the mock clock.
    ///
    /// # Panics
    /// In a world with real time.
    pub fn advance(&self, step: TimeDelta) {
        self.mock().advance(step);
    }

    /// The mock clock.
    ///
    /// # Panics
    /// In a world with real time.
    pub fn mock(&self) -> &Arc<MockClock> {
        self.mock.as_ref().unwrap()
    }

    /// The ledger's record of an order.
    pub async fn record(&self, code: &str) -> Option<SyncRecord> {
        let code = OrderCode::parse(code).unwrap();
        self.ledger.order(&code).await.unwrap()
    }

    /// Waits until VeraCore has an order.
    pub async fn wait_until_sent(&self, code: &str) {
        until(&format!("VeraCore has {code}"), || async {
            (self.record(code).await?.sync_status == SyncStatus::Success).then_some(())
        })
        .await;
    }

    /// An order's status.
    ///
    /// # Panics
    /// If the ledger has no such order.
    pub async fn status(&self, code: &str) -> SyncStatus {
        self.record(code).await.unwrap().sync_status
    }

    /// Asserts that VeraCore has each of the orders, and that none needed a retry.
    pub async fn assert_sent_without_retries(&self, paid: &[PaidOrder]) {
        for order in paid {
            let record = self.record(&order.code).await.unwrap();
            let actual = (record.sync_status, record.retry_count);
            assert_eq!(actual, (SyncStatus::Success, 0), "{record:?}");
        }
    }

    pub async fn attempts(&self, code: &str) -> Vec<Attempt> {
        let record = self.record(code).await.unwrap();
        self.ledger.attempts(record.id).await.unwrap()
    }

    /// Requests a retry of an order, as an operator does.
    pub async fn retry(&self, code: &str) {
        let code = OrderCode::parse(code).unwrap();
        let outcome = self.ledger.retry_order(&code, RetryMode::Again).await;
        assert_eq!(outcome.unwrap(), OperatorOutcome::Done);
    }

    /// All rows of the ledger, by table.
    pub async fn rows(&self) -> BTreeMap<String, serde_json::Value> {
        database::rows(&self.tables).await
    }

    /// Records a migration that this version does not know.
    pub async fn apply_unknown_migration(&self) {
        database::apply_unknown_migration(&self.tables).await;
    }

    /// A proxy to the ledger's database, for a daemon's `DATABASE_URL`.
    pub fn database_proxy(&self) -> Proxy {
        Proxy::to(&self.database.url)
    }

    /// A proxy to the shop, for a daemon's `VENDURE_API_URL`.
    pub fn shop_proxy(&self) -> Proxy {
        Proxy::to(&self.shop.api_url)
    }

    /// The log lines of this process.
    pub fn log_lines(&self) -> Vec<serde_json::Value> {
        log::lines(&self.logs.join("in-process.log"))
    }

    /// Allows ERROR lines that contain this text.
    pub fn expect_error(&mut self, text: &str) {
        self.expected_errors.push(text.to_owned());
    }

    pub const fn logs(&self) -> &PathBuf {
        &self.logs
    }

    /// Ends the test: asserts that no lease is left, that no unexpected error was logged, and that
    /// every order was sent at most once, with a lookup before every resend.
    pub async fn assert_settled(self) {
        let records = settled::all_records(&self.ledger).await;
        settled::assert_sent_once(&self.sandbox, &records);
        self.assert_settled_elsewhere().await;
    }

    /// The same for orders that went to another warehouse, which the test checks itself.
    pub async fn assert_settled_elsewhere(self) {
        database::assert_no_lease(&self.tables, self.clock.now()).await;
        let errors = log::unexpected_errors(&self.logs, &self.expected_errors);
        assert!(
            errors.is_empty(),
            "unexpected errors:\n{}",
            errors.join("\n")
        );
        log::assert_no_private_data(&self.logs, &[&self.shop.password]);
        self.ledger.close().await;
        self.database.drop_database().await;
        std::fs::remove_dir_all(&self.logs).unwrap();
    }
}

impl WorldBuilder {
    /// Uses the system clock instead of a mock clock.
    pub const fn real_time(mut self) -> Self {
        self.real_time = true;
        self
    }

    /// Omits the ledger's tables, as before the first start.
    pub const fn unmigrated(mut self) -> Self {
        self.migrated = false;
        self
    }

    /// Sets the permissions of the daemon's role in the shop.
    pub fn permissions(mut self, permissions: &[&'static str]) -> Self {
        self.permissions = permissions.to_vec();
        self
    }

    pub fn sandbox(mut self, change: impl FnOnce(&mut SandboxConfig)) -> Self {
        change(&mut self.sandbox);
        self
    }

    pub async fn build(self) -> World {
        let database = LedgerWorld::new(&self.name, self.migrated).await;
        let name = database.name.clone();
        let logs = log::folder(&name);
        let capture = log::capture(&logs.join("in-process.log"));
        let mock = (!self.real_time).then(|| Arc::clone(&database.clock));
        let clock: SharedClock = match &mock {
            Some(mock) => Arc::clone(mock) as SharedClock,
            None => Arc::new(SystemClock),
        };
        World {
            shop: Shop::set_up(&name, &self.permissions).await,
            sandbox: sandbox::start(self.sandbox, Arc::clone(&clock))
                .await
                .unwrap(),
            ledger: database.another_ledger(Arc::clone(&clock)),
            tables: database.pool.clone(),
            clock,
            mock,
            database,
            logs,
            expected_errors: Vec::new(),
            _capture: capture,
        }
    }
}
