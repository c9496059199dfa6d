//! The only place where configuration becomes live objects.

mod calendar;
mod daemon;
mod desk;
mod jobs;
mod oms;
pub mod settings;
mod telling;

use std::{
    num::NonZeroU32,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

pub use calendar::{calendar, load_calendar};
pub use daemon::Daemon;
pub use settings::load_config;

use crate::{
    clock::{SharedClock, SystemClock},
    config::{self, ApiStyle, Config, LogFormat, Sources},
    domain::{OrderCode, SkuRules},
    fulfillment::{
        FulfillmentProvider,
        veracore::{
            oms::OmsClient,
            rest::{Auth, BuildError, Credentials, RestClient, RestSettings},
        },
    },
    http::{Backoff, Circuit, Limits},
    ledger::{Ledger, LedgerError},
    lifecycle::Tasks,
    sync::{
        agenda::Agenda,
        inventory::{self, InventorySettings, InventorySync},
        orders::{self, Existing, OrderSettings, OrderSync, mapping},
        preflight::{Expected, Finding, Verdict, shop_findings, shop_unreadable},
        reconcile::{self, ReconcileSettings, Reconciliation},
        runner::Bells,
        tracking::{TrackingSettings, TrackingSync},
        upstreams::Upstreams,
        webhooks,
    },
    telemetry,
    vendure::{self, Storefront, StorefrontError, VendureClient, VendureSettings},
    web::{Access, Services},
};

/// The largest answers that are read: a feed of 100,000 SKUs is about 10 MB.
const VERACORE_MAX_BODY: usize = 64 << 20;
const VENDURE_MAX_BODY: usize = 32 << 20;

/// A connection that takes longer is not coming.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the stored settings are waited for; a daemon reads them again once the database is
/// there.
const STORED_SETTINGS_PATIENCE: Duration = Duration::from_secs(3);

/// What a person must change before anything is started; exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Everything that a command needs.
pub struct App {
    pub config: Config,
    pub clock: SharedClock,
    pub ledger: Ledger,
    pub storefront: Arc<dyn Storefront>,
    callers: Arc<VendureClient>,
    /// Whether the shop was seen to be as configured.
    is_ready: Arc<AtomicBool>,
    tasks: Tasks,
    pub provider: Arc<dyn FulfillmentProvider>,
    pub orders: OrderSync,
    pub inventory: InventorySync,
    pub tracking: TrackingSync,
    pub reconciliation: Reconciliation,
    pub webhooks: webhooks::Inbox,
    pub upstreams: Upstreams,
    probe: OrderCode,
}

impl App {
    /// Reads the configuration, the database's layer included, and makes the objects. Nothing is
    /// called but the database.
    ///
    /// # Errors
    /// When the configuration is wrong.
    pub async fn load(sources: Sources, tasks: Tasks) -> anyhow::Result<Self> {
        let (config, stored) = load_config(sources).await?;
        // Without what is stored it might be another shop, or another warehouse.
        stored?;
        Self::of(config, tasks)
    }

    /// The same also where the database cannot be read, for who only looks at what works.
    ///
    /// # Errors
    /// When the configuration is wrong.
    pub async fn load_to_check(sources: Sources) -> anyhow::Result<Self> {
        let (mut config, stored) = load_config(sources).await?;
        if let Err(problem) = stored {
            // Said with the other warnings: the log is set up by what is being loaded here.
            config.warnings.push(format!(
                "settings stored in the database could not be read: {problem}"
            ));
        }
        Self::of(config, Tasks::new())
    }

    fn of(config: Config, tasks: Tasks) -> anyhow::Result<Self> {
        let ledger = ledger(&config.database, Arc::new(SystemClock))?;
        Self::build(config, ledger, tasks)
    }

    /// # Errors
    /// When the configuration cannot work, or HTTPS cannot be set up on this machine.
    pub fn build(config: Config, ledger: Ledger, tasks: Tasks) -> anyhow::Result<Self> {
        let clock: SharedClock = Arc::new(SystemClock);
        let storefront = Arc::new(vendure_client(&config, Arc::clone(&clock))?);
        let callers = Arc::new(client_for_callers(&config, Arc::clone(&clock))?);
        let (provider, warehouse) = veracore_client(&config, Arc::clone(&clock))?;
        let upstreams = Upstreams {
            shop: storefront.circuit(),
            warehouse,
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
                hold: inventory::hold(config.vendure.timeout),
                patience: inventory::hold(config.vendure.timeout),
                concurrency: config.vendure.max_concurrency,
            },
            tasks.clone(),
        );
        let reconciliation = Reconciliation::new(orders.clone(), reconcile_settings(&config));
        let webhooks = webhooks::Inbox::new(
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
            callers,
            is_ready: Arc::default(),
            tasks,
            provider,
            orders,
            inventory,
            tracking,
            reconciliation,
            webhooks,
            upstreams,
            probe,
        })
    }

    /// Starts the log as configured.
    pub fn log_to(&self, target: telemetry::Target) {
        start_log(&self.config.server.log, target);
        for warning in &self.config.warnings {
            tracing::warn!(warning, "configuration");
        }
    }

    /// When the jobs run.
    #[must_use]
    pub fn agenda(&self) -> Agenda {
        Agenda {
            calendar: calendar(&self.config.schedule),
            sweep_interval: self.config.orders.sweep_interval,
            enabled: self.config.server.sync_enabled,
        }
    }

    /// The number of an order that no shop has, to ask VeraCore for.
    #[must_use]
    pub const fn probe_number(&self) -> &OrderCode {
        &self.probe
    }

    /// What the HTTP server's handlers work with.
    fn services(&self, bells: &Bells) -> Services {
        Services {
            ledger: self.ledger.clone(),
            clock: Arc::clone(&self.clock),
            upstreams: self.upstreams.clone(),
            orders: self.orders.clone(),
            inventory: self.inventory.clone(),
            tracking: self.tracking.clone(),
            agenda: self.agenda(),
            vendure: Arc::clone(&self.callers),
            bells: bells.clone(),
            tasks: self.tasks.clone(),
            is_ready: Arc::clone(&self.is_ready),
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
            access: Arc::new(Access::default()),
        }
    }

    /// What the shop should look like.
    #[must_use]
    pub fn expected(&self) -> Expected {
        Expected {
            channel_token: self.config.vendure.channel_token.clone(),
            stock_location: self.config.vendure.stock_location.clone(),
        }
    }

    /// Refuses to go on with a shop that is not as configured or does not let us do our work.
    ///
    /// # Errors
    /// [`Refused`] with every fix, or the failure to ask.
    pub async fn ensure_shop_is_right(&self) -> anyhow::Result<()> {
        let findings = match self.storefront.profile().await {
            Ok(profile) => shop_findings(&profile, &self.expected()),
            Err(
                error @ (StorefrontError::Credentials { .. }
                | StorefrontError::Forbidden { .. }
                | StorefrontError::WrongChannel { .. }),
            ) => vec![shop_unreadable(&error)],
            // Down or starting up: that may pass without anybody changing anything here.
            Err(error) => return Err(error.into()),
        };
        let failed: Vec<String> = findings
            .iter()
            .filter(|f| f.verdict == Verdict::Failed)
            .map(describe)
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Refused(format!(
            "Vendure is not as it must be:\n{}",
            failed.join("\n")
        ))
        .into())
    }
}

fn describe(finding: &Finding) -> String {
    let fix = finding.fix.as_deref().unwrap_or("see the manual");
    format!("  {}: {}\n    fix: {fix}", finding.check, finding.detail)
}

fn start_log(log: &config::Log, target: telemetry::Target) {
    let format = match log.format {
        LogFormat::Json => telemetry::Format::Json,
        LogFormat::Pretty => telemetry::Format::Pretty,
    };
    let filter = log
        .rust_log
        .clone()
        .unwrap_or_else(|| telemetry::filter_of(log.level));
    telemetry::start(format, &filter, target);
}

/// The ledger alone, for what needs nothing else.
///
/// # Errors
/// When the database's settings are wrong.
pub fn ledger_only(sources: &Sources) -> anyhow::Result<Ledger> {
    let database = config::database_only(sources)?;
    Ok(ledger(&database, Arc::new(SystemClock))?)
}

fn ledger(database: &config::Database, clock: SharedClock) -> Result<Ledger, LedgerError> {
    Ledger::connect_lazily(
        database.url.expose_secret(),
        database.max_connections,
        clock,
    )
}

/// How long a caller waits at most until the shop has said who he is, and how many of them at once.
const CALLER_PATIENCE: Duration = Duration::from_secs(10);
const CALLERS_AT_ONCE: usize = 2;

/// The client that asks who callers are: apart from the one that carries orders, so that strangers
/// neither take its turns nor decide whether the shop lets us in.
fn client_for_callers(config: &Config, clock: SharedClock) -> anyhow::Result<VendureClient> {
    let mut config = config.clone();
    config.vendure.timeout = config.vendure.timeout.min(CALLER_PATIENCE);
    config.vendure.max_concurrency = CALLERS_AT_ONCE;
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
        config::Login::Password { username, password } => vendure::Login::Password {
            username: username.clone(),
            password: password.clone(),
        },
        config::Login::ApiKey(key) => vendure::Login::ApiKey(key.clone()),
    };
    let limits = limits(shop.timeout, shop.max_concurrency, None, VENDURE_MAX_BODY);
    let settings = VendureSettings {
        api_url: shop.api_url.clone(),
        login,
        channel_token: shop.channel_token.clone(),
        limits,
    };
    VendureClient::named(name, settings, clock).context("HTTPS cannot be set up on this machine")
}

/// VeraCore in the style that is set, and whether it is called at all.
fn veracore_client(
    config: &Config,
    clock: SharedClock,
) -> anyhow::Result<(Arc<dyn FulfillmentProvider>, Circuit)> {
    let refused = |error: BuildError| Refused(error.to_string());
    Ok(match config.veracore.style {
        ApiStyle::Rest => {
            let client = RestClient::new(rest_settings(config), clock).map_err(refused)?;
            let circuit = client.circuit();
            (Arc::new(client), circuit)
        }
        ApiStyle::Oms => {
            let client = OmsClient::new(oms::settings(config), clock).map_err(refused)?;
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
            config::Auth::OAuth2 => Auth::OAuth2,
            config::Auth::Basic => Auth::Basic,
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

fn veracore_limits(config: &Config) -> Limits {
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
) -> Limits {
    let connect_timeout = timeout.min(CONNECT_TIMEOUT);
    Limits {
        timeout,
        connect_timeout,
        max_body,
        max_concurrency,
        per_second,
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
        rules: inventory::plan::Rules {
            skus: sku_rules(config),
            safety: config.inventory.safety_stock.clone(),
        },
        max_drop_percent: config.inventory.max_drop_percent,
        location: config.vendure.stock_location.clone(),
        batch: config.inventory.batch_size,
        concurrency: config.vendure.max_concurrency,
        hold: inventory::hold(config.vendure.timeout),
        patience: inventory::hold(config.vendure.timeout),
        page: inventory::PAGE,
    }
}

fn reconcile_settings(config: &Config) -> ReconcileSettings {
    ReconcileSettings {
        sweep_interval: config.orders.sweep_interval,
        concurrency: config.veracore.max_concurrency,
        most_asked: reconcile::MOST_ASKED,
        timezone: config.schedule.timezone,
    }
}

fn order_settings(config: &Config) -> OrderSettings {
    let settings = &config.orders;
    let veracore = config.veracore.timeout;
    OrderSettings {
        trigger_states: settings.trigger_states.clone(),
        existing: match settings.existing {
            config::Existing::Skip => Existing::Skip,
            config::Existing::Send => Existing::Send,
        },
        rules: mapping::Rules {
            unit_price: match settings.unit_price {
                config::UnitPrice::Gross => mapping::UnitPrice::Gross,
                config::UnitPrice::Net => mapping::UnitPrice::Net,
            },
            shipping_methods: settings.shipping_methods.clone(),
            skus: sku_rules(config),
            shipping_method_map: config.maps.shipping_methods.clone(),
        },
        hold: settings.hold,
        max_attempts: settings.max_attempts,
        cancel_in_shop: settings.cancel_in_vendure,
        backoff: Backoff {
            initial: settings.retry_initial,
            max: settings.retry_max,
        },
        quiet: orders::quiet_period(veracore),
        lease: orders::lease(config.vendure.timeout, veracore),
        concurrency: orders::at_once(config.veracore.max_concurrency),
        sweep_page: orders::SWEEP_PAGE,
        newest_page: orders::NEWEST_PAGE,
    }
}
