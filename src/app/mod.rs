//! The only place where configuration becomes live objects.

mod calendar;
mod daemon;
mod jobs;
mod oms_settings;
mod outbox;
mod settings_service;
pub mod stored_settings;

use std::{
    num::NonZeroU32,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

pub use calendar::{calendar, load_calendar};
pub use daemon::Daemon;
pub use stored_settings::load_config;

use crate::{
    clock::{SharedClock, SystemClock},
    config::{self, ApiStyle, Config, LogFormat, Sources},
    domain::{OrderCode, SkuRules},
    fulfillment::{
        FulfillmentProvider,
        veracore::{
            oms::OmsClient,
            rest::{ClientBuildError, Credentials, RestAuth, RestClient, RestSettings},
        },
    },
    http::{Backoff, Circuit, UpstreamLimits},
    ledger::{Ledger, LedgerError},
    lifecycle::TaskGroup,
    sync::{
        inbox,
        inventory::{self, InventorySettings, InventorySync},
        jobs::status::JobSchedule,
        orders::{
            self, ExistingOrdersPolicy, OrderSettings, OrderSync, discovery_loop::WorkerWakeup,
            mapping,
        },
        preflight::{
            ExpectedShop, PreflightFinding, PreflightVerdict, check_shop, shop_error_finding,
        },
        reconcile::{self, ReconcileSettings, Reconciliation},
        tracking::{TrackingSettings, TrackingSync},
        upstreams::Upstreams,
    },
    telemetry,
    vendure::{self, Storefront, StorefrontError, VendureClient, VendureSettings},
    web::{CredentialCache, Services},
};

/// The largest answers that are read: a feed of 100,000 SKUs is about 10 MB.
const VERACORE_MAX_BODY: usize = 64 << 20;
const VENDURE_MAX_BODY: usize = 32 << 20;

/// A connection that takes longer is not coming.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the stored settings are waited for; a daemon reads them again once the database is
/// there.
const STORED_SETTINGS_TIMEOUT: Duration = Duration::from_secs(3);

/// What a person must change before anything is started; exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(pub String);

/// Everything that a command needs.
pub struct App {
    pub config: Config,
    pub clock: SharedClock,
    pub ledger: Ledger,
    pub storefront: Arc<dyn Storefront>,
    identity_client: Arc<VendureClient>,
    /// Whether the shop was seen to be as configured.
    is_shop_verified: Arc<AtomicBool>,
    tasks: TaskGroup,
    pub provider: Arc<dyn FulfillmentProvider>,
    pub orders: OrderSync,
    pub inventory: InventorySync,
    pub tracking: TrackingSync,
    pub reconciliation: Reconciliation,
    pub webhooks: inbox::Inbox,
    pub upstreams: Upstreams,
    probe_order: OrderCode,
}

impl App {
    /// Reads the configuration, the database's layer included, and makes the objects. Nothing is
    /// called but the database.
    pub async fn load(sources: Sources, tasks: TaskGroup) -> anyhow::Result<Self> {
        let (config, stored) = load_config(sources).await?;
        // Without what is stored it might be another shop, or another warehouse.
        stored?;
        Self::from_config(config, tasks)
    }

    /// The same also where the database cannot be read, for who only looks at what works.
    pub async fn load_for_check(sources: Sources) -> anyhow::Result<Self> {
        let (mut config, stored) = load_config(sources).await?;
        if let Err(problem) = stored {
            // Said with the other warnings: the log is set up by what is being loaded here.
            config.warnings.push(format!(
                "settings stored in the database could not be read: {problem}"
            ));
        }
        Self::from_config(config, TaskGroup::new())
    }

    fn from_config(config: Config, tasks: TaskGroup) -> anyhow::Result<Self> {
        let ledger = connect_ledger(&config.database, Arc::new(SystemClock))?;
        Self::build(config, ledger, tasks)
    }

    pub fn build(config: Config, ledger: Ledger, tasks: TaskGroup) -> anyhow::Result<Self> {
        let clock: SharedClock = Arc::new(SystemClock);
        let storefront = Arc::new(vendure_client(&config, Arc::clone(&clock))?);
        let callers = Arc::new(build_identity_client(&config, Arc::clone(&clock))?);
        let (provider, warehouse) = veracore_client(&config, Arc::clone(&clock))?;
        let upstreams = Upstreams {
            shop_circuit: storefront.circuit(),
            warehouse_circuit: warehouse,
        };
        let orders = OrderSync::new(
            Arc::clone(&storefront) as Arc<dyn Storefront>,
            Arc::clone(&provider),
            ledger.clone(),
            Arc::clone(&clock),
            order_settings(&config),
            tasks.clone(),
        );
        let inventory = InventorySync::new(
            Arc::clone(&storefront) as Arc<dyn Storefront>,
            Arc::clone(&provider),
            ledger.clone(),
            Arc::clone(&clock),
            inventory_settings(&config),
            tasks.clone(),
        );
        let tracking = TrackingSync::new(
            Arc::clone(&storefront) as Arc<dyn Storefront>,
            Arc::clone(&provider),
            ledger.clone(),
            Arc::clone(&clock),
            TrackingSettings {
                lease_ttl: inventory::stock_lease_ttl(config.vendure.timeout),
                lease_wait: inventory::stock_lease_ttl(config.vendure.timeout),
                concurrency: config.vendure.max_concurrency,
            },
            tasks.clone(),
        );
        let reconciliation = Reconciliation::new(orders.clone(), reconcile_settings(&config));
        let webhooks = inbox::Inbox::new(
            config.veracore.webhook_secret.clone(),
            Arc::clone(&provider) as Arc<dyn FulfillmentProvider>,
            ledger.clone(),
            Arc::clone(&clock),
        );
        let probe = OrderCode::parse("VERACORE-SYNC-CHECK").context("the probe's number")?;
        Ok(Self {
            config,
            clock,
            ledger,
            storefront: storefront as Arc<dyn Storefront>,
            identity_client: callers,
            is_shop_verified: Arc::default(),
            tasks,
            provider,
            orders,
            inventory,
            tracking,
            reconciliation,
            webhooks,
            upstreams,
            probe_order: probe,
        })
    }

    /// Starts the log as configured.
    pub fn init_log(&self, target: telemetry::LogTarget) {
        start_log(&self.config.server.log, target);
        for warning in &self.config.warnings {
            tracing::warn!(warning, "configuration");
        }
    }

    /// When the jobs run.
    pub fn agenda(&self) -> JobSchedule {
        JobSchedule {
            calendar: calendar(&self.config.schedule),
            sweep_interval: self.config.orders.sweep_interval,
            sync_enabled: self.config.server.sync_enabled,
        }
    }

    /// The number of an order that no shop has, to ask VeraCore for.
    pub const fn probe_order_code(&self) -> &OrderCode {
        &self.probe_order
    }

    /// What the HTTP server's handlers work with.
    fn web_services(&self, bells: &WorkerWakeup) -> Services {
        Services {
            ledger: self.ledger.clone(),
            clock: Arc::clone(&self.clock),
            upstreams: self.upstreams.clone(),
            orders: self.orders.clone(),
            inventory: self.inventory.clone(),
            tracking: self.tracking.clone(),
            agenda: self.agenda(),
            identity_client: Arc::clone(&self.identity_client),
            wakeup: bells.clone(),
            tasks: self.tasks.clone(),
            is_shop_verified: Arc::clone(&self.is_shop_verified),
            api_token: self.config.server.api_token.clone(),
            realm: format!(
                "{} {}",
                self.config.vendure.api_url,
                self.config
                    .vendure
                    .channel_token
                    .as_deref()
                    .unwrap_or_default()
            ),
            credential_cache: Arc::new(CredentialCache::default()),
        }
    }

    /// What the shop should look like.
    pub fn expected_shop(&self) -> ExpectedShop {
        ExpectedShop {
            channel_token: self.config.vendure.channel_token.clone(),
            stock_location: self.config.vendure.stock_location.clone(),
        }
    }

    /// Refuses to go on with a shop that is not as configured or does not let us do our work.
    ///
    /// # Errors
    /// [`Refused`] with every fix, or the failure to ask.
    pub async fn ensure_shop_configured(&self) -> anyhow::Result<()> {
        let findings = match self.storefront.profile().await {
            Ok(profile) => check_shop(&profile, &self.expected_shop()),
            Err(
                error @ (StorefrontError::LoginRefused { .. }
                | StorefrontError::Forbidden { .. }
                | StorefrontError::WrongChannel { .. }),
            ) => vec![shop_error_finding(&error)],
            // Down or starting up: that may pass without anybody changing anything here.
            Err(error) => return Err(error.into()),
        };
        let failed: Vec<String> = findings
            .iter()
            .filter(|f| f.verdict == PreflightVerdict::Failed)
            .map(describe_finding)
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(SetupError(format!(
            "Vendure is not as it must be:\n{}",
            failed.join("\n")
        ))
        .into())
    }
}

fn describe_finding(finding: &PreflightFinding) -> String {
    let fix = finding.fix.as_deref().unwrap_or("see the manual");
    format!("  {}: {}\n    fix: {fix}", finding.check, finding.detail)
}

fn start_log(log: &config::LogConfig, target: telemetry::LogTarget) {
    let format = match log.format {
        LogFormat::Json => telemetry::LineFormat::Json,
        LogFormat::Pretty => telemetry::LineFormat::Pretty,
    };
    let filter = log
        .rust_log
        .clone()
        .unwrap_or_else(|| telemetry::filter_for_level(log.level));
    telemetry::init_logging(format, &filter, target);
}

/// The ledger alone, for what needs nothing else.
pub fn ledger_only(sources: &Sources) -> anyhow::Result<Ledger> {
    let database = config::load_database(sources)?;
    Ok(connect_ledger(&database, Arc::new(SystemClock))?)
}

fn connect_ledger(
    database: &config::DatabaseConfig,
    clock: SharedClock,
) -> Result<Ledger, LedgerError> {
    Ledger::connect_lazily(
        database.url.expose_secret(),
        database.max_connections,
        clock,
    )
}

/// How long a caller waits at most until the shop has said who he is, and how many of them at once.
const CALLER_LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_CALLER_LOOKUPS: usize = 2;

/// The client that asks who callers are: apart from the one that carries orders, so that strangers
/// neither take its turns nor decide whether the shop lets us in.
fn build_identity_client(config: &Config, clock: SharedClock) -> anyhow::Result<VendureClient> {
    let mut config = config.clone();
    config.vendure.timeout = config.vendure.timeout.min(CALLER_LOOKUP_TIMEOUT);
    config.vendure.max_concurrency = MAX_CALLER_LOOKUPS;
    vendure_client_named("Vendure, asked about callers,", &config, clock)
}

fn vendure_client(config: &Config, clock: SharedClock) -> anyhow::Result<VendureClient> {
    vendure_client_named("Vendure", config, clock)
}

fn vendure_client_named(
    name: &'static str,
    config: &Config,
    clock: SharedClock,
) -> anyhow::Result<VendureClient> {
    let shop = &config.vendure;
    let login = match &shop.login {
        config::VendureLogin::Password { username, password } => {
            vendure::VendureCredentials::Password {
                username: username.clone(),
                password: password.clone(),
            }
        }
        config::VendureLogin::ApiKey(key) => vendure::VendureCredentials::ApiKey(key.clone()),
    };
    let limits = limits(shop.timeout, shop.max_concurrency, None, VENDURE_MAX_BODY);
    let settings = VendureSettings {
        api_url: shop.api_url.clone(),
        credentials: login,
        channel_token: shop.channel_token.clone(),
        limits,
    };
    VendureClient::with_name(name, settings, clock)
        .context("HTTPS cannot be set up on this machine")
}

/// VeraCore in the style that is set, and whether it is called at all.
fn veracore_client(
    config: &Config,
    clock: SharedClock,
) -> anyhow::Result<(Arc<dyn FulfillmentProvider>, Circuit)> {
    let refused = |error: ClientBuildError| SetupError(error.to_string());
    Ok(match config.veracore.api_style {
        ApiStyle::Rest => {
            let client = RestClient::new(rest_settings(config), clock).map_err(refused)?;
            let circuit = client.circuit();
            (Arc::new(client), circuit)
        }
        ApiStyle::Oms => {
            let client = OmsClient::new(oms_settings::settings(config), clock).map_err(refused)?;
            let circuit = client.circuit();
            (Arc::new(client), circuit)
        }
    })
}

fn rest_settings(config: &Config) -> RestSettings {
    let veracore = &config.veracore;
    RestSettings {
        base_url: veracore.api_url.clone(),
        company_id: veracore.company_id.clone().unwrap_or_default(),
        credentials: credentials(config),
        auth: match veracore.auth {
            config::VeraCoreAuth::OAuth2 => RestAuth::OAuth2,
            config::VeraCoreAuth::Basic => RestAuth::Basic,
        },
        timezone: veracore.timezone,
        limits: veracore_limits(config),
    }
}

fn credentials(config: &Config) -> Credentials {
    Credentials {
        client_id: config.veracore.client_id.clone(),
        client_secret: config.veracore.client_secret.clone(),
    }
}

fn veracore_limits(config: &Config) -> UpstreamLimits {
    let veracore = &config.veracore;
    limits(
        veracore.timeout,
        veracore.max_concurrency,
        Some(veracore.rate_limit_per_second),
        VERACORE_MAX_BODY,
    )
}

fn limits(
    timeout: Duration,
    max_concurrency: usize,
    per_second: Option<NonZeroU32>,
    max_body: usize,
) -> UpstreamLimits {
    let connect_timeout = timeout.min(CONNECT_TIMEOUT);
    UpstreamLimits {
        timeout,
        connect_timeout,
        max_body_bytes: max_body,
        max_concurrency,
        max_per_second: per_second,
    }
}

fn sku_rules(config: &Config) -> SkuRules {
    SkuRules {
        skip: config.orders.skip_skus.clone(),
        map: config.maps.skus.clone(),
    }
}

fn inventory_settings(config: &Config) -> InventorySettings {
    InventorySettings {
        rules: inventory::plan::StockRules {
            skus: sku_rules(config),
            safety: config.inventory.safety_stock.clone(),
        },
        max_drop_percent: config.inventory.max_drop_percent,
        location: config.vendure.stock_location.clone(),
        batch_size: config.inventory.batch_size,
        concurrency: config.vendure.max_concurrency,
        lease_ttl: inventory::stock_lease_ttl(config.vendure.timeout),
        lease_wait: inventory::stock_lease_ttl(config.vendure.timeout),
        page_size: inventory::PAGE_SIZE,
    }
}

fn reconcile_settings(config: &Config) -> ReconcileSettings {
    ReconcileSettings {
        sweep_interval: config.orders.sweep_interval,
        concurrency: config.veracore.max_concurrency,
        max_lookups: reconcile::MAX_LOOKUPS,
        timezone: config.schedule.timezone,
    }
}

fn order_settings(config: &Config) -> OrderSettings {
    let settings = &config.orders;
    let veracore = config.veracore.timeout;
    OrderSettings {
        trigger_states: settings.trigger_states.clone(),
        existing_orders: match settings.existing_orders {
            config::ExistingOrders::Skip => ExistingOrdersPolicy::Skip,
            config::ExistingOrders::Send => ExistingOrdersPolicy::Send,
        },
        mapping_rules: mapping::MappingRules {
            unit_price: match settings.unit_price {
                config::UnitPriceBasis::Gross => mapping::PriceBasis::Gross,
                config::UnitPriceBasis::Net => mapping::PriceBasis::Net,
            },
            shipping_methods: settings.shipping_methods.clone(),
            skus: sku_rules(config),
            shipping_method_map: config.maps.shipping_methods.clone(),
        },
        send_delay: settings.send_delay,
        max_attempts: settings.max_attempts,
        cancel_in_shop: settings.cancel_in_vendure,
        backoff: Backoff {
            initial: settings.retry_initial,
            max: settings.retry_max,
        },
        quiet_period: orders::quiet_period(veracore),
        lease_ttl: orders::lease_ttl(config.vendure.timeout, veracore),
        concurrency: orders::order_concurrency(config.veracore.max_concurrency),
        sweep_page_size: orders::SWEEP_PAGE_SIZE,
        newest_page_size: orders::NEWEST_PAGE_SIZE,
    }
}
