//! What runs until the stop: the lease driver, which keeps as many orders in work as allowed and no
//! more claimed than in work, and the loop that looks for orders. Must not decide about an order.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tracing::Instrument as _;

use super::{
    orders::{
        OrderSync,
        discover::{DiscoverError, Watch},
    },
    outage::Outage,
    upstreams::Upstreams,
};
use crate::{
    clock::SharedClock,
    domain::SyncStatus,
    ledger::{Claimed, Ledger, LedgerError, Origin, RunOutcome, Word},
    lifecycle::Tasks,
    telemetry::{of_order, of_run},
};

/// The name of the look at all orders in a trigger state, in the table of runs.
pub const SWEEP: &str = "sweep_orders";

/// The longest sleep between two looks at the ledger while nobody can tell of orders that another
/// process found.
const LONGEST_SLEEP: Duration = Duration::from_secs(2);

/// After a sweep that failed, in poll intervals.
const FAILED_SWEEP_PAUSE: u32 = 3;

/// After a database error.
const PAUSE: Duration = Duration::from_secs(2);

/// How often orders are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    pub poll: Duration,
    pub sweep: Duration,
}

/// What wakes those who wait. Several rings before one of them looks count as one. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Bells {
    /// There may be new orders in the shop. (Of orders that are due tells the ledger.)
    pub look: Arc<Notify>,
}

/// Between two looks for orders, however often the bell rings.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// Works on due orders until the stop; orders in work are finished then, none is begun.
pub async fn submit_orders(
    service: OrderSync,
    clock: SharedClock,
    upstreams: Upstreams,
    tasks: Tasks,
) {
    let slots = Arc::new(Semaphore::new(service.settings().concurrency as usize));
    let trouble = Trouble::of(service.ledger().clone());
    while !tasks.stopping() {
        if !upstreams.are_closed() {
            upstreams.closed(&tasks).await;
            continue;
        }
        let mut free = u32::try_from(slots.available_permits()).unwrap_or(1);
        if trouble.goes_on() {
            // One order is tried now and then, and no other is taken from whoever could send it.
            tasks.sleep(PAUSE).await;
            free = free.min(1);
        }
        if tasks.stopping() {
            return;
        }
        let claimed = match service.claim(free, None).await {
            Ok(claimed) => claimed,
            Err(error) => {
                trouble.found(&error, false);
                continue;
            }
        };
        trouble.claimed(claimed.len(), service.settings().lease);
        let full = claimed.len() == free as usize;
        for order in claimed {
            // There are as many permits as orders were claimed: this never waits.
            let Ok(permit) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            let (service, trouble) = (service.clone(), trouble.clone());
            tasks.spawn("submit_order", async move {
                match work(&service, &order).await {
                    Worked::Recorded(_) => trouble.is_over(),
                    Worked::Dropped => {}
                    Worked::Away(error) => trouble.found(&error, true),
                }
                drop(permit);
            });
        }
        if full {
            // As soon as one is done there may be more to claim.
            tokio::select! {
                () = tasks.stopped() => {}
                permit = slots.acquire() => drop(permit),
            }
        } else {
            let nap = until_next(&service, &clock, trouble.goes_on()).await;
            tokio::select! {
                () = tasks.stopped() => {}
                () = service.ledger().told(Word::Orders, nap) => {}
            }
        }
    }
}

/// What came of working on an order.
pub enum Worked {
    /// Where it stands now.
    Recorded(SyncStatus),
    /// What was done about it could not be recorded; that was logged, and stops no other order.
    Dropped,
    /// The database is away, or takes nothing: so it is for every order.
    Away(LedgerError),
}

/// Works on one order, whatever happens to it.
pub async fn work(service: &OrderSync, order: &Claimed) -> Worked {
    work_within(service, order)
        .instrument(of_order(&order.code))
        .await
}

async fn work_within(service: &OrderSync, order: &Claimed) -> Worked {
    match service.work_on(order).await {
        Ok(status) => Worked::Recorded(status),
        Err(LedgerError::LeaseLost { code }) => {
            tracing::warn!(
                order = code,
                "VeraCore: the order's lease ran out while it was worked on; the next holder looks into it"
            );
            Worked::Dropped
        }
        Err(error) if error.is_away() => Worked::Away(error),
        Err(error) => {
            tracing::error!(order = %order.code, %error, "VeraCore: what was done about the order could not be recorded; it is looked into when its lease has run out");
            Worked::Dropped
        }
    }
}

/// That the ledger cannot be read or written, as those find who work on orders: told once, and kept
/// where `/readyz` finds it.
#[derive(Clone)]
struct Trouble {
    ledger: Ledger,
    state: Arc<Mutex<TroubleState>>,
}

struct TroubleState {
    outage: Outage,
    /// When an order's intent or outcome could last not be written.
    at_work: Option<Instant>,
}

impl Trouble {
    fn of(ledger: Ledger) -> Self {
        let state = TroubleState {
            outage: Outage::of("orders cannot be worked on"),
            at_work: None,
        };
        Self {
            ledger,
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, TroubleState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn goes_on(&self) -> bool {
        self.state().outage.is_going_on()
    }

    fn found(&self, error: &LedgerError, at_work: bool) {
        let mut state = self.state();
        state.outage.goes_on(error);
        if at_work {
            state.at_work = Some(Instant::now());
        }
        self.ledger.note_trouble(Some(error.to_string()));
    }

    /// Orders could be claimed. That alone does not say that an intent can be written: an order that
    /// could not be worked on must be, unless it comes back no more.
    fn claimed(&self, orders: usize, lease: Duration) {
        let at_work = self.state().at_work;
        if at_work.is_none_or(|at| orders == 0 && at.elapsed() > lease + LONGEST_SLEEP) {
            self.is_over();
        }
    }

    fn is_over(&self) {
        let mut state = self.state();
        state.outage.is_over();
        state.at_work = None;
        self.ledger.note_trouble(None);
    }
}

async fn until_next(service: &OrderSync, clock: &SharedClock, in_trouble: bool) -> Duration {
    let longest = if in_trouble {
        LONGEST_SLEEP
    } else {
        service.ledger().pace(LONGEST_SLEEP)
    };
    match service.ledger().backlog().await {
        Ok(backlog) if backlog.due > 0 => Duration::from_millis(50),
        Ok(backlog) => backlog
            .next
            .map_or(longest, |at| {
                (at - clock.now()).to_std().unwrap_or_default()
            })
            .clamp(Duration::from_millis(50), longest),
        Err(_) => PAUSE,
    }
}

/// Looks for orders until the stop: a sweep at the start and at every sweep interval, the newest
/// page in between, and a sweep at once when that page does not explain what changed.
pub async fn discover_orders(
    service: OrderSync,
    bells: Bells,
    intervals: Intervals,
    clock: SharedClock,
    upstreams: Upstreams,
    tasks: Tasks,
) {
    let mut watch = Watch::default();
    let mut outage = Outage::of("orders cannot be looked for");
    let mut sweeps = Outage::of("not all orders can be gone through");
    let mut sweep_is_due = true;
    let mut next_sweep = Instant::now();
    let mut not_before = Instant::now();
    while !tasks.stopping() {
        if !upstreams.shop.is_closed() {
            tasks.sleep(intervals.poll).await;
            continue;
        }
        sweep_is_due |= Instant::now() >= next_sweep;
        // Also when a sweep is due: should it fail half-way, new orders are found all the same.
        match service.look_at_newest(&mut watch).await {
            Ok(looked) => {
                outage.is_over();
                sweep_is_due |= looked.sweep;
                if looked.taken_in > 0 {
                    service.ledger().tell(Word::Orders).await;
                }
            }
            Err(error) => outage.goes_on(&error),
        }
        if sweep_is_due && Instant::now() >= not_before && !tasks.stopping() {
            match sweep(&service, &mut watch, &clock).await {
                Ok(taken_in) => {
                    sweeps.is_over();
                    sweep_is_due = false;
                    next_sweep = Instant::now() + intervals.sweep;
                    if taken_in > 0 {
                        service.ledger().tell(Word::Orders).await;
                    }
                }
                Err(DiscoverError::Stopped) => {}
                Err(error) => {
                    sweeps.goes_on(&error);
                    not_before = Instant::now() + intervals.poll * FAILED_SWEEP_PAUSE;
                }
            }
        }
        tasks.sleep(LEAST_PAUSE.min(intervals.poll)).await;
        tokio::select! {
            () = tasks.sleep(intervals.poll.saturating_sub(LEAST_PAUSE)) => {}
            () = bells.look.notified() => watch.look_closely(),
        }
    }
}

/// A sweep, with its run in the ledger. Returns how many orders it took in.
///
/// # Errors
/// As for [`OrderSync::sweep`].
pub async fn sweep(
    service: &OrderSync,
    watch: &mut Watch,
    clock: &SharedClock,
) -> Result<u64, DiscoverError> {
    let run = service
        .ledger()
        .begin_run(SWEEP, clock.now(), Origin::Schedule)
        .await?;
    let outcome = match run {
        Some(run) => {
            let span = of_run(SWEEP, run.number());
            service.sweep(watch).instrument(span).await
        }
        None => service.sweep(watch).await,
    };
    if let Some(run) = run {
        let (ended, result, message) = match &outcome {
            Ok(swept) => (
                RunOutcome::Done,
                serde_json::to_value(swept).unwrap_or_default(),
                None,
            ),
            Err(error) => (
                RunOutcome::Failed,
                serde_json::Value::default(),
                Some(error.to_string()),
            ),
        };
        service
            .ledger()
            .end_run(run, ended, &result, message.as_deref())
            .await?;
    }
    outcome.map(|swept| swept.taken_in)
}
