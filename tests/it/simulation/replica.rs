//! A process of ours: the services, one job at a time, which may die or wait in the middle of it.

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
    ends::Ends,
    wire::{Common, Wire},
    world::Fate,
};
use crate::harness::settings;

/// What a process does, from its beginning to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    Look,
    Sweep,
    /// Works on up to so many due orders.
    Submit(u8),
    Track,
    Stock,
}

/// As the program has it for the timeouts of the wire.
const HOLD: Duration = Duration::from_secs(95);

/// Longer than any job takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
struct Services {
    orders: OrderSync,
    inventory: InventorySync,
    tracking: TrackingSync,
    watch: Arc<Mutex<DiscoveryState>>,
}

pub struct Replica {
    wire: Arc<Wire>,
    services: Services,
    /// A job that waits for an answer.
    running: Option<(Job, Running)>,
}

type Running = Pin<Box<dyn Future<Output = Result<bool, LedgerError>>>>;

/// How far a job came.
#[derive(Debug, PartialEq, Eq)]
pub enum Came {
    /// And whether it did all that it should.
    Through(Job, bool),
    Waits,
    Died,
    /// Neither its end nor a call was reached in time, or the ledger failed.
    Stuck(String),
}

impl Replica {
    pub fn new(common: &Arc<Common>, ledger: &Ledger) -> Self {
        let wire = Wire::new(Arc::clone(common));
        let storefront: Arc<dyn Storefront> = Arc::new(Ends(Arc::clone(&wire)));
        let provider: Arc<dyn FulfillmentProvider> = Arc::new(Ends(Arc::clone(&wire)));
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
            lease_ttl: HOLD,
            lease_wait: Duration::ZERO,
            page_size: 2,
        };
        let tracking = TrackingSettings {
            lease_ttl: HOLD,
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
            watch: Arc::default(),
        };
        Self {
            wire,
            services,
            running: None,
        }
    }

    pub const fn is_waiting(&self) -> bool {
        self.running.is_some()
    }

    /// Begins a job, or goes on with the one that waits.
    pub async fn run(&mut self, job: Job, fates: &[(u8, Fate)]) -> Came {
        let (job, mut running) = if let Some(waiting) = self.running.take() {
            self.wire.go_on();
            waiting
        } else {
            self.wire.meet(fates);
            let running: Running = Box::pin(self.services.clone().work(job));
            (job, running)
        };
        let came = tokio::time::timeout(PATIENCE, async {
            tokio::select! {
                biased;
                () = self.wire.died.notified() => Came::Died,
                () = self.wire.waits.notified() => Came::Waits,
                done = &mut running => match done {
                    Ok(all) => Came::Through(job, all),
                    Err(error) => Came::Stuck(format!("{job:?}: {error}")),
                },
            }
        });
        match came.await {
            Ok(Came::Waits) => {
                self.running = Some((job, running));
                Came::Waits
            }
            Ok(Came::Died) => {
                drop(running);
                // A new process knows nothing of the old one.
                self.services.watch = Arc::default();
                self.wire.meet(&[]);
                Came::Died
            }
            Ok(came) => came,
            Err(_) => Came::Stuck(format!("{job:?} does not end")),
        }
    }
}

impl Services {
    async fn work(self, job: Job) -> Result<bool, LedgerError> {
        let nobody = ignore_progress();
        match job {
            // What they could not read is read by the next one.
            Job::Look => {
                let mut watch = self.watch.lock().await;
                Ok(self.orders.poll_newest(&mut watch).await.is_ok())
            }
            Job::Sweep => {
                let mut watch = self.watch.lock().await;
                Ok(self.orders.sweep_orders(&mut watch).await.is_ok())
            }
            Job::Submit(most) => {
                for _ in 0..most {
                    let Some(order) = self.orders.lease_due_orders(1, None).await?.pop() else {
                        break;
                    };
                    worker::process_order(&self.orders, &order).await;
                }
                Ok(true)
            }
            Job::Stock => {
                let wish = InventoryRequest::default();
                let ran = self.inventory.run_manually(&wish, &nobody).await?;
                let RunAttempt::Completed(_, Ok(summary)) = ran else {
                    return Ok(false);
                };
                Ok(summary.quarantined.is_none() && summary.counts.failed_count() == 0)
            }
            Job::Track => {
                let ran = self.tracking.run_manually(None, &nobody).await?;
                Ok(matches!(ran, RunAttempt::Completed(_, Ok(_))))
            }
        }
    }
}

/// How long everything that was held, or to be tried later, takes at most until it is free or due.
pub const UNTIL_ALL_IS_DUE: TimeDelta = TimeDelta::seconds(700);
