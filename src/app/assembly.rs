//! The live objects of one configuration.

use std::sync::{Arc, atomic::AtomicBool};

use super::{
    clients,
    error::SetupError,
    sync_settings::{
        calendar, inventory_settings, order_settings, reconcile_settings, tracking_settings,
    },
};
use crate::{
    clock::{SharedClock, SystemClock},
    config::{self, Config},
    domain::OrderCode,
    fulfillment::FulfillmentProvider,
    ledger::Ledger,
    lifecycle::TaskGroup,
    sync::{
        context::SyncContext,
        inbox,
        inventory::InventorySync,
        jobs::status::JobSchedule,
        orders::OrderSync,
        orders::discovery_loop::WorkerWakeup,
        preflight::{
            ExpectedShop, PreflightFinding, PreflightVerdict, check_shop, shop_error_finding,
        },
        reconcile::Reconciliation,
        tracking::TrackingSync,
        upstreams::Upstreams,
    },
    telemetry,
    vendure::{Storefront, StorefrontError, VendureClient},
    web::{Authenticator, Services},
};

/// Everything a command or the daemon works with.
pub struct App {
    pub config: Config,
    pub clock: SharedClock,
    pub ledger: Ledger,
    pub storefront: Arc<dyn Storefront>,
    identity_client: Arc<VendureClient>,
    /// The shop's setup was checked and is right.
    pub(super) is_shop_verified: Arc<AtomicBool>,
    tasks: TaskGroup,
    pub provider: Arc<dyn FulfillmentProvider>,
    pub orders: OrderSync,
    pub inventory: InventorySync,
    pub tracking: TrackingSync,
    pub reconciliation: Reconciliation,
    pub webhooks: inbox::Inbox,
    pub upstreams: Upstreams,
    /// An order code that no shop has, to look up at VeraCore as a check.
    pub probe_order: OrderCode,
}

impl App {
    /// Builds the objects without calling anything.
    pub fn build(config: Config, ledger: Ledger, tasks: TaskGroup) -> anyhow::Result<Self> {
        let clock: SharedClock = Arc::new(SystemClock);
        let storefront = clients::vendure_client("Vendure", &config.vendure, Arc::clone(&clock))?;
        let storefront = Arc::new(storefront);
        let identity_client = clients::identity_client(&config.vendure, Arc::clone(&clock))?;
        let (provider, warehouse_circuit) = clients::veracore_client(&config, Arc::clone(&clock))?;
        let upstreams = Upstreams {
            shop_circuit: storefront.circuit(),
            warehouse_circuit,
        };
        let context = SyncContext {
            storefront: Arc::clone(&storefront) as Arc<dyn Storefront>,
            provider: Arc::clone(&provider),
            ledger: ledger.clone(),
            clock: Arc::clone(&clock),
            tasks: tasks.clone(),
        };
        let orders = OrderSync::new(context.clone(), order_settings(&config));
        let inventory = InventorySync::new(context.clone(), inventory_settings(&config));
        let tracking = TrackingSync::new(context, tracking_settings(&config));
        let reconciliation = Reconciliation {
            orders: orders.clone(),
            settings: reconcile_settings(&config),
        };
        let webhooks = inbox::Inbox::new(
            config.veracore.webhook_secret.clone(),
            Arc::clone(&provider),
            ledger.clone(),
            Arc::clone(&clock),
        );
        let probe_order = OrderCode::parse("VERACORE-SYNC-CHECK")?;
        Ok(Self {
            config,
            clock,
            ledger,
            storefront: storefront as Arc<dyn Storefront>,
            identity_client: Arc::new(identity_client),
            is_shop_verified: Arc::default(),
            tasks,
            provider,
            orders,
            inventory,
            tracking,
            reconciliation,
            webhooks,
            upstreams,
            probe_order,
        })
    }

    /// Starts the log, and logs the configuration's warnings.
    pub fn init_log(&self, target: telemetry::LogTarget) {
        start_log(&self.config.server.log, target);
        self.log_warnings();
    }

    pub(super) fn log_warnings(&self) {
        for warning in &self.config.warnings {
            tracing::warn!(warning, "configuration");
        }
    }

    pub fn agenda(&self) -> JobSchedule {
        JobSchedule {
            calendar: calendar(&self.config.schedule),
            sweep_interval: self.config.orders.sweep_interval,
            sync_enabled: self.config.server.sync_enabled,
        }
    }

    pub(super) fn web_services(&self, wakeup: WorkerWakeup) -> Services {
        let shop = &self.config.vendure;
        let channel = shop.channel_token.as_deref().unwrap_or_default();
        Services {
            ledger: self.ledger.clone(),
            clock: Arc::clone(&self.clock),
            upstreams: self.upstreams.clone(),
            orders: self.orders.clone(),
            inventory: self.inventory.clone(),
            tracking: self.tracking.clone(),
            agenda: self.agenda(),
            wakeup,
            tasks: self.tasks.clone(),
            is_shop_verified: Arc::clone(&self.is_shop_verified),
            authenticator: Authenticator::new(
                Arc::clone(&self.identity_client),
                self.config.server.api_token.clone(),
                format!("{} {channel}", shop.api_url),
            ),
        }
    }

    pub fn expected_shop(&self) -> ExpectedShop {
        ExpectedShop {
            channel_token: self.config.vendure.channel_token.clone(),
            stock_location: self.config.vendure.stock_location.clone(),
        }
    }

    /// Checks the shop against the configuration. A [`SetupError`] lists every fix; any other error
    /// means that Vendure could not be asked.
    pub async fn ensure_shop_configured(&self) -> anyhow::Result<()> {
        let findings = match self.storefront.profile().await {
            Ok(profile) => check_shop(&profile, &self.expected_shop()),
            Err(
                error @ (StorefrontError::LoginRefused { .. }
                | StorefrontError::Forbidden { .. }
                | StorefrontError::WrongChannel { .. }),
            ) => vec![shop_error_finding(&error)],
            // Vendure is down or starting: this may pass without a change here.
            Err(error) => return Err(error.into()),
        };
        let mut text = String::from("Vendure is not set up for veracore-sync:");
        let is_failed = |finding: &&PreflightFinding| finding.verdict == PreflightVerdict::Failed;
        for finding in findings.iter().filter(is_failed) {
            let fix = finding.fix.as_deref().unwrap_or("see the manual");
            let (check, detail) = (finding.check, &finding.detail);
            text.push_str(&format!("\n  {check}: {detail}\n    fix: {fix}"));
        }
        match findings.iter().any(|finding| is_failed(&finding)) {
            true => Err(SetupError(text).into()),
            false => Ok(()),
        }
    }
}

pub(super) fn start_log(log: &config::LogConfig, target: telemetry::LogTarget) {
    let filter = log
        .rust_log
        .clone()
        .unwrap_or_else(|| telemetry::filter_for_level(log.level));
    telemetry::init_logging(log.format, &filter, target);
}
