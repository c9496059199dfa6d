//! A replica of the program: runs one job at a time, which may crash or pause at any call.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio::sync::Mutex;
use veracore_sync::{
    domain::OrderState,
    fulfillment::FulfillmentProvider,
    http::Backoff,
    ledger::{Ledger, LedgerError},
    lifecycle::TaskGroup,
    sync::{
        context::SyncContext,
        inventory::{self, InventoryRequest, InventorySettings, InventorySync},
        jobs::run_once::{RunAttempt, ignore_progress},
        orders::{OrderSync, newest::DiscoveryState, worker},
        tracking::{TrackingSettings, TrackingSync},
    },
    vendure::Storefront,
};

use super::{
    upstreams::SimulatedUpstreams,
    wire::{Common, Wire},
    world::CallFault,
};
use crate::harness::settings;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    Poll,
    Sweep,
    /// Processes at most this many due orders.
    Submit(u8),
    Tracking,
    Inventory,
}

/// The program's TTL for the timeout of the simulated network.
const LEASE_TTL: Duration = Duration::from_secs(95);

/// Longer than any job takes.
const JOB_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone)]
struct Services {
    orders: OrderSync,
    inventory: InventorySync,
    tracking: TrackingSync,
    discovery: Arc<Mutex<DiscoveryState>>,
}

pub struct Replica {
    wire: Arc<Wire>,
    services: Services,
    /// A job that is paused at a call.
    running: Option<(Job, Running)>,
}

type Running = Pin<Box<dyn Future<Output = Result<bool, LedgerError>>>>;

/// The state of a job after [`Replica::run`].
#[derive(Debug, PartialEq, Eq)]
pub enum JobState {
    /// The flag is true if it did everything.
    Finished(Job, bool),
    Paused,
    Crashed,
    /// It timed out, or the ledger failed.
    Stuck(String),
}

impl Replica {
    pub fn new(common: &Arc<Common>, ledger: &Ledger) -> Self {
        let wire = Wire::new(Arc::clone(common));
        let storefront: Arc<dyn Storefront> = Arc::new(SimulatedUpstreams(Arc::clone(&wire)));
        let provider: Arc<dyn FulfillmentProvider> =
            Arc::new(SimulatedUpstreams(Arc::clone(&wire)));
        let tasks = TaskGroup::new();
        let mut orders = settings(true);
        orders.trigger_states = vec![OrderState::parse("PaymentSettled").unwrap()];
        orders.max_attempts = 1000;
        orders.backoff = Backoff {
            initial: Duration::from_secs(15),
            max: Duration::from_secs(600),
        };
        // Small, so that lists have several pages.
        orders.sweep_page_size = 2;
        orders.newest_page_size = 2;
        let levels = InventorySettings {
            rules: inventory::plan::StockRules::default(),
            max_drop_percent: 100,
            location: None,
            batch_size: 1,
            concurrency: 1,
            lease_ttl: LEASE_TTL,
            lease_wait: Duration::ZERO,
            page_size: 2,
        };
        let tracking = TrackingSettings {
            lease_ttl: LEASE_TTL,
            lease_wait: Duration::ZERO,
            concurrency: 1,
        };
        let context = SyncContext {
            storefront,
            provider,
            ledger: ledger.clone(),
            clock: Arc::clone(&common.clock) as _,
            tasks,
        };
        let services = Services {
            orders: OrderSync::new(context.clone(), orders),
            inventory: InventorySync::new(context.clone(), levels),
            tracking: TrackingSync::new(context, tracking),
            discovery: Arc::default(),
        };
        Self {
            wire,
            services,
            running: None,
        }
    }

    pub const fn is_paused(&self) -> bool {
        self.running.is_some()
    }

    /// Starts a job, or resumes the paused one.
    pub async fn run(&mut self, job: Job, faults: &[(u8, CallFault)]) -> JobState {
        let (job, mut running) = if let Some(paused) = self.running.take() {
            self.wire.resume();
            paused
        } else {
            self.wire.set_faults(faults);
            let running: Running = Box::pin(self.services.clone().work(job));
            (job, running)
        };
        let state = tokio::time::timeout(JOB_TIMEOUT, async {
            tokio::select! {
                biased;
                () = self.wire.crashed.notified() => JobState::Crashed,
                () = self.wire.paused.notified() => JobState::Paused,
                result = &mut running => match result {
                    Ok(complete) => JobState::Finished(job, complete),
                    Err(error) => JobState::Stuck(format!("{job:?}: {error}")),
                },
            }
        });
        match state.await {
            Ok(JobState::Paused) => {
                self.running = Some((job, running));
                JobState::Paused
            }
            Ok(JobState::Crashed) => {
                drop(running);
                // A new process starts without the old one's state.
                self.services.discovery = Arc::default();
                self.wire.set_faults(&[]);
                JobState::Crashed
            }
            Ok(state) => state,
            Err(_) => JobState::Stuck(format!("{job:?} timed out")),
        }
    }
}

impl Services {
    async fn work(self, job: Job) -> Result<bool, LedgerError> {
        let progress = ignore_progress();
        match job {
            // The next job reads what these could not read.
            Job::Poll => {
                let mut discovery = self.discovery.lock().await;
                Ok(self.orders.poll_newest(&mut discovery).await.is_ok())
            }
            Job::Sweep => {
                let mut discovery = self.discovery.lock().await;
                Ok(self.orders.sweep_orders(&mut discovery).await.is_ok())
            }
            Job::Submit(max) => {
                for _ in 0..max {
                    let Some(order) = self.orders.lease_due_orders(1, None).await?.pop() else {
                        break;
                    };
                    worker::process_order(&self.orders, &order).await;
                }
                Ok(true)
            }
            Job::Inventory => {
                let request = InventoryRequest::default();
                let attempt = self.inventory.run_manually(&request, &progress).await?;
                let RunAttempt::Completed(_, Ok(summary)) = attempt else {
                    return Ok(false);
                };
                Ok(summary.quarantined.is_none() && summary.counts.failed_count() == 0)
            }
            Job::Tracking => {
                let attempt = self.tracking.run_manually(None, &progress).await?;
                Ok(matches!(attempt, RunAttempt::Completed(_, Ok(_))))
            }
        }
    }
}

/// The time after which all leases have expired and all retries are due.
pub const ALL_DUE_AFTER: TimeDelta = TimeDelta::seconds(700);
