//! The scheduler: once a minute it runs the jobs that are due.
//!
//! tokio-cron-scheduler keeps the UTC offset that a zone had when a job was added (its issue 107),
//! so it only ticks, in UTC; `due` decides with the clock. Must not know what a job does.

use std::{future::ready, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_cron_scheduler::{Job as CronJob, JobScheduler, JobSchedulerError};

use super::{
    job::Job,
    run_once::{RunAttempt, Schedule, Trigger, WorkResult, run_once},
};
use crate::{
    ledger::{Ledger, LedgerError, RunId},
    sync::upstreams::Upstreams,
    telemetry::LogOnce,
};

/// Every minute, at its beginning (seconds, minutes, hours, day, month, weekday).
const EVERY_MINUTE: &str = "0 * * * * *";

/// A tick that is later than this will not come.
const TICK_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The first minutes of a process belong to the first order sweep.
const RECONCILE_START_DELAY: Duration = Duration::from_secs(60);

#[async_trait]
pub trait ScheduledJob: Send + Sync {
    fn job(&self) -> Job;

    /// One run. Ends soon after the stop.
    async fn run_scheduled(&self, run: RunId) -> WorkResult;
}

/// Runs the jobs when they are due. Cheap to clone.
#[derive(Clone)]
pub struct Scheduler {
    jobs: Arc<[JobEntry]>,
    schedule: Schedule,
    ledger: Ledger,
    upstreams: Upstreams,
    started_at: Instant,
}

struct JobEntry {
    job: Arc<dyn ScheduledJob>,
    failure_log: Mutex<LogOnce>,
}

impl Scheduler {
    pub fn new(
        jobs: Vec<Arc<dyn ScheduledJob>>,
        schedule: Schedule,
        ledger: Ledger,
        upstreams: Upstreams,
    ) -> Self {
        let entry = |job: Arc<dyn ScheduledJob>| JobEntry {
            failure_log: Mutex::new(LogOnce::new(match job.job() {
                Job::Inventory => "VeraCore: inventory cannot run on schedule",
                Job::Tracking => "VeraCore: tracking cannot run on schedule",
                Job::Reconcile => "VeraCore: reconciliation cannot run on schedule",
                Job::Maintenance => "maintenance of the ledger cannot run on schedule",
            })),
            job,
        };
        Self {
            jobs: jobs.into_iter().map(entry).collect(),
            schedule,
            ledger,
            upstreams,
            started_at: Instant::now(),
        }
    }

    /// Ticks at once, so that missed runs are made up without delay, and then once a minute until
    /// the stop.
    pub fn spawn(self) {
        self.tick();
        self.schedule
            .tasks
            .clone()
            .spawn_critical("tick_every_minute", async move {
                if let Err(error) = self.tick_every_minute().await {
                    tracing::error!(%error, "cannot start the scheduler");
                }
            });
    }

    async fn tick_every_minute(self) -> Result<(), JobSchedulerError> {
        let tasks = self.schedule.tasks.clone();
        let heartbeat = tasks.register_heartbeat("tick_every_minute", TICK_TIMEOUT);
        // Expected only while this task runs; the tick may outlive it.
        let weak_heartbeat = Arc::downgrade(&heartbeat);
        let mut cron = JobScheduler::new().await?;
        let job = CronJob::new_async(EVERY_MINUTE, move |_, _| {
            if let Some(heartbeat) = weak_heartbeat.upgrade() {
                heartbeat.beat();
            }
            self.tick();
            Box::pin(ready(()))
        })?;
        cron.add(job).await?;
        cron.start().await?;
        tasks.wait_for_stop().await;
        if let Err(error) = cron.shutdown().await {
            tracing::debug!(%error, "the scheduler did not shut down cleanly");
        }
        Ok(())
    }

    /// Checks every job in a task of its own: a run may take longer than a minute, and the stop
    /// waits for it.
    pub fn tick(&self) {
        for index in 0..self.jobs.len() {
            let this = self.clone();
            self.schedule
                .tasks
                .spawn("run_scheduled_job", async move { this.check(index).await });
        }
    }

    async fn check(&self, index: usize) {
        let entry = &self.jobs[index];
        if entry.job.job() == Job::Reconcile && self.started_at.elapsed() < RECONCILE_START_DELAY {
            return;
        }
        let outcome = self.run_if_due(entry.job.as_ref()).await;
        let mut failure_log = entry.failure_log.lock();
        match outcome {
            Ok(_) => failure_log.log_recovery(),
            Err(error) => failure_log.log_failure(&error),
        }
    }

    /// Runs a job to its end if it is due. While an upstream is down it stays due.
    pub async fn run_if_due(
        &self,
        job: &dyn ScheduledJob,
    ) -> Result<RunAttempt<WorkResult>, LedgerError> {
        if job.job().needs_upstreams() && !self.upstreams.are_available() {
            return Ok(RunAttempt::NotStarted);
        }
        let trigger = Trigger::Due(&self.schedule);
        let work = async |run| job.run_scheduled(run).await;
        let report = |_, result: &WorkResult| result.clone();
        run_once(&self.ledger, job.job(), trigger, work, report).await
    }
}
