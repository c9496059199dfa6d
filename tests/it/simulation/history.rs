//! What can happen, how it is carried out, and what must hold.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use proptest::prelude::*;
use veracore_sync::{
    clock::Clock as _,
    domain::SyncStatus,
    ledger::{OrderFilter, SyncRecord},
};

use super::{
    ends::number_at,
    replica::{Came, Job, Replica, UNTIL_ALL_IS_DUE},
    wire::Common,
    world::{Fate, SKUS, World},
};
use crate::harness::LedgerWorld;

const REPLICAS: usize = 3;

/// Rounds after which all must be at rest.
const ROUNDS: u32 = 8;

/// Something that happens. Numbers choose among what is there.
#[derive(Debug, Clone)]
pub enum Step {
    Place([u32; SKUS]),
    /// Staff cancels what is open of an order, or one unit of each line.
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
    /// The warehouse counts anew and finds less.
    Shrink {
        sku: usize,
        units: u32,
    },
    Ship {
        order: usize,
        units: [u32; SKUS],
    },
    /// A process does a job, and some of its calls meet their fate; or one that waits goes on.
    Run {
        replica: usize,
        job: Job,
        fates: Vec<(u8, Fate)>,
    },
    Pass {
        seconds: i64,
    },
    /// All that becomes of a parcel, by one process in no time: ordered, sent, shipped, fulfilled.
    Parcel {
        replica: usize,
        units: [u32; SKUS],
    },
    /// The clock is set, by an administrator or after a suspension; nothing is under way then.
    Jump {
        minutes: i64,
    },
}

fn units() -> impl Strategy<Value = [u32; SKUS]> {
    proptest::array::uniform2(0..4_u32)
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        1 => Just(Fate::NoWay),
        1 => Just(Fate::RequestLost),
        2 => Just(Fate::AnswerLost),
        2 => (1..50_u8).prop_map(Fate::Late),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Fails),
        2 => Just(Fate::DiesBefore),
        2 => Just(Fate::DiesAfter),
        3 => any::<bool>().prop_map(|done| Fate::Waits { done }),
    ]
}

fn job() -> impl Strategy<Value = Job> {
    prop_oneof![
        1 => Just(Job::Look),
        2 => Just(Job::Sweep),
        3 => (1..5_u8).prop_map(Job::Submit),
        3 => Just(Job::Track),
        3 => Just(Job::Stock),
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
        12 => (0..REPLICAS, job(), proptest::collection::vec((prop_oneof![3 => 0..4_u8, 1 => 4..12_u8], fate()), 0..3))
            .prop_map(|(replica, job, fates)| Step::Run { replica, job, fates }),
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
    /// Orders at which staff did something.
    touched: Vec<usize>,
    /// Whether something happened that only a pass over the stock can show, and none has begun since
    /// and come to its end: then the shop may offer too much.
    unseen: bool,
    /// Whether a replica's pass over the stock began after all that.
    sees_all: [bool; REPLICAS],
    /// By how much clocks were set back in all.
    set_back: TimeDelta,
}

impl<'a> History<'a> {
    /// A new world, with goods at the warehouse and in the shop, and an empty ledger.
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
        common.world().shelves = [30; SKUS];
        let mut history = Self {
            replicas: (0..REPLICAS)
                .map(|_| Replica::new(&common, &ledger.ledger))
                .collect(),
            ledger,
            common,
            touched: Vec::new(),
            unseen: true,
            sees_all: [false; REPLICAS],
            set_back: TimeDelta::zero(),
        };
        // The first sweep, of an empty shop, and the first stock.
        for job in [Job::Sweep, Job::Stock] {
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
                    self.is_unseen();
                }
            }
            Step::FulfillByHand { order } => {
                if let Some(order) = pick(*order) {
                    let mut world = self.common.world();
                    let left = world.orders[order].left();
                    if left != [0; SKUS] && world.fulfill(order, left, "by hand").is_some() {
                        let made = world.orders[order].fulfillments.last_mut().unwrap();
                        made.shipped = true;
                        made.tracking = format!("by hand {}", made.id);
                        self.touched.push(order);
                        drop(world);
                        self.is_unseen();
                    }
                }
            }
            Step::Restock { sku, units } => self.common.world().shelves[*sku] += units,
            Step::Shrink { sku, units } => {
                let mut world = self.common.world();
                world.shelves[*sku] = world.shelves[*sku].saturating_sub(*units);
                drop(world);
                self.is_unseen();
            }
            Step::Ship { order, units } => {
                let mut world = self.common.world();
                let there: Vec<usize> = world.warehouse.keys().copied().collect();
                if !there.is_empty() {
                    world.ship(there[order % there.len()], *units, now);
                }
            }
            Step::Run {
                replica,
                job,
                fates,
            } => self.run(*replica, *job, fates).await?,
            Step::Parcel { replica, units } => {
                self.common.world().place(*units, now);
                for job in [Job::Look, Job::Submit(9)] {
                    self.run(*replica, job, &[]).await?;
                }
                let placed = self.common.world().orders.len();
                if placed > orders {
                    self.common.world().ship(orders, [u32::MAX; SKUS], now);
                }
                self.run(*replica, Job::Track, &[]).await?;
            }
            Step::Pass { seconds } => self.common.pass(*seconds),
            Step::Jump { minutes } => {
                let under_way = self.replicas.iter().any(Replica::is_waiting);
                if !under_way && !self.common.has_late() {
                    let by = TimeDelta::minutes(*minutes);
                    self.common.clock.advance(by);
                    self.set_back += (-by).max(TimeDelta::zero());
                }
            }
        }
        self.nothing_is_broken()
    }

    async fn run(&mut self, replica: usize, job: Job, fates: &[(u8, Fate)]) -> Result<(), String> {
        let alone = !self.replicas.iter().any(Replica::is_waiting)
            && fates.is_empty()
            && !self.common.has_late();
        if job == Job::Stock && !self.replicas[replica].is_waiting() {
            self.sees_all[replica] = true;
        }
        match self.replicas[replica].run(job, fates).await {
            Came::Stuck(problem) => Err(problem),
            Came::Through(Job::Sweep, true) if alone => self.all_are_known().await,
            Came::Through(Job::Stock, true) => {
                self.unseen &= !self.sees_all[replica];
                Ok(())
            }
            Came::Through(..) | Came::Waits | Came::Died => Ok(()),
        }
    }

    fn nothing_is_broken(&mut self) -> Result<(), String> {
        let in_vain = std::mem::take(&mut self.common.world().in_vain);
        if in_vain {
            self.is_unseen();
        }
        let world = self.common.world();
        match world.broken.first() {
            Some(broken) => Err(broken.clone()),
            None if world.levels.iter().any(|level| level.1 < 0) => {
                Err(format!("allocations below zero: {:?}", world.levels))
            }
            None if self.unseen => Ok(()),
            None => (0..SKUS).try_for_each(|sku| is_not_oversold(&world, sku)),
        }
    }

    fn is_unseen(&mut self) {
        self.unseen = true;
        self.sees_all = [false; REPLICAS];
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

    /// I2: an undisturbed sweep leaves no order out.
    async fn all_are_known(&self) -> Result<(), String> {
        let records = self.records().await;
        let world = self.common.world();
        let ready = world.orders.iter().enumerate();
        for (at, _) in ready.filter(|(_, order)| order.state() == "PaymentSettled") {
            if !records.contains_key(&at) {
                return Err(format!("a sweep left out order {at}"));
            }
        }
        Ok(())
    }

    /// All that waits comes to its end, without further trouble, and must be in order then.
    pub async fn rest(&mut self) -> Result<(), String> {
        for replica in 0..REPLICAS {
            while self.replicas[replica].is_waiting() {
                self.run(replica, Job::Look, &[]).await?;
                self.nothing_is_broken()?;
            }
        }
        for _ in 0..ROUNDS {
            self.common.pass(UNTIL_ALL_IS_DUE.num_seconds());
            for job in [Job::Sweep, Job::Submit(100), Job::Track] {
                self.run(0, job, &[]).await?;
                self.nothing_is_broken()?;
            }
            let records = self.records().await;
            if records
                .values()
                .all(|record| is_at_rest(record.sync_status))
            {
                // What a dead process held of a job, of stock and of fulfillments is free only by the
                // clock that it went by.
                self.common.pass(self.set_back.num_seconds());
                self.run(1, Job::Track, &[]).await?;
                self.run(0, Job::Stock, &[]).await?;
                self.nothing_is_broken()?;
                self.orders_are_right(&records)?;
                self.stock_is_right(&records)?;
                // Done again, nothing changes.
                let before = self.common.world().levels;
                for job in [Job::Track, Job::Stock] {
                    self.run(2, job, &[]).await?;
                }
                self.nothing_is_broken()?;
                let after = self.common.world().levels;
                if before != after {
                    return Err(format!("{before:?} become {after:?} by themselves"));
                }
                return self.nothing_is_held().await;
            }
        }
        Err(format!(
            "orders do not come to rest: {:?}",
            self.records().await
        ))
    }

    fn orders_are_right(&self, records: &BTreeMap<usize, SyncRecord>) -> Result<(), String> {
        let world = self.common.world();
        for (at, order) in world.orders.iter().enumerate() {
            let status = records.get(&at).map(|record| record.sync_status);
            let there = world.warehouse.get(&at);
            let ready = order.state() == "PaymentSettled";
            let told = || format!("order {at}: {status:?}, {order:?}, {there:?}");
            match (status, there) {
                (Some(SyncStatus::Success), None) => {
                    return Err(format!("not there, but known as such: {}", told()));
                }
                (Some(SyncStatus::Success), Some(_)) => {}
                (_, Some(_)) => return Err(format!("there, and not known: {}", told())),
                (_, None) if ready => return Err(format!("lost: {}", told())),
                (_, None) => {}
            }
            let Some(there) = there.filter(|_| !self.touched.contains(&at)) else {
                continue;
            };
            // Nobody but us was at it: each package is a fulfillment, and the customer knows.
            for (number, package) in there.packages.iter().enumerate() {
                let tracking = format!("1Z{at}-{number}");
                let made = order
                    .fulfillments
                    .iter()
                    .find(|made| made.tracking == tracking);
                let right = made.is_some_and(|made| made.shipped && made.units == package.units);
                let told_of = order
                    .tracking
                    .as_ref()
                    .is_some_and(|t| t.contains(&tracking));
                if !right || !told_of {
                    return Err(format!("package {tracking} is not in the shop: {}", told()));
                }
            }
        }
        Ok(())
    }

    /// I4, from what lies where and who promised what.
    fn stock_is_right(&self, records: &BTreeMap<usize, SyncRecord>) -> Result<(), String> {
        let world: &World = &self.common.world();
        for sku in 0..SKUS {
            let mut acknowledged = 0;
            for (at, order) in world.orders.iter().enumerate() {
                let known = records
                    .get(&at)
                    .is_some_and(|record| record.sync_status == SyncStatus::Success);
                let Some(there) = world.warehouse.get(&at).filter(|_| known) else {
                    continue;
                };
                let fulfilled: u32 = order.fulfillments.iter().map(|made| made.units[sku]).sum();
                let sent = there.items[sku].min(order.ordered[sku]);
                acknowledged += i64::from(sent.saturating_sub(fulfilled));
            }
            let (on_hand, allocated) = world.levels[sku];
            let should = i64::from(world.free(sku)) + acknowledged.min(allocated);
            if on_hand != should {
                return Err(format!(
                    "stock of S{sku} is {on_hand} on hand, and should be {should}: {world:?}"
                ));
            }
        }
        Ok(())
    }

    async fn nothing_is_held(&self) -> Result<(), String> {
        let held: Vec<String> = sqlx::query_scalar(
            "select name from veracore_lease where lease_until > $1 union all
             select vendure_order_code from veracore_order_sync where lease_until is not null",
        )
        .bind(self.common.clock.now())
        .fetch_all(&self.ledger.pool)
        .await
        .unwrap();
        if held.is_empty() {
            return Ok(());
        }
        Err(format!("held still: {held:?}"))
    }
}

/// What the shop can sell is never more than the warehouse has free, less what the shop promised to
/// orders that are not there.
fn is_not_oversold(world: &World, sku: usize) -> Result<(), String> {
    let absent = world.orders.iter().enumerate();
    let promised: u32 = absent
        .filter(|(at, _)| !world.warehouse.contains_key(at))
        .map(|(_, order)| order.left()[sku])
        .sum();
    let most = i64::from(world.free(sku)) - i64::from(promised);
    if world.sellable(sku) <= most.max(0) {
        return Ok(());
    }
    Err(format!(
        "{} of S{sku} can be sold, and {most} are there for it: {world:?}",
        world.sellable(sku)
    ))
}

const fn is_at_rest(status: SyncStatus) -> bool {
    matches!(
        status,
        SyncStatus::Success | SyncStatus::Skipped | SyncStatus::Cancelled | SyncStatus::Error
    )
}
