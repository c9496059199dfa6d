//! What is done once a day across replicas, besides the jobs of the calendar: claimed by writing its
//! run down, and taken up again when whoever began it died or was told to stop.
//!
//! Must not know what is done. (`scheduler` does the same for stock and tracking, whose occurrences
//! may be many a day, and late ones of which are told.)

use chrono::{DateTime, Utc};
use tracing::Instrument as _;

use super::run_once::{JOB_LEASE_TTL, RunReport};
use crate::{
    ledger::{LeaseKey, Ledger, LedgerError, RunId, RunOrigin},
    sync::leases,
    telemetry::run_span,
};

/// A day's occurrence of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) struct DailyOccurrence {
    pub job: &'static str,
    pub at: DateTime<Utc>,
    /// Whether it is also due when this installation was first started after `at`.
    pub runs_on_first_day: bool,
    /// How often it is started, when it does not come to its end.
    pub max_starts: u32,
}

enum DueRun {
    New,
    Interrupted(RunId),
}

impl DailyOccurrence {
    /// Does the work if it is due and nobody is at it. A report without an outcome leaves the run to
    /// be taken up again. Returns whether it was begun.
    pub async fn run_if_due(
        self,
        ledger: &Ledger,
        now: DateTime<Utc>,
        work: impl AsyncFnOnce(RunId) -> RunReport,
    ) -> Result<bool, LedgerError> {
        // A look without the hold first: it would be in the way of a person's run every minute.
        if self.due_run(ledger, now).await?.is_none() {
            return Ok(false);
        }
        let Some(hold) = ledger
            .acquire_lease(&[LeaseKey::Job(self.job)], JOB_LEASE_TTL)
            .await?
        else {
            return Ok(false);
        };
        // Under the hold, an unfinished run is that of somebody who died.
        let run = match self.due_run(ledger, now).await? {
            Some(DueRun::New) => {
                ledger
                    .begin_run(self.job, self.at, RunOrigin::Schedule)
                    .await?
            }
            Some(DueRun::Interrupted(run)) => ledger.restart_run(run).await?,
            None => None,
        };
        if let Some(run) = run {
            let why = "it did not come to its end, and the next day's was due";
            ledger
                .fail_unfinished_runs(self.job, Some(run), why)
                .await?;
            let work = work(run).instrument(run_span(self.job, run.number()));
            match leases::keep_alive(ledger, &hold, JOB_LEASE_TTL, work).await {
                Some(report) => {
                    // Without an outcome it is taken up again by a later look.
                    if let Some(outcome) = report.outcome {
                        report.record(ledger, run, outcome).await?;
                    }
                }
                None => tracing::warn!(
                    job = self.job,
                    run = run.number(),
                    "the database was away for too long; the day's work was dropped half-way"
                ),
            }
        }
        ledger.release_lease(&hold).await?;
        Ok(run.is_some())
    }

    async fn due_run(
        self,
        ledger: &Ledger,
        now: DateTime<Utc>,
    ) -> Result<Option<DueRun>, LedgerError> {
        let state = ledger.occurrence_state(self.job, now).await?;
        let ours = state
            .first_started_at
            .is_some_and(|started| started <= self.at);
        if now < self.at || !(ours || self.runs_on_first_day) {
            return Ok(None);
        }
        Ok(match state.latest {
            Some(latest) if latest.scheduled_for >= self.at => (!latest.has_ended
                && latest.run.starts() < self.max_starts)
                .then_some(DueRun::Interrupted(latest.run)),
            _ => Some(DueRun::New),
        })
    }
}
