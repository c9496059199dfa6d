//! The jobs that run on a schedule: stock and tracking, each by one at a time across replicas.

use async_trait::async_trait;

use super::{
    due::MOST_STARTS,
    holding,
    inventory::{Counts, InventoryError, InventorySync, Summary, Wish},
    passes::{HOLD, Report, unwatched},
    schedule::Job,
    scheduler::{ScheduledJob, Turn},
    tracking::TrackingSync,
    upstreams::Upstreams,
};
use crate::ledger::{Held, Hold, Ledger, LedgerError, RunId};

/// A service of which a pass runs on a schedule.
#[async_trait]
pub trait Passing: Clone + Send + Sync + 'static {
    const JOB: Job;

    /// One pass, and what is to be recorded of it.
    async fn pass_now(&self, run: RunId) -> Report;
}

/// Such a service, for the scheduler.
pub struct Scheduled<S> {
    pub service: S,
    pub ledger: Ledger,
    pub upstreams: Upstreams,
}

struct Holder<S> {
    service: S,
    ledger: Ledger,
    hold: Hold,
}

#[async_trait]
impl<S: Passing> ScheduledJob for Scheduled<S> {
    fn job(&self) -> Job {
        S::JOB
    }

    async fn take_turn(&self) -> Result<Option<Box<dyn Turn>>, LedgerError> {
        if !self.upstreams.are_closed() {
            // It is due still when they are back, and made up then.
            return Ok(None);
        }
        let what = [Held::Job(S::JOB.as_str())];
        let hold = self.ledger.hold(&what, HOLD).await?;
        Ok(hold.map(|hold| -> Box<dyn Turn> {
            Box::new(Holder {
                service: self.service.clone(),
                ledger: self.ledger.clone(),
                hold,
            })
        }))
    }
}

#[async_trait]
impl<S: Passing> Turn for Holder<S> {
    async fn run(&mut self, run: RunId) -> Report {
        let pass = self.service.pass_now(run);
        match holding::keep(&self.ledger, &self.hold, HOLD, pass).await {
            Some(report) => report,
            None => {
                tracing::error!(
                    job = S::JOB.as_str(),
                    "VeraCore: the database was away for too long; the pass was dropped half-way"
                );
                Report::unfinished()
            }
        }
    }

    async fn give_back(self: Box<Self>) {
        if let Err(error) = self.ledger.let_go(&self.hold).await {
            tracing::debug!(%error, "a job's hold could not be given back, and runs out");
        }
    }
}

#[async_trait]
impl Passing for InventorySync {
    const JOB: Job = Job::Inventory;

    async fn pass_now(&self, run: RunId) -> Report {
        let outcome = self.pass(run, &Wish::default(), &unwatched()).await;
        // The next occurrence may be a day away: what may pass by itself is tried again before a
        // person is called.
        if run.starts() < MOST_STARTS
            && let Some(why) = may_pass(&outcome)
        {
            tracing::warn!(
                why,
                "VeraCore: stock could not be brought to the shop; the pass is made again shortly"
            );
            return Report {
                message: Some(why),
                ..Report::unfinished()
            };
        }
        Self::report(run, &outcome)
    }
}

#[async_trait]
impl Passing for TrackingSync {
    const JOB: Job = Job::Tracking;

    async fn pass_now(&self, _: RunId) -> Report {
        let outcome = self.pass(None, &unwatched()).await;
        Self::report(&outcome)
    }
}

/// Why a pass came to nothing, if that may be otherwise in a minute.
pub(super) fn may_pass(outcome: &Result<Summary, InventoryError>) -> Option<String> {
    match outcome {
        Ok(summary) => summary.unreadable_for_now().map(str::to_owned).or_else(|| {
            let Counts {
                untried, unknown, ..
            } = summary.counts;
            (untried + unknown > 0)
                .then(|| format!("{} levels could not be written", untried + unknown))
        }),
        Err(error) => error.may_pass().then(|| error.to_string()),
    }
}
