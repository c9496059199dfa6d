//! Running a pass of a job because a person wishes it, or VeraCore told of something: by one at a time
//! across replicas, and on record from its beginning to its end. (`scheduler` does the same for what
//! is due.)

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use serde_json::Value;
use tracing::Instrument as _;

use crate::{
    clock::SharedClock,
    ledger::{LeaseKey, Ledger, LedgerError, RunId, RunOrigin, RunOutcome},
    sync::leases,
    telemetry::run_span,
};

/// How long a job stays held by somebody who died. It is lengthened while the pass goes on.
pub const JOB_LEASE_TTL: Duration = Duration::from_secs(60);

/// Called with how many of how many things a pass has dealt with.
pub type OnProgress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Nobody watches how far a pass is.
pub fn ignore_progress() -> OnProgress {
    Arc::new(|_, _| {})
}

/// How a pass ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// `None`: it did not come to its end, and is taken up again.
    pub outcome: Option<RunOutcome>,
    /// What it did, in numbers; for the ledger and `status`.
    pub result: Value,
    /// Why it failed or was held.
    pub message: Option<String>,
    /// What others are told of it.
    pub event: Option<(&'static str, Value)>,
}

impl RunReport {
    /// Of a pass that did not come to its end.
    pub fn unfinished() -> Self {
        Self {
            outcome: None,
            result: serde_json::json!({}),
            message: None,
            event: None,
        }
    }

    /// Ends the run with it. `false`: somebody else did meanwhile.
    pub async fn record(
        &self,
        ledger: &Ledger,
        run: RunId,
        outcome: RunOutcome,
    ) -> Result<bool, LedgerError> {
        let event = self.event.as_ref().map(|(event, data)| (*event, data));
        ledger
            .finish_run_with_event(run, outcome, &self.result, self.message.as_deref(), event)
            .await
    }
}

/// What came of a wish for a pass.
#[derive(Debug, PartialEq)]
pub enum RunAttempt<T> {
    Completed(RunId, T),
    /// A pass is going on already.
    AlreadyRunning,
    /// The database was away for so long that somebody else may have begun a pass; this one was
    /// dropped half-way.
    LeaseLost,
}

/// Runs a pass because a person wishes it.
pub async fn run_manually<T>(
    ledger: &Ledger,
    clock: &SharedClock,
    job: &str,
    work: impl AsyncFnOnce(RunId) -> (T, RunReport),
) -> Result<RunAttempt<T>, LedgerError> {
    let about = serde_json::json!({});
    run_now(ledger, clock, job, RunOrigin::Operator, about, work).await
}

/// Runs a pass at this moment, for whatever reason. `about`: what is known of it from its beginning.
pub async fn run_now<T>(
    ledger: &Ledger,
    clock: &SharedClock,
    job: &str,
    origin: RunOrigin,
    about: Value,
    work: impl AsyncFnOnce(RunId) -> (T, RunReport),
) -> Result<RunAttempt<T>, LedgerError> {
    let Some(hold) = ledger
        .acquire_lease(&[LeaseKey::Job(job)], JOB_LEASE_TTL)
        .await?
    else {
        return Ok(RunAttempt::AlreadyRunning);
    };
    let mut at = clock.now();
    let run = loop {
        match ledger
            .begin_run_with_event(job, at, origin, &about, None)
            .await?
        {
            Some(run) => break run,
            // Another run has this very moment: no two have the same.
            None => at += TimeDelta::microseconds(1),
        }
    };
    let work = work(run).instrument(run_span(job, run.number()));
    let Some((value, report)) = leases::keep_alive(ledger, &hold, JOB_LEASE_TTL, work).await else {
        return Ok(RunAttempt::LeaseLost);
    };
    // A wish that was not carried to its end is not taken up again: whoever had it asks again.
    let outcome = report.outcome.unwrap_or(RunOutcome::Failed);
    report.record(ledger, run, outcome).await?;
    ledger.release_lease(&hold).await?;
    Ok(RunAttempt::Completed(run, value))
}
