//! The services in this process, driven step by step.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use secrecy::SecretString;
use tokio::{task::JoinSet, time::sleep};
use veracore_sync::{
    clock::{Clock as _, MockClock, SharedClock, SystemClock},
    domain::{OrderState, SkuRules, SyncStatus},
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
            ExistingOrdersPolicy, OrderSettings, OrderSync,
            discover::{PollSummary, SweepSummary},
            mapping::{MappingRules, PriceBasis},
            newest::DiscoveryState,
        },
        reconcile::{self, ReconcileSettings, Reconciliation},
        tracking::{self, TrackingSettings, TrackingSync},
        upstreams::Upstreams,
    },
    vendure::{Storefront, VendureClient, VendureCredentials, VendureSettings},
};

use super::{PATIENCE, WEBHOOK_SECRET, schedule::scheduler, style::Style, world::World};

/// Steps after which a test that does not come to rest is given up.
const MOST_STEPS: usize = 2000;

pub struct Service {
    pub orders: OrderSync,
    pub inventory: InventorySync,
    pub tracking: TrackingSync,
    pub reconciliation: Reconciliation,
    pub provider: Arc<dyn FulfillmentProvider>,
    /// As the clients of both ends have them.
    pub upstreams: Upstreams,
    /// Told to stop, the service begins nothing.
    pub tasks: TaskGroup,
    pub watch: DiscoveryState,
    clock: SharedClock,
    mock: Option<Arc<MockClock>>,
}

/// Waits as in earnest under a clock that costs nothing, and short ones in real time.
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

/// Stock as in earnest, in batches small enough for tests to have several.
fn inventory_settings() -> InventorySettings {
    InventorySettings {
        rules: inventory::plan::StockRules::default(),
        max_drop_percent: 100,
        location: None,
        batch_size: 25,
        concurrency: 4,
        lease_ttl: HOLD,
        lease_wait: HOLD,
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

/// Long enough for a shop that is slow, and under a mock clock for ever.
const HOLD: Duration = Duration::from_secs(60);

/// A change of the services' settings, another shop between them and the real one, or another
/// warehouse than the sandbox.
pub struct Making {
    pub orders: OrderSettings,
    pub inventory: InventorySettings,
    pub reconcile: ReconcileSettings,
    pub storefront: Arc<dyn Storefront>,
    pub provider: Option<(Arc<dyn FulfillmentProvider>, Circuit)>,
}

impl Service {
    pub(super) fn new(
        world: &World,
        change: impl FnOnce(&mut Making),
        mock: Option<Arc<MockClock>>,
    ) -> Self {
        let shop = client_of_shop(world);
        let circuit = shop.circuit();
        let mut making = Making {
            orders: settings(mock.is_some()),
            inventory: inventory_settings(),
            reconcile: reconcile_settings(),
            storefront: Arc::new(shop),
            provider: None,
        };
        change(&mut making);
        let clock = Arc::clone(&world.clock);
        let tasks = TaskGroup::new();
        // Half of the quiet period, as the program has it.
        let limits = limits(Duration::from_millis(400), 1 << 20);
        let (provider, warehouse) = making
            .provider
            .unwrap_or_else(|| Style::spoken().client(&world.sandbox, limits, Arc::clone(&clock)));
        let upstreams = Upstreams {
            shop_circuit: circuit,
            warehouse_circuit: warehouse,
        };
        let context = SyncContext {
            storefront: making.storefront,
            provider: Arc::clone(&provider),
            ledger: world.ledger.clone(),
            clock: Arc::clone(&clock),
            tasks: tasks.clone(),
        };
        let orders = OrderSync::new(context.clone(), making.orders);
        let inventory = InventorySync::new(context.clone(), making.inventory);
        let tracking = TrackingSync::new(
            context,
            TrackingSettings {
                lease_ttl: HOLD,
                lease_wait: HOLD,
                concurrency: 4,
            },
        );
        let reconciliation = Reconciliation::new(orders.clone(), making.reconcile);
        Self {
            orders,
            inventory,
            tracking,
            reconciliation,
            provider,
            upstreams,
            tasks,
            watch: DiscoveryState::default(),
            clock,
            mock,
        }
    }

    /// Who works on VeraCore's webhooks; its inbox takes what is signed with [`WEBHOOK_SECRET`].
    pub fn worker(&self) -> InboxWorker {
        InboxWorker {
            inbox: Inbox::new(
                Some(SecretString::from(WEBHOOK_SECRET)),
                Arc::clone(&self.provider),
                self.orders.ledger().clone(),
                Arc::clone(&self.clock),
            ),
            orders: self.orders.clone(),
            inventory: self.inventory.clone(),
            tracking: self.tracking.clone(),
            upstreams: self.upstreams.clone(),
            tasks: self.tasks.clone(),
        }
    }

    /// Runs a job if it is due, as the scheduler of a process that is not stopped.
    pub async fn run_if_due(&self, job: &dyn ScheduledJob) -> bool {
        let ledger = self.orders.ledger().clone();
        let (clock, tasks) = (Arc::clone(&self.clock), TaskGroup::new());
        let scheduler = scheduler(vec![], ledger, clock, &tasks, self.upstreams.clone());
        let attempt = scheduler.run_if_due(job).await.unwrap();
        matches!(attempt, RunAttempt::Completed(..))
    }

    /// A pass over the stock, on record.
    pub async fn stock(&self, wish: &InventoryRequest) -> (i64, InventorySummary) {
        let nobody = ignore_progress();
        let ran = self.inventory.run_manually(wish, &nobody);
        match ran.await.unwrap() {
            RunAttempt::Completed(run, summary) => (run.number(), summary.unwrap()),
            _ => panic!("the stock is held by somebody else"),
        }
    }

    /// A pass over the whole stock that must write what it planned.
    pub async fn keep_stock(&self) -> InventorySummary {
        let (_, summary) = self.stock(&InventoryRequest::default()).await;
        assert_eq!(summary.quarantined, None);
        assert_eq!(summary.counts.failed_count(), 0, "{summary:?}");
        summary
    }

    /// A pass over what VeraCore shipped.
    pub async fn track(&self) -> tracking::TrackingSummary {
        let nobody = ignore_progress();
        let outcome = self.tracking.run(None, &nobody).await;
        let result = TrackingSync::run_report(&outcome);
        assert!(matches!(result, WorkResult::Finished(_)));
        outcome.unwrap()
    }

    /// What is off, by kind and order.
    pub async fn reconcile(&self) -> (Vec<(&'static str, String)>, reconcile::ReconcileSummary) {
        let nobody = ignore_progress();
        let summary = self
            .reconciliation
            .run(reconcile::NEVER_SHIPPED_DAYS, &nobody)
            .await;
        let summary = summary.unwrap();
        let found = summary.findings.iter();
        let found = found.map(|f| (f.kind.as_str(), f.order.clone())).collect();
        (found, summary)
    }

    pub async fn sweep(&mut self) -> SweepSummary {
        self.orders.sweep_orders(&mut self.watch).await.unwrap()
    }

    pub async fn look(&mut self) -> PollSummary {
        self.orders.poll_newest(&mut self.watch).await.unwrap()
    }

    /// Works on all orders that are due, some at a time. Returns where they stand then.
    pub async fn work(&self) -> Vec<SyncStatus> {
        let mut working = JoinSet::new();
        let mut done = Vec::new();
        let width = self.orders.settings().concurrency;
        loop {
            let free = width - u32::try_from(working.len()).unwrap();
            for order in self.orders.lease_due_orders(free, None).await.unwrap() {
                let service = self.orders.clone();
                working.spawn(async move { service.process(&order).await });
            }
            match working.join_next().await {
                None => return done,
                Some(outcome) => match outcome.unwrap() {
                    Ok(status) => done.push(status),
                    // Another service of this test was quicker.
                    Err(LedgerError::LeaseLost { .. }) => {}
                    Err(error) => panic!("{error}"),
                },
            }
        }
    }

    /// Works on orders until none waits any more. A mock clock is moved to whenever the next one
    /// is due; the machine's is waited for.
    pub async fn settle(&self) {
        let start = tokio::time::Instant::now();
        for _ in 0..MOST_STEPS {
            self.work().await;
            let Backlog {
                due,
                next_due_at: next,
            } = self.orders.ledger().backlog().await.unwrap();
            match (due, next) {
                (0, None) => return,
                (0, Some(next)) => self.wait_for(next).await,
                _ => {}
            }
            assert!(start.elapsed() < PATIENCE, "orders do not come to rest");
        }
        panic!("orders do not come to rest in {MOST_STEPS} steps");
    }

    /// A sweep and everything that follows from it.
    pub async fn carry(&mut self) {
        self.sweep().await;
        self.settle().await;
    }

    /// The same after other processes wrote to the ledger by the machine's clock, which may be
    /// ahead of the mock one by now.
    pub async fn settle_after_processes(&self) {
        if let Some(mock) = &self.mock {
            mock.advance((SystemClock.now() - mock.now()).max(TimeDelta::zero()));
        }
        self.settle().await;
    }

    async fn wait_for(&self, moment: chrono::DateTime<chrono::Utc>) {
        let wait = moment - self.clock.now();
        match &self.mock {
            Some(mock) => mock.advance(wait),
            None => sleep(wait.to_std().unwrap_or_default()).await,
        }
    }
}
