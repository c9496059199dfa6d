//! The program's services in this process, run step by step.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use secrecy::SecretString;
use tokio::{task::JoinSet, time::sleep};
use veracore_sync::{
    clock::{Clock as _, MockClock, SharedClock, SystemClock},
    domain::{ExistingOrdersPolicy, OrderState, PriceBasis, SkuRules, SyncStatus},
    fulfillment::FulfillmentProvider,
    http::{Backoff, Circuit, UpstreamLimits},
    ledger::{Backlog, LedgerError},
    lifecycle::TaskGroup,
    sync::{
        context::SyncContext,
        inbox::{Inbox, InboxWorker},
        inventory::{self, InventoryRequest, InventorySettings, InventorySummary, InventorySync},
        jobs::{
            run_once::{RunAttempt, WorkResult, ignore_progress},
            scheduler::ScheduledJob,
        },
        orders::{
            OrderSettings, OrderSync,
            discover::{PollSummary, SweepSummary},
            mapping::MappingRules,
            newest::DiscoveryState,
        },
        reconcile::{self, ReconcileSettings, Reconciliation},
        tracking::{self, TrackingSettings, TrackingSync},
        upstreams::Upstreams,
    },
    vendure::{Storefront, VendureClient, VendureCredentials, VendureSettings},
};

use super::{WAIT_LIMIT, WEBHOOK_SECRET, schedule::scheduler, style::Style, world::World};

/// Steps after which a test fails because its orders never settle.
const MAX_STEPS: usize = 2000;

pub struct Service {
    pub orders: OrderSync,
    pub inventory: InventorySync,
    pub tracking: TrackingSync,
    pub reconciliation: Reconciliation,
    pub provider: Arc<dyn FulfillmentProvider>,
    /// The circuits of both clients.
    pub upstreams: Upstreams,
    /// Once stopped, the service starts nothing new.
    pub tasks: TaskGroup,
    pub discovery: DiscoveryState,
    clock: SharedClock,
    mock: Option<Arc<MockClock>>,
}

/// Delays as in production under a mock clock, and short ones in real time.
pub fn settings(mocked: bool) -> OrderSettings {
    let scale = |mock: u64, real: u64| {
        if mocked {
            Duration::from_secs(mock)
        } else {
            Duration::from_millis(real)
        }
    };
    OrderSettings {
        trigger_states: vec![OrderState::parse("PaymentSettled").unwrap()],
        existing_orders: ExistingOrdersPolicy::Send,
        mapping_rules: MappingRules {
            unit_price: PriceBasis::Gross,
            shipping_methods: None,
            skus: SkuRules::default(),
            shipping_method_map: BTreeMap::new(),
        },
        send_delay: Duration::ZERO,
        max_attempts: 10,
        cancel_in_shop: false,
        backoff: Backoff {
            initial: scale(15, 50),
            max: scale(3600, 400),
        },
        quiet_period: scale(60, 800),
        lease_ttl: scale(300, 10_000),
        concurrency: 4,
        sweep_page_size: veracore_sync::sync::orders::SWEEP_PAGE_SIZE,
        newest_page_size: veracore_sync::sync::orders::NEWEST_PAGE_SIZE,
    }
}

fn limits(timeout: Duration, max_body: usize) -> UpstreamLimits {
    UpstreamLimits {
        timeout,
        connect_timeout: timeout,
        max_body_bytes: max_body,
        max_concurrency: 4,
        max_per_second: None,
    }
}

/// The program's own client of the shop.
pub(super) fn client_of_shop(world: &World) -> VendureClient {
    let shop = VendureSettings {
        api_url: world.shop.api_url.parse().unwrap(),
        credentials: VendureCredentials::Password {
            username: world.shop.username.clone(),
            password: SecretString::from(world.shop.password.clone()),
        },
        channel_token: Some(world.shop.channel_token.clone()),
        limits: limits(Duration::from_secs(20), 8 << 20),
    };
    VendureClient::new("Vendure", shop, Arc::clone(&world.clock)).unwrap()
}

/// Settings as in production, but with batches so small that tests have several.
fn inventory_settings() -> InventorySettings {
    InventorySettings {
        rules: inventory::plan::StockRules::default(),
        max_drop_percent: 100,
        location: None,
        batch_size: 25,
        concurrency: 4,
        lease_ttl: LEASE_TTL,
        lease_wait: LEASE_TTL,
        page_size: 50,
    }
}

fn reconcile_settings() -> ReconcileSettings {
    ReconcileSettings {
        sweep_interval: Duration::from_secs(600),
        concurrency: 4,
        max_lookups: reconcile::MAX_LOOKUPS,
    }
}

/// Long enough for a slow shop; under a mock clock, it never expires.
const LEASE_TTL: Duration = Duration::from_secs(60);

/// The settings of the services, their shop, and a warehouse other than the sandbox.
pub struct ServiceOptions {
    pub orders: OrderSettings,
    pub inventory: InventorySettings,
    pub reconcile: ReconcileSettings,
    pub storefront: Arc<dyn Storefront>,
    pub provider: Option<(Arc<dyn FulfillmentProvider>, Circuit)>,
}

impl Service {
    pub(super) fn new(
        world: &World,
        change: impl FnOnce(&mut ServiceOptions),
        mock: Option<Arc<MockClock>>,
    ) -> Self {
        let shop = client_of_shop(world);
        let circuit = shop.circuit();
        let mut options = ServiceOptions {
            orders: settings(mock.is_some()),
            inventory: inventory_settings(),
            reconcile: reconcile_settings(),
            storefront: Arc::new(shop),
            provider: None,
        };
        change(&mut options);
        let clock = Arc::clone(&world.clock);
        let tasks = TaskGroup::new();
        // Half of the quiet period, as in the program.
        let limits = limits(Duration::from_millis(400), 1 << 20);
        let (provider, warehouse) = options
            .provider
            .unwrap_or_else(|| Style::current().client(&world.sandbox, limits, Arc::clone(&clock)));
        let upstreams = Upstreams {
            shop_circuit: circuit,
            warehouse_circuit: warehouse,
        };
        let context = SyncContext {
            storefront: options.storefront,
            provider: Arc::clone(&provider),
            ledger: world.ledger.clone(),
            clock: Arc::clone(&clock),
            tasks: tasks.clone(),
        };
        let orders = OrderSync::new(context.clone(), options.orders);
        let inventory = InventorySync::new(context.clone(), options.inventory);
        let tracking = TrackingSync::new(
            context,
            TrackingSettings {
                lease_ttl: LEASE_TTL,
                lease_wait: LEASE_TTL,
                concurrency: 4,
            },
        );
        let reconciliation = Reconciliation {
            orders: orders.clone(),
            settings: options.reconcile,
        };
        Self {
            orders,
            inventory,
            tracking,
            reconciliation,
            provider,
            upstreams,
            tasks,
            discovery: DiscoveryState::default(),
            clock,
            mock,
        }
    }

    /// The worker for VeraCore's webhooks; its inbox accepts those signed with [`WEBHOOK_SECRET`].
    pub fn worker(&self) -> InboxWorker {
        InboxWorker {
            inbox: Inbox::new(
                Some(SecretString::from(WEBHOOK_SECRET)),
                Arc::clone(&self.provider),
                self.orders.ledger.clone(),
                Arc::clone(&self.clock),
            ),
            orders: self.orders.clone(),
            inventory: self.inventory.clone(),
            tracking: self.tracking.clone(),
            upstreams: self.upstreams.clone(),
        }
    }

    /// Runs a job if it is due, as the scheduler does.
    pub async fn run_if_due(&self, job: &dyn ScheduledJob) -> bool {
        let ledger = self.orders.ledger.clone();
        let (clock, tasks) = (Arc::clone(&self.clock), TaskGroup::new());
        let scheduler = scheduler(vec![], ledger, clock, &tasks, self.upstreams.clone());
        let attempt = scheduler.run_if_due(job).await.unwrap();
        matches!(attempt, RunAttempt::Completed(..))
    }

    /// Runs a recorded inventory sync; returns the number of the run and its summary.
    pub async fn run_inventory(&self, request: &InventoryRequest) -> (i64, InventorySummary) {
        let progress = ignore_progress();
        let attempt = self.inventory.run_manually(request, &progress);
        match attempt.await.unwrap() {
            RunAttempt::Completed(run, summary) => (run.number(), summary.unwrap()),
            _ => panic!("another process has the inventory lease"),
        }
    }

    /// Runs a full inventory sync, which must succeed.
    pub async fn sync_stock(&self) -> InventorySummary {
        let (_, summary) = self.run_inventory(&InventoryRequest::default()).await;
        assert_eq!(summary.quarantined, None);
        assert_eq!(summary.counts.failed_count(), 0, "{summary:?}");
        summary
    }

    /// Runs a full tracking sync, which must succeed.
    pub async fn sync_tracking(&self) -> tracking::TrackingSummary {
        let progress = ignore_progress();
        let outcome = self.tracking.run(None, &progress).await;
        let result = TrackingSync::run_report(&outcome);
        assert!(matches!(result, WorkResult::Finished(_)));
        outcome.unwrap()
    }

    /// Runs a reconciliation; returns the kind and order of each finding, and the summary.
    pub async fn reconcile(&self) -> (Vec<(&'static str, String)>, reconcile::ReconcileSummary) {
        let progress = ignore_progress();
        let summary = self
            .reconciliation
            .run(reconcile::NEVER_SHIPPED_DAYS, &progress)
            .await;
        let summary = summary.unwrap();
        let found = summary.findings.iter();
        let found = found.map(|f| (f.kind.as_str(), f.order.clone())).collect();
        (found, summary)
    }

    pub async fn sweep(&mut self) -> SweepSummary {
        self.orders.sweep_orders(&mut self.discovery).await.unwrap()
    }

    pub async fn poll(&mut self) -> PollSummary {
        self.orders.poll_newest(&mut self.discovery).await.unwrap()
    }

    /// Processes all orders that are due, concurrently. Returns their new statuses.
    pub async fn work(&self) -> Vec<SyncStatus> {
        let mut working = JoinSet::new();
        let mut done = Vec::new();
        let concurrency = self.orders.settings.concurrency;
        loop {
            let free = concurrency - u32::try_from(working.len()).unwrap();
            for order in self.orders.lease_due_orders(free, None).await.unwrap() {
                let service = self.orders.clone();
                working.spawn(async move { service.process(&order).await });
            }
            match working.join_next().await {
                None => return done,
                Some(outcome) => match outcome.unwrap() {
                    Ok(status) => done.push(status),
                    // Another service of this test finished it first.
                    Err(LedgerError::LeaseLost { .. }) => {}
                    Err(error) => panic!("{error}"),
                },
            }
        }
    }

    /// Processes orders until none is waiting. Advances a mock clock to the time when the next one is
    /// due; in real time, waits for it.
    pub async fn settle(&self) {
        let start = tokio::time::Instant::now();
        for _ in 0..MAX_STEPS {
            self.work().await;
            let Backlog {
                due,
                next_due_at: next,
            } = self.orders.ledger.backlog().await.unwrap();
            match (due, next) {
                (0, None) => return,
                (0, Some(next)) => self.wait_for(next).await,
                _ => {}
            }
            assert!(
                start.elapsed() < WAIT_LIMIT,
                "orders did not settle in time"
            );
        }
        panic!("orders did not settle in {MAX_STEPS} steps");
    }

    /// Runs a full order sweep and processes the orders until none is waiting.
    pub async fn sync_orders(&mut self) {
        self.sweep().await;
        self.settle().await;
    }

    /// Like [`Self::settle`], after processes with the real clock have written to the ledger: moves a
    /// mock clock forward to it first.
    pub async fn settle_after_processes(&self) {
        if let Some(mock) = &self.mock {
            mock.advance((SystemClock.now() - mock.now()).max(TimeDelta::zero()));
        }
        self.settle().await;
    }

    async fn wait_for(&self, time: chrono::DateTime<chrono::Utc>) {
        let wait = time - self.clock.now();
        match &self.mock {
            Some(mock) => mock.advance(wait),
            None => sleep(wait.to_std().unwrap_or_default()).await,
        }
    }
}
