//! The tick: once a minute, in UTC, what is due is looked at, claimed and run.
//!
//! Owns how an occurrence gets from the calendar to its job, once across all replicas. Must not
//! know what a job does.
//!
//! tokio-cron-scheduler keeps a zone's offset as it was when a job was added (its issue 107), so it
//! is given nothing but the minute; which occurrence is due is decided here, with the clock.

use parking_lot::Mutex;
use std::{future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use tokio_cron_scheduler::{Job as CronJob, JobScheduler, JobSchedulerError};
use tracing::Instrument as _;

use super::{
    calendar::{Calendar, Job},
    due::{DueAction, LatestRun, MAX_STARTS, OccurrenceHistory, due_action},
    run_once::RunReport,
};
use crate::{
    clock::SharedClock,
    ledger::{Ledger, LedgerError, OccurrenceState, RunId, RunOrigin, RunOutcome},
    lifecycle::TaskGroup,
    telemetry::{LogOnce, run_span},
};

/// Every minute, at its beginning (seconds, minutes, hours, day, month, weekday).
const EVERY_MINUTE: &str = "0 * * * * *";

pub type Tick = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Calls `tick` once a minute until the stop.
pub async fn tick_every_minute(tick: Tick, tasks: TaskGroup) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    let job = CronJob::new_async(EVERY_MINUTE, move |_, _| tick())?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    tasks.wait_for_stop().await;
    if let Err(error) = scheduler.shutdown().await {
        tracing::debug!(%error, "the minute's tick did not end by itself");
    }
    Ok(())
}

/// A job that runs on a schedule, seen from here.
#[async_trait]
pub trait ScheduledJob: Send + Sync {
    fn job(&self) -> Job;

    /// Takes the job's exclusive lease across all replicas without waiting for it; `None` when
    /// somebody holds it.
    async fn try_acquire(&self) -> Result<Option<Box<dyn JobLease>>, LedgerError>;
}

/// The lease of a job, held.
#[async_trait]
pub trait JobLease: Send {
    /// One pass. Renews the lease as long as it takes, and comes to its end soon after the stop.
    /// The run is ended by the caller, who also logs a failure.
    async fn run(&mut self, run: RunId) -> RunReport;

    /// Gives the lease back.
    async fn release(self: Box<Self>);
}

/// Runs the jobs when they are due. Cheap to clone.
#[derive(Clone)]
pub struct Scheduler {
    jobs: Arc<[JobEntry]>,
    calendar: Arc<Calendar>,
    ledger: Ledger,
    clock: SharedClock,
    tasks: TaskGroup,
}

struct JobEntry {
    job: Arc<dyn ScheduledJob>,
    failure_log: Mutex<LogOnce>,
}

impl Scheduler {
    pub fn new(
        jobs: Vec<Arc<dyn ScheduledJob>>,
        calendar: Calendar,
        ledger: Ledger,
        clock: SharedClock,
        tasks: TaskGroup,
    ) -> Self {
        let entry = |job| JobEntry {
            job,
            failure_log: Mutex::new(LogOnce::new("VeraCore: a job cannot keep its schedule")),
        };
        Self {
            jobs: jobs.into_iter().map(entry).collect(),
            calendar: Arc::new(calendar),
            ledger,
            clock,
            tasks,
        }
    }

    /// Looks at every job, each in a task of its own: a pass may take longer than a minute, and
    /// the stop waits for it. A pass that panics ends its task; its run stays unfinished and is
    /// taken up again once the lease has run out.
    pub fn tick(&self) {
        for at in 0..self.jobs.len() {
            let this = self.clone();
            self.tasks.spawn("run_scheduled_job", async move {
                let entry = &this.jobs[at];
                let outcome = this.run_if_due(entry.job.as_ref()).await;
                let mut outage = entry.failure_log.lock();
                match outcome {
                    Ok(_) => outage.log_recovery(),
                    Err(error) => outage.log_failure(&error),
                }
            });
        }
    }

    /// What a tick does about one job: runs it if it is due, to the end. Returns the run.
    ///
    /// The lease comes before the look that counts. So an occurrence whose time comes during a
    /// long pass is run after it, and an unfinished run can only be that of a dead process.
    pub async fn run_if_due(&self, job: &dyn ScheduledJob) -> Result<Option<RunId>, LedgerError> {
        // A look without the lease first: it would be in the way of a person's pass every minute.
        let (_, due) = self.check_due(job.job()).await?;
        if due == DueAction::Nothing || self.tasks.is_stopping() {
            return Ok(None);
        }
        let Some(mut turn) = job.try_acquire().await? else {
            return Ok(None);
        };
        let outcome = self.run_under_lease(job.job(), turn.as_mut()).await;
        turn.release().await;
        outcome
    }

    async fn check_due(&self, job: Job) -> Result<(OccurrenceState, DueAction), LedgerError> {
        let now = self.clock.now();
        let state = self.ledger.occurrence_state(job.as_str(), now).await?;
        let known = OccurrenceHistory {
            first_started_at: state.first_started_at,
            latest: state.latest.map(|latest| LatestRun {
                scheduled_for: latest.scheduled_for,
                has_ended: latest.has_ended,
                starts: latest.run.starts(),
            }),
        };
        Ok((state, due_action(&self.calendar, job, now, &known)))
    }

    async fn run_under_lease(
        &self,
        job: Job,
        turn: &mut dyn JobLease,
    ) -> Result<Option<RunId>, LedgerError> {
        let (state, due) = self.check_due(job).await?;
        if self.tasks.is_stopping() {
            return Ok(None);
        }
        let run = match due {
            DueAction::Nothing => None,
            DueAction::Run {
                scheduled_for,
                late,
            } => self.claim_occurrence(job, scheduled_for, late).await?,
            DueAction::Restart => self.restart_run(job, &state).await?,
            DueAction::Abandon { reason: why } => {
                self.ledger
                    .fail_unfinished_runs(job.as_str(), None, why)
                    .await?;
                let occurrence = state
                    .latest
                    .map(|latest| self.local_time(latest.scheduled_for));
                tracing::error!(
                    job = job.as_str(),
                    occurrence,
                    "VeraCore: a run is given up: {why}"
                );
                None
            }
        };
        let Some(run) = run else { return Ok(None) };
        let work = async {
            let end = turn.run(run).await;
            self.record_outcome(run, &end).await
        };
        work.instrument(run_span(job.as_str(), run.number()))
            .await?;
        Ok(Some(run))
    }

    async fn claim_occurrence(
        &self,
        job: Job,
        scheduled_for: DateTime<Utc>,
        late: bool,
    ) -> Result<Option<RunId>, LedgerError> {
        let data = json!({
            "job": job.label(),
            "scheduledFor": scheduled_for,
            "startedAt": self.clock.now(),
        });
        let claimed = self
            .ledger
            .begin_run_with_event(
                job.as_str(),
                scheduled_for,
                RunOrigin::Schedule,
                &json!({}),
                late.then_some(("schedule.missed", &data)),
            )
            .await?;
        let Some(run) = claimed else { return Ok(None) };
        let why = "it did not come to its end, and a newer occurrence was due";
        let overtaken = self
            .ledger
            .fail_unfinished_runs(job.as_str(), Some(run), why)
            .await?;
        if overtaken > 0 {
            tracing::warn!(
                job = job.as_str(),
                run = run.number(),
                "VeraCore: a run that did not come to its end is overtaken by a newer one"
            );
        }
        if late {
            tracing::warn!(
                job = job.as_str(),
                run = run.number(),
                occurrence = self.local_time(scheduled_for),
                "VeraCore: the {} run was missed at its time; it is made up now",
                job.label()
            );
        }
        Ok(Some(run))
    }

    async fn restart_run(
        &self,
        job: Job,
        state: &OccurrenceState,
    ) -> Result<Option<RunId>, LedgerError> {
        let Some(latest) = state.latest else {
            return Ok(None);
        };
        let run = self.ledger.restart_run(latest.run).await?;
        if let Some(run) = run {
            tracing::warn!(
                job = job.as_str(),
                run = run.number(),
                occurrence = self.local_time(latest.scheduled_for),
                start = run.starts(),
                of = MAX_STARTS,
                "VeraCore: a run that did not come to its end is taken up again"
            );
        }
        Ok(run)
    }

    async fn record_outcome(&self, run: RunId, report: &RunReport) -> Result<(), LedgerError> {
        let message = report.message.as_deref();
        let Some(outcome) = report.outcome else {
            // Not at its end: a later tick, or a later process, takes it up again.
            return Ok(());
        };
        if outcome == RunOutcome::Failed {
            let error = message.unwrap_or("no reason was given");
            tracing::error!(error, "VeraCore: a scheduled run failed");
        }
        if !report.record(&self.ledger, run, outcome).await? {
            tracing::warn!(
                "VeraCore: the run was taken over by somebody else while it went on; its result is dropped"
            );
        }
        Ok(())
    }

    fn local_time(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.calendar.timezone()).to_rfc3339()
    }
}
