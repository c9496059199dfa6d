//! A test's world: a ledger database, a sandbox in VeraCore's place and a channel in the shop, all
//! of its own.

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
    gate::Gate,
    log,
    service::{self, Making, Service},
    settled,
    shop::{LEAST_PERMISSIONS, Shop},
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
    /// Parts of lines of the level ERROR that are meant to be there.
    expected_errors: Vec<String>,
    _capture: tracing::subscriber::DefaultGuard,
}

/// How a world differs from the usual one.
pub struct WorldBuilder {
    name: String,
    real_time: bool,
    migrated: bool,
    permissions: Vec<&'static str>,
    sandbox: SandboxConfig,
}

impl World {
    /// A world with a clock that moves only when told to.
    pub fn named(name: &str) -> WorldBuilder {
        WorldBuilder {
            name: name.to_owned(),
            real_time: false,
            migrated: true,
            permissions: LEAST_PERMISSIONS.to_vec(),
            sandbox: SandboxConfig::default(),
        }
    }

    /// Only a ledger in a database of its own: no shop, no sandbox.
    pub async fn ledger_only(name: &str) -> LedgerWorld {
        LedgerWorld::new(name, true).await
    }

    /// The same before any migration.
    pub async fn unmigrated(name: &str) -> LedgerWorld {
        LedgerWorld::new(name, false).await
    }

    /// Places an order and pays it.
    pub async fn pay_order(&self, lines: &[(&str, u32)]) -> PaidOrder {
        self.shop.pay(&Cart::of(lines)).await
    }

    /// Places and pays `n` orders that differ.
    pub async fn pay_orders(&self, n: u32) -> Vec<PaidOrder> {
        self.shop.pay_all((0..n).map(Cart::varied).collect()).await
    }

    /// The service in this process, with short waits.
    pub fn service(&self) -> Service {
        self.service_with(|_| {})
    }

    /// The same with other settings for orders.
    pub fn service_with(&self, change: impl FnOnce(&mut OrderSettings)) -> Service {
        self.service_made(|making| change(&mut making.orders))
    }

    /// The same with other settings of any kind, or another shop.
    pub fn service_made(&self, change: impl FnOnce(&mut Making)) -> Service {
        Service::new(self, change, self.mock.clone())
    }

    /// The daemon's client of the shop.
    pub fn storefront(&self) -> impl Storefront + use<> {
        service::client_of_shop(self)
    }

    /// The daemon as a process of its own.
    pub fn daemon(&self) -> DaemonBuilder<'_> {
        DaemonBuilder::new(self)
    }

    /// A one-shot command with this world's configuration.
    pub async fn cli(&self, args: &[&str]) -> Output {
        self.cli_with(&[], args).await
    }

    /// The same with other settings; an empty value unsets one.
    pub async fn cli_with(&self, settings: &[(&str, &str)], args: &[&str]) -> Output {
        let mut env = self.environment();
        daemon::change(&mut env, settings);
        daemon::command(env, args).await
    }

    /// The configuration of a process in this world.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let sandbox = SandboxConfig::default();
        let veracore = Style::spoken().url(&self.sandbox);
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

    /// Moves the clock on.
    ///
    /// # Panics
    /// In a world with real time.
    pub fn advance(&self, step: TimeDelta) {
        self.mock().advance(step);
    }

    /// The clock, for whatever else shall go by it.
    ///
    /// # Panics
    /// In a world with real time.
    pub fn mock(&self) -> &Arc<MockClock> {
        self.mock.as_ref().unwrap()
    }

    /// What the ledger knows of an order.
    pub async fn record(&self, code: &str) -> Option<SyncRecord> {
        let code = OrderCode::parse(code).unwrap();
        self.ledger.order(&code).await.unwrap()
    }

    /// Waits until VeraCore has an order.
    pub async fn arrives(&self, code: &str) {
        until(&format!("{code} arrives"), || async {
            (self.record(code).await?.sync_status == SyncStatus::Success).then_some(())
        })
        .await;
    }

    /// Where an order stands.
    ///
    /// # Panics
    /// When the ledger does not know it.
    pub async fn status(&self, code: &str) -> SyncStatus {
        self.record(code).await.unwrap().sync_status
    }

    /// Each of them arrived, and none used up a try.
    ///
    /// # Panics
    /// When one did not, or did.
    pub async fn assert_untroubled(&self, paid: &[PaidOrder]) {
        for order in paid {
            let record = self.record(&order.code).await.unwrap();
            let stands = (record.sync_status, record.retry_count);
            assert_eq!(stands, (SyncStatus::Success, 0), "{record:?}");
        }
    }

    pub async fn attempts(&self, code: &str) -> Vec<Attempt> {
        let record = self.record(code).await.unwrap();
        self.ledger.attempts(record.id).await.unwrap()
    }

    /// Another try, as a person asks for it.
    pub async fn retry(&self, code: &str) {
        let code = OrderCode::parse(code).unwrap();
        let verdict = self.ledger.retry_order(&code, RetryMode::Again).await;
        assert_eq!(verdict.unwrap(), OperatorOutcome::Done);
    }

    /// All that the ledger holds, by table.
    pub async fn rows(&self) -> BTreeMap<String, serde_json::Value> {
        database::rows(&self.tables).await
    }

    /// As a newer version of the program leaves the ledger's tables.
    pub async fn come_from_the_future(&self) {
        database::come_from_the_future(&self.tables).await;
    }

    /// A way to the ledger's database that can be closed; a daemon takes it with `DATABASE_URL`.
    pub fn gate(&self) -> Gate {
        Gate::before(&self.database.url)
    }

    /// A way to the shop that can be closed; a daemon takes it with `VENDURE_API_URL`.
    pub fn gate_to_shop(&self) -> Gate {
        Gate::before(&self.shop.api_url)
    }

    /// What was logged in this process.
    pub fn log_lines(&self) -> Vec<serde_json::Value> {
        log::lines(&self.logs.join("in-process.log"))
    }

    /// Declares that lines of the level ERROR with these words are meant to be there.
    pub fn expect_error(&mut self, words: &str) {
        self.expected_errors.push(words.to_owned());
    }

    pub const fn logs(&self) -> &PathBuf {
        &self.logs
    }

    /// Ends the test: no lease is left, no error was logged that was not expected, and every order
    /// arrived at most once, with a look-up before any second try.
    pub async fn assert_settled(self) {
        let records = settled::all_records(&self.ledger).await;
        settled::assert_each_once(&self.sandbox, &records);
        self.assert_settled_elsewhere().await;
    }

    /// The same where orders went to another warehouse, which is looked at by the test itself.
    pub async fn assert_settled_elsewhere(self) {
        database::assert_no_lease(&self.tables, self.clock.now()).await;
        let errors = log::unexpected_errors(&self.logs, &self.expected_errors);
        assert!(
            errors.is_empty(),
            "unexpected errors:\n{}",
            errors.join("\n")
        );
        log::assert_discreet(&self.logs, &[&self.shop.password]);
        self.ledger.close().await;
        self.database.drop_database().await;
        std::fs::remove_dir_all(&self.logs).unwrap();
    }
}

impl WorldBuilder {
    /// The machine's clock.
    pub const fn real_time(mut self) -> Self {
        self.real_time = true;
        self
    }

    /// Without the ledger's tables, as on the very first day.
    pub const fn unmigrated(mut self) -> Self {
        self.migrated = false;
        self
    }

    /// The permissions of the daemon's role in the shop.
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
