//! The soak test: orders, shipments and stock for `SOAK_SECONDS` (set by `scripts/soak`), with three
//! replicas, a kill every twenty seconds, and each kind of fault at one of twenty calls to VeraCore. In
//! the end, every order and package was sent once, stock is correct, nothing is leased, and no process
//! uses much memory.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep};
use veracore_sync::{
    domain::SyncStatus,
    sandbox::{Fault, FaultKind, Work},
};

use crate::harness::{Daemon, PaidOrder, SeededRng, World};

/// The default duration: long enough for a kill and the recovery.
const SECONDS: u64 = 25;

const KILL_EVERY: Duration = Duration::from_secs(20);

/// Each fault applies to one of this many calls.
const EVERY: u32 = 20;

/// The limit for everything to settle after the last fault.
const SETTLES_IN: Duration = Duration::from_secs(240);

/// The maximum memory of a process in kB, independent of the number of orders.
const MEMORY: u64 = 150_000;

/// ERROR lines that the faults cause.
const ERRORS: [&str; 6] = [
    "VeraCore",
    "Vendure",
    "database",
    "orders cannot",
    "the full order sweep failed",
    "stock",
];

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own knob, which scripts/soak sets"
)]
fn duration() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").ok();
    Duration::from_secs(seconds.map_or(SECONDS, |seconds| seconds.parse().unwrap()))
}

fn faults() -> Vec<FaultKind> {
    let status = |status, done| FaultKind::Status {
        status,
        body: serde_json::json!({ "message": "soaked" }),
        headers: BTreeMap::new(),
        done,
    };
    let delay = |work| FaultKind::Delay {
        milliseconds: 1200,
        work,
    };
    vec![
        FaultKind::DropRequest,
        FaultKind::DropAnswer,
        FaultKind::Partial,
        FaultKind::Malformed { done: true },
        FaultKind::Html { done: false },
        FaultKind::ExpireToken,
        FaultKind::RateLimited {
            retry_after: 1,
            as_date: false,
        },
        status(500, false),
        status(503, true),
        delay(Work::Before),
        delay(Work::After),
    ]
}

fn replica(world: &World) -> Daemon {
    world
        .daemon()
        .with("BUSINESS_HOURS", "00:00-23:59")
        .with("BUSINESS_DAYS", "Mon-Sun")
        .with("SYNC_TRACKING_INTERVAL_MINUTES", "1")
        .with("SYNC_INVENTORY_INTERVAL_MINUTES", "1")
        .with("ORDER_SYNC_MAX_ATTEMPTS", "100")
        .spawn()
}

async fn arrived(world: &World) -> u64 {
    let counts = world.ledger.count_by_status().await.unwrap();
    counts[&SyncStatus::Success]
}

/// Runs a command repeatedly until `done` holds.
async fn until_done(world: &World, args: &[&str], done: impl AsyncFn(&World) -> bool) {
    let start = Instant::now();
    while !done(world).await {
        assert!(
            start.elapsed() < SETTLES_IN,
            "{args:?} does not come to its end"
        );
        world.cli(args).await;
        sleep(Duration::from_secs(1)).await;
    }
}

/// The state of a soak test.
#[derive(Default)]
struct Soak {
    paid: Vec<PaidOrder>,
    /// The number of orders shipped, in sequence.
    shipped: usize,
    kills: u32,
    /// The maximum memory of any process, in kB.
    memory: u64,
}

impl Soak {
    async fn go_on(&mut self, world: &World, replicas: &mut [Daemon]) {
        let mut rng = SeededRng::from_env();
        let start = Instant::now();
        let mut next_kill = KILL_EVERY;
        while start.elapsed() < duration() {
            self.paid.extend(world.pay_orders(2).await);
            // Ship some of the orders that VeraCore has.
            while self.shipped < self.paid.len() && rng.below(3) > 0 {
                let next = &self.paid[self.shipped].code;
                if world.sandbox.ship(next, vec![]).is_err() {
                    break;
                }
                self.shipped += 1;
            }
            self.memory = self.memory.max(memory_of(replicas));
            if start.elapsed() >= next_kill {
                next_kill += KILL_EVERY;
                let victim = usize::try_from(rng.below(replicas.len() as u64)).unwrap();
                replicas[victim].kill_9();
                replicas[victim] = replica(world);
                self.kills += 1;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Asserts that VeraCore has each order and that each shipment is one fulfillment.
    async fn is_right(&self, world: &World) {
        let shipped = i64::try_from(self.shipped).unwrap();
        until_done(world, &["sync", "tracking"], async |world| {
            let (all, fulfilled): (i64, i64) = sqlx::query_as(
                "select count(*), count(*) filter (where shipment_status = 'fulfilled')
                 from veracore_shipment",
            )
            .fetch_one(&world.tables)
            .await
            .unwrap();
            all == shipped && fulfilled == shipped
        })
        .await;
        for order in &self.paid[..self.shipped] {
            let (state, fulfillments, _) = world.shop.fulfillment_state(order).await;
            let made = (state.as_str(), fulfillments.len());
            assert_eq!(made, ("Shipped", 1), "{}", order.code);
        }
        assert_eq!(world.sandbox.orders().len(), self.paid.len());
        until_done(world, &["sync", "inventory"], async |world| {
            for shelf in world.sandbox.stock() {
                let level = world.shop.level(&shelf.sku).await;
                if level.sellable() != i64::from(shelf.available_quantity) {
                    return false;
                }
            }
            true
        })
        .await;
    }
}

fn memory_of(replicas: &[Daemon]) -> u64 {
    let taken = replicas.iter().filter_map(Daemon::memory);
    taken.max().unwrap_or(0)
}

#[tokio::test]
async fn load_kills_and_faults_lose_and_duplicate_nothing() {
    let mut world = World::named("soak").real_time().build().await;
    for words in ERRORS {
        world.expect_error(words);
    }
    for sku in ["A-0", "A-1", "A-2"] {
        world.sandbox.set_stock(sku, 1_000_000);
    }
    // Stagger the faults, so that they apply to different calls.
    for (at, kind) in (0..).zip(faults()) {
        let fault = Fault::on("/", kind).every(EVERY);
        world.sandbox.add_fault(fault.skip(at));
    }
    let mut replicas = [replica(&world), replica(&world), replica(&world)];
    let mut soak = Soak::default();
    soak.go_on(&world, &mut replicas).await;
    let calls = world.sandbox.requests();
    let failed = calls.iter().filter(|call| call.fault.is_some()).count();
    world.sandbox.clear_faults();
    let settling = Instant::now();
    while arrived(&world).await < soak.paid.len() as u64 {
        let waited = settling.elapsed();
        assert!(waited < SETTLES_IN, "orders did not settle in time");
        sleep(Duration::from_millis(200)).await;
    }
    let settled_in = settling.elapsed();
    let at_the_end = memory_of(&replicas);
    for replica in replicas {
        replica.stop().await;
    }
    // Leases of killed tracking and inventory runs have not expired yet.
    sqlx::query("update veracore_lease set lease_until = now() - interval '1 second'")
        .execute(&world.tables)
        .await
        .unwrap();
    soak.is_right(&world).await;
    print_figures(&format!(
        "soak of {:?}: {} orders and {} packages, each once; {} calls to VeraCore, {failed} of them failed on purpose; {} kills; at rest {settled_in:.1?} after the last fault; memory at most {} kB, {at_the_end} kB at the end",
        duration(),
        soak.paid.len(),
        soak.shipped,
        calls.len(),
        soak.kills,
        soak.memory,
    ));
    assert!(soak.memory < MEMORY, "a process used {} kB", soak.memory);
    world.assert_settled().await;
}

#[expect(clippy::print_stdout, reason = "the figures are what a soak is for")]
fn print_figures(figures: &str) {
    println!("{figures}");
}
