//! The one way to run a job: claim it, keep its lease, run it, record the outcome.
//!
//! At most one run of a job is in progress across all replicas. Scheduled runs and runs on request differ
//! in what starts them and in what happens when they are interrupted. Must not know what a job does.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::{
    calendar::Calendar,
    due::{DueAction, due_action},
    job::Job,
};
use crate::{
    clock::SharedClock,
    ledger::{
        JOB_LEASE_TTL, Lease, LeaseKey, Ledger, LedgerError, RunId, RunOrigin, RunOutcome,
        RunReport, RunStart,
    },
    lifecycle::TaskGroup,
    sync::{error::SyncError, leases},
    telemetry::run_span,
};

/// Called with the items done and the items in total.
pub type OnProgress = Arc<dyn Fn(u64, u64) + Send + Sync>;

pub fn ignore_progress() -> OnProgress {
    Arc::new(|_, _| {})
}

pub enum Trigger<'a> {
    /// Its schedule, if it is due.
    Due(&'a Schedule),
    /// A request, with what it is about (such as one SKU), shown while the job runs.
    Now { origin: RunOrigin, details: Value },
}

impl Trigger<'_> {
    /// A request for a whole run.
    pub fn now(origin: RunOrigin) -> Self {
        let details = json!({});
        Self::Now { origin, details }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum WorkResult {
    Finished(RunReport),
    /// A scheduled run is restarted; a run on request has failed.
    Interrupted {
        reason: String,
    },
}

impl WorkResult {
    pub fn failed(error: &impl std::fmt::Display) -> Self {
        Self::Finished(RunReport::failed(error.to_string()))
    }

    /// The end of a run: its report, or its error.
    pub fn of<T>(outcome: &Result<T, SyncError>, report: impl FnOnce(&T) -> RunReport) -> Self {
        match outcome {
            Ok(summary) => Self::Finished(report(summary)),
            Err(error @ SyncError::Stopped) => Self::interrupted(error),
            Err(error) => Self::failed(error),
        }
    }

    pub fn interrupted(reason: &impl std::fmt::Display) -> Self {
        Self::Interrupted {
            reason: reason.to_string(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum RunAttempt<T> {
    Completed(RunId, T),
    /// Another run of the job holds its lease, or the job is not due.
    NotStarted,
    /// The database was unavailable for longer than the lease; the run was dropped halfway, since
    /// another may have started.
    LeaseLost,
}

/// Runs a job once, if no other run of it is in progress. `report` logs and reports its outcome.
pub async fn run_once<T>(
    ledger: &Ledger,
    job: Job,
    trigger: Trigger<'_>,
    work: impl AsyncFnOnce(RunId) -> T,
    report: impl FnOnce(RunId, &T) -> WorkResult,
) -> Result<RunAttempt<T>, LedgerError> {
    // Checked without the lease first, which would block requests every minute.
    if let Trigger::Due(schedule) = &trigger
        && schedule.due_action(ledger, job).await? == DueAction::Nothing
    {
        return Ok(RunAttempt::NotStarted);
    }
    let key = [LeaseKey::Job(job.as_str())];
    let attempt = leases::with_lease(ledger, &key, JOB_LEASE_TTL, async |lease| {
        let Some(run) = start_run(ledger, job, &trigger, &lease).await? else {
            return Ok(RunAttempt::NotStarted);
        };
        let work = async {
            let kept = leases::keep_alive(ledger, &lease, JOB_LEASE_TTL, work(run)).await;
            let Some(outcome) = kept else {
                tracing::error!(
                    job = job.as_str(),
                    "VeraCore: database unavailable for too long; run dropped halfway"
                );
                return Ok(RunAttempt::LeaseLost);
            };
            if let Some(report) = report_to_record(job, &trigger, report(run, &outcome))
                && !ledger.finish_run(run, &report).await?
            {
                tracing::warn!("VeraCore: run was restarted elsewhere; its result is dropped");
            }
            Ok(RunAttempt::Completed(run, outcome))
        };
        // A panic skips the end: the lease expires and the run is restarted.
        work.instrument(run_span(job.as_str(), run.number())).await
    });
    attempt.await?.unwrap_or(Ok(RunAttempt::NotStarted))
}

async fn start_run(
    ledger: &Ledger,
    job: Job,
    trigger: &Trigger<'_>,
    lease: &Lease,
) -> Result<Option<RunId>, LedgerError> {
    match trigger {
        Trigger::Now { origin, details } => {
            let origin = *origin;
            let start = RunStart::Now { origin, details };
            ledger.start_run(Some(lease), job.as_str(), start).await
        }
        Trigger::Due(schedule) => schedule.claim(ledger, job, lease).await,
    }
}

/// The report to record; `None` leaves the run unfinished, to be restarted. The caller of a requested
/// run logs its failure.
fn report_to_record(job: Job, trigger: &Trigger<'_>, result: WorkResult) -> Option<RunReport> {
    match (trigger, result) {
        (Trigger::Now { .. }, WorkResult::Finished(report)) => Some(report),
        (Trigger::Now { .. }, WorkResult::Interrupted { reason }) => {
            Some(RunReport::failed(reason))
        }
        (Trigger::Due(schedule), WorkResult::Interrupted { reason }) => {
            if schedule.tasks.is_stopping() {
                tracing::info!("VeraCore: run interrupted by the stop; it is restarted later");
            } else {
                tracing::warn!(reason, "VeraCore: run interrupted; it is restarted shortly");
            }
            None
        }
        (Trigger::Due(_), WorkResult::Finished(report)) => {
            if report.outcome == RunOutcome::Failed {
                let error = report.message.as_deref();
                if job.is_critical() {
                    tracing::error!(error, "VeraCore: scheduled run failed");
                } else {
                    tracing::warn!(
                        error,
                        "VeraCore: scheduled run failed; the next one follows"
                    );
                }
            }
            Some(report)
        }
    }
}

/// Decides which scheduled run is due. Cheap to clone.
#[derive(Clone)]
pub struct Schedule {
    pub calendar: Arc<Calendar>,
    pub clock: SharedClock,
    pub tasks: TaskGroup,
}

impl Schedule {
    async fn due_action(&self, ledger: &Ledger, job: Job) -> Result<DueAction, LedgerError> {
        let now = self.clock.now();
        let known = ledger.occurrence_state(job.as_str(), now).await?;
        if self.tasks.is_stopping() {
            return Ok(DueAction::Nothing);
        }
        Ok(due_action(&self.calendar, job, now, &known))
    }

    /// Starts what is due, decided under the lease: an unfinished run belongs to a dead process,
    /// and an occurrence that came due during a long run follows it.
    async fn claim(
        &self,
        ledger: &Ledger,
        job: Job,
        lease: &Lease,
    ) -> Result<Option<RunId>, LedgerError> {
        let missed;
        let (start, occurrence) = match self.due_action(ledger, job).await? {
            DueAction::Nothing => return Ok(None),
            DueAction::Abandon { latest, reason } => {
                let report = RunReport::failed(reason);
                ledger.finish_run(latest.run, &report).await?;
                tracing::error!(
                    job = job.as_str(),
                    occurrence = self.local_time(latest.scheduled_for),
                    reason,
                    "VeraCore: unfinished run abandoned"
                );
                return Ok(None);
            }
            DueAction::Restart(latest) => (RunStart::Restart(latest.run), latest.scheduled_for),
            DueAction::Run {
                scheduled_for,
                is_missed,
            } => {
                missed = (is_missed && job.reports_missed_runs()).then(|| {
                    json!({
                        "job": job.label(),
                        "scheduledFor": scheduled_for,
                        "startedAt": self.clock.now(),
                    })
                });
                let missed = missed.as_ref();
                let start = RunStart::Occurrence {
                    scheduled_for,
                    missed,
                };
                (start, scheduled_for)
            }
        };
        let run = ledger.start_run(Some(lease), job.as_str(), start).await?;
        if let Some(run) = run {
            self.log_start(job, run, start, occurrence);
        }
        Ok(run)
    }

    fn log_start(&self, job: Job, run: RunId, start: RunStart<'_>, occurrence: DateTime<Utc>) {
        let occurrence = self.local_time(occurrence);
        match start {
            RunStart::Restart(_) => tracing::warn!(
                job = job.as_str(),
                run = run.number(),
                occurrence,
                start = run.starts(),
                of = job.max_starts(),
                "VeraCore: unfinished run restarted"
            ),
            RunStart::Occurrence {
                missed: Some(_), ..
            } => tracing::warn!(
                job = job.as_str(),
                run = run.number(),
                occurrence,
                "VeraCore: starting a scheduled run that was missed"
            ),
            _ => {}
        }
    }

    fn local_time(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.calendar.timezone()).to_rfc3339()
    }
}
