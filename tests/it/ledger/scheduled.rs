//! A process with two jobs that do nothing but remember their passes.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::America::Los_Angeles;
use serde_json::json;
use tokio::sync::Notify;
use veracore_sync::{
    clock::{Clock as _, MockClock},
    ledger::{Ledger, LedgerError, RunId, RunOutcome},
    lifecycle::TaskGroup,
    sync::{
        jobs::{Job, calendar::{Calendar, CalendarSettings}},
        jobs::run_once::RunReport,
        jobs::scheduler::{JobLease, ScheduledJob, Scheduler},
    },
};

use crate::harness::{LedgerWorld, World, until};

/// What a pass does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Done,
    Fail,
    Panic,
    /// Goes on until it is told to end, or never ends.
    GoOn,
}

/// A job that does nothing but remember its passes. Its lease outlives whoever dies with it, until
/// the test lets it run out.
pub struct Stub {
    job: Job,
    clock: Arc<MockClock>,
    act: Mutex<Act>,
    pub leased: AtomicBool,
    /// When passes began.
    passes: Mutex<Vec<DateTime<Utc>>>,
    pub end: Notify,
    pub starts: AtomicU32,
}

struct Held(Arc<Stub>);

#[async_trait]
impl ScheduledJob for Handle {
    fn job(&self) -> Job {
        self.0.job
    }

    async fn try_acquire(&self) -> Result<Option<Box<dyn JobLease>>, LedgerError> {
        let free = !self.0.leased.swap(true, Ordering::SeqCst);
        Ok(free.then(|| Box::new(Held(Arc::clone(&self.0))) as Box<dyn JobLease>))
    }
}

#[async_trait]
impl JobLease for Held {
    async fn run(&mut self, run: RunId) -> RunReport {
        self.0.passes.lock().unwrap().push(self.0.clock.now());
        self.0.starts.store(run.starts(), Ordering::SeqCst);
        let act = *self.0.act.lock().unwrap();
        match act {
            Act::Done | Act::Fail => {}
            Act::Panic => panic!("as it should"),
            Act::GoOn => self.0.end.notified().await,
        }
        RunReport {
            outcome: Some(if act == Act::Fail {
                RunOutcome::Failed
            } else {
                RunOutcome::Done
            }),
            result: json!({ "looked": 1 }),
            message: (act == Act::Fail).then(|| "no luck".into()),
            event: None,
        }
    }

    async fn release(self: Box<Self>) {
        self.0.leased.store(false, Ordering::SeqCst);
    }
}

#[derive(Clone)]
pub struct Handle(pub Arc<Stub>);

impl Handle {
    pub fn act(&self, act: Act) {
        *self.0.act.lock().unwrap() = act;
    }

    pub fn passes(&self) -> Vec<DateTime<Utc>> {
        self.0.passes.lock().unwrap().clone()
    }

    /// The local times of its passes.
    pub fn local(&self) -> Vec<String> {
        let shown = |at: &DateTime<Utc>| at.with_timezone(&Los_Angeles).format("%d %H:%M");
        self.passes()
            .iter()
            .map(|at| shown(at).to_string())
            .collect()
    }

    pub fn lease_runs_out(&self) {
        self.0.leased.store(false, Ordering::SeqCst);
    }
}

/// A process: a scheduler with both jobs.
pub struct Process {
    pub scheduler: Scheduler,
    pub inventory: Handle,
    pub tracking: Handle,
    pub tasks: TaskGroup,
}

impl Process {
    /// The stubs live on when a process ends.
    pub fn start(world: &LedgerWorld, jobs: Option<(Handle, Handle)>) -> Self {
        Self::with_ledger(world, world.ledger.clone(), jobs)
    }

    /// Another replica: a pool of its own, and the same jobs with their leases.
    pub fn replica(&self, world: &LedgerWorld, ledger: Ledger) -> Self {
        let jobs = (self.inventory.clone(), self.tracking.clone());
        Self::with_ledger(world, ledger, Some(jobs))
    }

    fn with_ledger(world: &LedgerWorld, ledger: Ledger, jobs: Option<(Handle, Handle)>) -> Self {
        let (inventory, tracking) =
            jobs.unwrap_or_else(|| (stub(world, Job::Inventory), stub(world, Job::Tracking)));
        let tasks = TaskGroup::new();
        let scheduler = Scheduler::new(
            vec![Arc::new(inventory.clone()), Arc::new(tracking.clone())],
            calendar(),
            ledger,
            world.clock.clone(),
            tasks.clone(),
        );
        Self {
            scheduler,
            inventory,
            tracking,
            tasks,
        }
    }

    /// Another process with the same jobs.
    pub fn restart(self, world: &LedgerWorld) -> Self {
        Self::start(world, Some((self.inventory, self.tracking)))
    }

    /// A minute's look at both jobs.
    pub async fn minute(&self) {
        for job in [&self.inventory, &self.tracking] {
            self.scheduler.run_if_due(job).await.unwrap();
        }
    }

    /// Begins a pass, and dies in it.
    pub async fn dies_in(&self, job: &Handle) {
        let before = job.passes().len();
        job.act(Act::GoOn);
        let begun = until("the pass begins", || async {
            job.passes().get(before).copied()
        });
        tokio::select! {
            ended = self.scheduler.run_if_due(job) => panic!("it ended: {ended:?}"),
            _ = begun => {}
        }
        job.act(Act::Done);
    }
}

pub fn stub(world: &LedgerWorld, job: Job) -> Handle {
    Handle(Arc::new(Stub {
        job,
        clock: world.clock.clone(),
        act: Mutex::new(Act::Done),
        leased: AtomicBool::new(false),
        passes: Mutex::default(),
        end: Notify::new(),
        starts: AtomicU32::new(0),
    }))
}

fn calendar() -> Calendar {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    Calendar::new(CalendarSettings {
        timezone: Los_Angeles,
        inventory_time: time(2),
        inventory_interval_minutes: 1440,
        tracking_interval_minutes: 30,
        business_opens_at: time(9),
        business_closes_at: time(19),
        business_days: vec![
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
            Weekday::Fri,
        ],
    })
}

pub fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// Sets the clock, forwards or back.
pub fn set(world: &LedgerWorld, to: &str) {
    world.clock.advance(utc(to) - world.clock.now());
}

/// A world whose first start was at that moment.
pub async fn first_started(name: &str, at: &str) -> LedgerWorld {
    let world = World::ledger_only(name).await;
    set(&world, at);
    world.ledger.record_first_start().await.unwrap();
    world
}

pub async fn minutes_until(world: &LedgerWorld, process: &Process, to: &str) {
    while world.clock.now() < utc(to) {
        process.minute().await;
        world.clock.advance(TimeDelta::minutes(1));
    }
}
