//! The steps of a history, their execution, and the checks after them.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use proptest::prelude::*;
use veracore_sync::{
    clock::Clock as _,
    domain::SyncStatus,
    ledger::{OrderFilter, SyncRecord},
};

use super::{
    replica::{ALL_DUE_AFTER, Job, JobState, Replica},
    upstreams::number_at,
    wire::Common,
    world::{CallFault, SKUS, World},
};
use crate::harness::LedgerWorld;

const REPLICAS: usize = 3;

/// Rounds after which all orders must have settled.
const ROUNDS: u32 = 8;

/// A step of a history. Order indices are taken modulo the number of orders.
#[derive(Debug, Clone)]
pub enum Step {
    Place([u32; SKUS]),
    /// Staff cancels everything unfulfilled of an order, or one unit of each line.
    Cancel {
        order: usize,
        all: bool,
    },
    FulfillByHand {
        order: usize,
    },
    Restock {
        sku: usize,
        units: u32,
    },
    /// A stock count at the warehouse finds less.
    Shrink {
        sku: usize,
        units: u32,
    },
    Ship {
        order: usize,
        units: [u32; SKUS],
    },
    /// A replica runs a job with faults at some calls, or resumes its paused job.
    Run {
        replica: usize,
        job: Job,
        faults: Vec<(u8, CallFault)>,
    },
    Pass {
        seconds: i64,
    },
    /// The whole life of a parcel on one replica: ordered, sent, shipped, fulfilled.
    Parcel {
        replica: usize,
        units: [u32; SKUS],
    },
    /// The clock is set, by an administrator or after a suspend. Skipped while a call is in progress.
    Jump {
        minutes: i64,
    },
}

fn units() -> impl Strategy<Value = [u32; SKUS]> {
    proptest::array::uniform2(0..4_u32)
}

fn fault() -> impl Strategy<Value = CallFault> {
    prop_oneof![
        1 => Just(CallFault::ConnectionRefused),
        1 => Just(CallFault::RequestLost),
        2 => Just(CallFault::ResponseLost),
        2 => (1..50_u8).prop_map(CallFault::Late),
        1 => Just(CallFault::Repeated),
        1 => Just(CallFault::ServerError),
        2 => Just(CallFault::CrashBefore),
        2 => Just(CallFault::CrashAfter),
        3 => any::<bool>().prop_map(|done| CallFault::Slow { done }),
    ]
}

fn job() -> impl Strategy<Value = Job> {
    prop_oneof![
        1 => Just(Job::Poll),
        2 => Just(Job::Sweep),
        3 => (1..5_u8).prop_map(Job::Submit),
        3 => Just(Job::Tracking),
        3 => Just(Job::Inventory),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let order = any::<usize>;
    prop_oneof![
        3 => units().prop_map(Step::Place),
        1 => (order(), any::<bool>()).prop_map(|(order, all)| Step::Cancel { order, all }),
        1 => order().prop_map(|order| Step::FulfillByHand { order }),
        1 => (0..SKUS, 1..20_u32).prop_map(|(sku, units)| Step::Restock { sku, units }),
        1 => (0..SKUS, 1..6_u32).prop_map(|(sku, units)| Step::Shrink { sku, units }),
        3 => (order(), units()).prop_map(|(order, units)| Step::Ship { order, units }),
        12 => (0..REPLICAS, job(), proptest::collection::vec((prop_oneof![3 => 0..4_u8, 1 => 4..12_u8], fault()), 0..3))
            .prop_map(|(replica, job, faults)| Step::Run { replica, job, faults }),
        2 => (0..REPLICAS, units()).prop_map(|(replica, units)| Step::Parcel { replica, units }),
        3 => prop_oneof![1..40_i64, 40..400_i64].prop_map(|seconds| Step::Pass { seconds }),
        1 => (-300..300_i64).prop_map(|minutes| Step::Jump { minutes }),
    ]
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 10..60)
}

pub struct History<'a> {
    ledger: &'a LedgerWorld,
    common: Arc<Common>,
    replicas: Vec<Replica>,
    /// Orders that staff changed.
    touched: Vec<usize>,
    /// The stock changed in a way that only an inventory sync shows, and none has run since. Until
    /// then, the shop may oversell.
    stock_outdated: bool,
    /// Whether a replica's inventory sync started after the last such change.
    started_since: [bool; REPLICAS],
    /// The sum of all backward clock jumps.
    set_back: TimeDelta,
}

impl<'a> History<'a> {
    /// A new world, with stock at the warehouse and in the shop, and an empty ledger.
    pub async fn begin(ledger: &'a LedgerWorld) -> Self {
        sqlx::raw_sql(
            "truncate veracore_order_sync, veracore_order_line, veracore_order_attempt,
                 veracore_sync_run, veracore_shipment, veracore_stock_change, veracore_event, veracore_order_note,
                 veracore_lease, veracore_config restart identity;
             insert into veracore_config default values",
        )
        .execute(&ledger.pool)
        .await
        .unwrap();
        let start = "2026-06-01T12:00:00Z"
            .parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap();
        ledger.clock.advance(start - ledger.clock.now());
        let common = Common::new(Arc::clone(&ledger.clock));
        common.world().warehouse_stock = [30; SKUS];
        let mut history = Self {
            replicas: (0..REPLICAS)
                .map(|_| Replica::new(&common, &ledger.ledger))
                .collect(),
            ledger,
            common,
            touched: Vec::new(),
            stock_outdated: true,
            started_since: [false; REPLICAS],
            set_back: TimeDelta::zero(),
        };
        // The first sweep, of an empty shop, and the first inventory sync.
        for job in [Job::Sweep, Job::Inventory] {
            history.run(0, job, &[]).await.unwrap();
        }
        history
    }

    pub async fn step(&mut self, step: &Step) -> Result<(), String> {
        let now = self.common.clock.now();
        let orders = self.common.world().orders.len();
        let pick = |order: usize| (orders > 0).then(|| order % orders);
        match step {
            Step::Place(units) => self.common.world().place(*units, now),
            Step::Cancel { order, all } => {
                if let Some(order) = pick(*order) {
                    self.common.world().cancel(order, *all);
                    self.touched.push(order);
                    self.mark_stock_outdated();
                }
            }
            Step::FulfillByHand { order } => {
                if let Some(order) = pick(*order) {
                    let mut world = self.common.world();
                    let left = world.orders[order].left();
                    if left != [0; SKUS] && world.fulfill(order, left, "by hand").is_some() {
                        let fulfillment = world.orders[order].fulfillments.last_mut().unwrap();
                        fulfillment.shipped = true;
                        fulfillment.tracking = format!("by hand {}", fulfillment.id);
                        self.touched.push(order);
                        drop(world);
                        self.mark_stock_outdated();
                    }
                }
            }
            Step::Restock { sku, units } => self.common.world().warehouse_stock[*sku] += units,
            Step::Shrink { sku, units } => {
                let mut world = self.common.world();
                world.warehouse_stock[*sku] = world.warehouse_stock[*sku].saturating_sub(*units);
                drop(world);
                self.mark_stock_outdated();
            }
            Step::Ship { order, units } => {
                let mut world = self.common.world();
                let numbers: Vec<usize> = world.warehouse.keys().copied().collect();
                if !numbers.is_empty() {
                    world.ship(numbers[order % numbers.len()], *units, now);
                }
            }
            Step::Run {
                replica,
                job,
                faults,
            } => self.run(*replica, *job, faults).await?,
            Step::Parcel { replica, units } => {
                self.common.world().place(*units, now);
                for job in [Job::Poll, Job::Submit(9)] {
                    self.run(*replica, job, &[]).await?;
                }
                let placed = self.common.world().orders.len();
                if placed > orders {
                    self.common.world().ship(orders, [u32::MAX; SKUS], now);
                }
                self.run(*replica, Job::Tracking, &[]).await?;
            }
            Step::Pass { seconds } => self.common.pass(*seconds),
            Step::Jump { minutes } => {
                let in_progress = self.replicas.iter().any(Replica::is_paused);
                if !in_progress && !self.common.has_late() {
                    let by = TimeDelta::minutes(*minutes);
                    self.common.clock.advance(by);
                    self.set_back += (-by).max(TimeDelta::zero());
                }
            }
        }
        self.check_invariants()
    }

    async fn run(
        &mut self,
        replica: usize,
        job: Job,
        faults: &[(u8, CallFault)],
    ) -> Result<(), String> {
        let undisturbed = !self.replicas.iter().any(Replica::is_paused)
            && faults.is_empty()
            && !self.common.has_late();
        if job == Job::Inventory && !self.replicas[replica].is_paused() {
            self.started_since[replica] = true;
        }
        match self.replicas[replica].run(job, faults).await {
            JobState::Stuck(problem) => Err(problem),
            JobState::Finished(Job::Sweep, true) if undisturbed => {
                self.check_all_discovered().await
            }
            JobState::Finished(Job::Inventory, true) => {
                self.stock_outdated &= !self.started_since[replica];
                Ok(())
            }
            JobState::Finished(..) | JobState::Paused | JobState::Crashed => Ok(()),
        }
    }

    fn check_invariants(&mut self) -> Result<(), String> {
        let over_reserved = std::mem::take(&mut self.common.world().over_reserved);
        if over_reserved {
            self.mark_stock_outdated();
        }
        let world = self.common.world();
        match world.violations.first() {
            Some(violation) => Err(violation.clone()),
            None if world.levels.iter().any(|level| level.1 < 0) => {
                Err(format!("allocations below zero: {:?}", world.levels))
            }
            None if self.stock_outdated => Ok(()),
            None => (0..SKUS).try_for_each(|sku| check_not_oversold(&world, sku)),
        }
    }

    fn mark_stock_outdated(&mut self) {
        self.stock_outdated = true;
        self.started_since = [false; REPLICAS];
    }

    async fn records(&self) -> BTreeMap<usize, SyncRecord> {
        let filter = OrderFilter {
            limit: 10_000,
            ..OrderFilter::default()
        };
        let records = self.ledger.ledger.orders(&filter).await.unwrap();
        let number = |record: &SyncRecord| number_at(record.vendure_order_code.as_str()).unwrap();
        records
            .into_iter()
            .map(|record| (number(&record), record))
            .collect()
    }

    /// I2: an undisturbed sweep finds every order.
    async fn check_all_discovered(&self) -> Result<(), String> {
        let records = self.records().await;
        let world = self.common.world();
        let ready = world.orders.iter().enumerate();
        for (at, _) in ready.filter(|(_, order)| order.state() == "PaymentSettled") {
            if !records.contains_key(&at) {
                return Err(format!("a sweep missed order {at}"));
            }
        }
        Ok(())
    }

    /// Runs everything to its end without further faults, then checks the final state.
    pub async fn settle(&mut self) -> Result<(), String> {
        for replica in 0..REPLICAS {
            while self.replicas[replica].is_paused() {
                self.run(replica, Job::Poll, &[]).await?;
                self.check_invariants()?;
            }
        }
        for _ in 0..ROUNDS {
            self.common.pass(ALL_DUE_AFTER.num_seconds());
            for job in [Job::Sweep, Job::Submit(100), Job::Tracking] {
                self.run(0, job, &[]).await?;
                self.check_invariants()?;
            }
            let records = self.records().await;
            if records
                .values()
                .all(|record| is_settled(record.sync_status))
            {
                // Leases of a crashed process expire by the clock at which they were taken.
                self.common.pass(self.set_back.num_seconds());
                self.run(1, Job::Tracking, &[]).await?;
                self.run(0, Job::Inventory, &[]).await?;
                self.check_invariants()?;
                self.check_orders(&records)?;
                self.check_stock(&records)?;
                // Further runs change nothing.
                let before = self.common.world().levels;
                for job in [Job::Tracking, Job::Inventory] {
                    self.run(2, job, &[]).await?;
                }
                self.check_invariants()?;
                let after = self.common.world().levels;
                if before != after {
                    return Err(format!("another run changed {before:?} to {after:?}"));
                }
                return self.check_no_lease().await;
            }
        }
        Err(format!("orders did not settle: {:?}", self.records().await))
    }

    fn check_orders(&self, records: &BTreeMap<usize, SyncRecord>) -> Result<(), String> {
        let world = self.common.world();
        for (at, order) in world.orders.iter().enumerate() {
            let status = records.get(&at).map(|record| record.sync_status);
            let in_warehouse = world.warehouse.get(&at);
            let ready = order.state() == "PaymentSettled";
            let details = || format!("order {at}: {status:?}, {order:?}, {in_warehouse:?}");
            match (status, in_warehouse) {
                (Some(SyncStatus::Success), None) => {
                    return Err(format!("recorded as sent, but missing: {}", details()));
                }
                (Some(SyncStatus::Success), Some(_)) => {}
                (_, Some(_)) => {
                    return Err(format!("sent, but not recorded: {}", details()));
                }
                (_, None) if ready => return Err(format!("lost: {}", details())),
                (_, None) => {}
            }
            let Some(in_warehouse) = in_warehouse.filter(|_| !self.touched.contains(&at)) else {
                continue;
            };
            // Staff did not touch it: each package is a fulfillment with tracking.
            for (number, package) in in_warehouse.packages.iter().enumerate() {
                let tracking = format!("1Z{at}-{number}");
                let fulfillment = order
                    .fulfillments
                    .iter()
                    .find(|fulfillment| fulfillment.tracking == tracking);
                let fulfilled = fulfillment.is_some_and(|f| f.shipped && f.units == package.units);
                let has_tracking = order
                    .tracking
                    .as_ref()
                    .is_some_and(|t| t.contains(&tracking));
                if !fulfilled || !has_tracking {
                    return Err(format!(
                        "package {tracking} is not in the shop: {}",
                        details()
                    ));
                }
            }
        }
        Ok(())
    }

    /// I4: the shop's stock is the warehouse's free stock plus what acknowledged orders have allocated.
    fn check_stock(&self, records: &BTreeMap<usize, SyncRecord>) -> Result<(), String> {
        let world: &World = &self.common.world();
        for sku in 0..SKUS {
            let mut acknowledged = 0;
            for (at, order) in world.orders.iter().enumerate() {
                let is_sent = records
                    .get(&at)
                    .is_some_and(|record| record.sync_status == SyncStatus::Success);
                let Some(in_warehouse) = world.warehouse.get(&at).filter(|_| is_sent) else {
                    continue;
                };
                let fulfilled: u32 = order.fulfillments.iter().map(|f| f.units[sku]).sum();
                let sent = in_warehouse.items[sku].min(order.ordered[sku]);
                acknowledged += i64::from(sent.saturating_sub(fulfilled));
            }
            let (on_hand, allocated) = world.levels[sku];
            let expected = i64::from(world.free(sku)) + acknowledged.min(allocated);
            if on_hand != expected {
                return Err(format!(
                    "S{sku} has {on_hand} on hand instead of {expected}: {world:?}"
                ));
            }
        }
        Ok(())
    }

    async fn check_no_lease(&self) -> Result<(), String> {
        let leased: Vec<String> = sqlx::query_scalar(
            "select name from veracore_lease where lease_until > $1 union all
             select vendure_order_code from veracore_order_sync where lease_until is not null",
        )
        .bind(self.common.clock.now())
        .fetch_all(&self.ledger.pool)
        .await
        .unwrap();
        if leased.is_empty() {
            return Ok(());
        }
        Err(format!("still leased: {leased:?}"))
    }
}

/// The shop can sell at most the warehouse's free stock minus what is allocated to orders that the
/// warehouse does not have.
fn check_not_oversold(world: &World, sku: usize) -> Result<(), String> {
    let orders = world.orders.iter().enumerate();
    let allocated: u32 = orders
        .filter(|(at, _)| !world.warehouse.contains_key(at))
        .map(|(_, order)| order.left()[sku])
        .sum();
    let max = i64::from(world.free(sku)) - i64::from(allocated);
    if world.sellable(sku) <= max.max(0) {
        return Ok(());
    }
    Err(format!(
        "{} of S{sku} can be sold, but only {max} are available: {world:?}",
        world.sellable(sku)
    ))
}

const fn is_settled(status: SyncStatus) -> bool {
    matches!(
        status,
        SyncStatus::Success | SyncStatus::Skipped | SyncStatus::Cancelled | SyncStatus::Error
    )
}
