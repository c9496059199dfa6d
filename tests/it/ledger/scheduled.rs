//! A process with two stub jobs that record their runs.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::America::Los_Angeles;
use serde_json::json;
use tokio::sync::Notify;
use veracore_sync::{
    clock::{Clock as _, MockClock},
    ledger::{Ledger, RunId, RunReport},
    lifecycle::TaskGroup,
    sync::jobs::{
        Job,
        run_once::WorkResult,
        scheduler::{ScheduledJob, Scheduler},
    },
};

use crate::harness::{LedgerWorld, World, available_upstreams, scheduler, until};

/// The behavior of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Done,
    Fail,
    Panic,
    /// Runs until the test ends it, or forever.
    GoOn,
}

/// A stub job that records its runs.
pub struct Stub {
    job: Job,
    clock: Arc<MockClock>,
    act: Mutex<Act>,
    /// The start times of the runs.
    passes: Mutex<Vec<DateTime<Utc>>>,
    pub end: Notify,
    pub starts: AtomicU32,
}

#[async_trait]
impl ScheduledJob for Handle {
    fn job(&self) -> Job {
        self.0.job
    }

    async fn run_scheduled(&self, run: RunId) -> WorkResult {
        self.0.passes.lock().unwrap().push(self.0.clock.now());
        self.0.starts.store(run.starts(), Ordering::SeqCst);
        let act = *self.0.act.lock().unwrap();
        match act {
            Act::Done => {}
            Act::Fail => return WorkResult::failed(&"no luck"),
            Act::Panic => panic!("as it should"),
            Act::GoOn => self.0.end.notified().await,
        }
        WorkResult::Finished(RunReport::done(json!({ "looked": 1 })))
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

    /// The local start times of the runs.
    pub fn local(&self) -> Vec<String> {
        let shown = |at: &DateTime<Utc>| at.with_timezone(&Los_Angeles).format("%d %H:%M");
        self.passes()
            .iter()
            .map(|at| shown(at).to_string())
            .collect()
    }

    /// The expiry of the job's lease, if it is held.
    pub async fn lease(&self, world: &LedgerWorld) -> Option<DateTime<Utc>> {
        sqlx::query_scalar(
            "select lease_until from veracore_lease where name = $1 and lease_until > $2",
        )
        .bind(format!("job:{}", self.0.job.as_str()))
        .bind(world.clock.now())
        .fetch_optional(&world.pool)
        .await
        .unwrap()
    }

    pub async fn expire_lease(&self, world: &LedgerWorld) {
        self.lease_lasts(world, TimeDelta::seconds(-1)).await;
    }

    /// Renews the lease, as its holder does while real time passes.
    pub async fn renew_lease(&self, world: &LedgerWorld) {
        self.lease_lasts(world, TimeDelta::seconds(60)).await;
    }

    async fn lease_lasts(&self, world: &LedgerWorld, time: TimeDelta) {
        let held = sqlx::query("update veracore_lease set lease_until = $2 where name = $1")
            .bind(format!("job:{}", self.0.job.as_str()))
            .bind(world.clock.now() + time)
            .execute(&world.pool)
            .await
            .unwrap();
        assert_eq!(held.rows_affected(), 1, "nobody holds it");
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
    /// Starts a process; the stub jobs outlive it.
    pub fn start(world: &LedgerWorld, jobs: Option<(Handle, Handle)>) -> Self {
        Self::with_ledger(world, world.ledger.clone(), jobs)
    }

    /// Another replica with its own pool and the same jobs.
    pub fn replica(&self, world: &LedgerWorld, ledger: Ledger) -> Self {
        let jobs = (self.inventory.clone(), self.tracking.clone());
        Self::with_ledger(world, ledger, Some(jobs))
    }

    fn with_ledger(world: &LedgerWorld, ledger: Ledger, jobs: Option<(Handle, Handle)>) -> Self {
        let (inventory, tracking) =
            jobs.unwrap_or_else(|| (stub(world, Job::Inventory), stub(world, Job::Tracking)));
        let tasks = TaskGroup::new();
        let jobs: Vec<Arc<dyn ScheduledJob>> =
            vec![Arc::new(inventory.clone()), Arc::new(tracking.clone())];
        let scheduler = scheduler(
            jobs,
            ledger,
            world.clock.clone(),
            &tasks,
            available_upstreams(),
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

    /// Runs the scheduler for one minute.
    pub async fn minute(&self) {
        for job in [&self.inventory, &self.tracking] {
            self.scheduler.run_if_due(job).await.unwrap();
        }
    }

    /// Starts a run and crashes in it.
    pub async fn crash_in(&self, job: &Handle) {
        let before = job.passes().len();
        job.act(Act::GoOn);
        let started = until("the run starts", || async {
            job.passes().get(before).copied()
        });
        tokio::select! {
            ended = self.scheduler.run_if_due(job) => panic!("it ended: {ended:?}"),
            _ = started => {}
        }
        job.act(Act::Done);
    }
}

pub fn stub(world: &LedgerWorld, job: Job) -> Handle {
    Handle(Arc::new(Stub {
        job,
        clock: world.clock.clone(),
        act: Mutex::new(Act::Done),
        passes: Mutex::default(),
        end: Notify::new(),
        starts: AtomicU32::new(0),
    }))
}

pub fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// Sets the clock, forward or back.
pub fn set(world: &LedgerWorld, to: &str) {
    world.clock.advance(utc(to) - world.clock.now());
}

/// A world first started at this time.
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
