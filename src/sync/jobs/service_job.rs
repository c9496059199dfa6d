//! The jobs that run on a schedule: stock and tracking, each by one at a time across replicas.

use async_trait::async_trait;

use crate::ledger::{Lease, LeaseKey, Ledger, LedgerError, RunId};
use crate::sync::{
    inventory::{InventoryError, InventoryRequest, InventorySummary, InventorySync, LevelCounts},
    jobs::calendar::Job,
    jobs::due::MAX_STARTS,
    jobs::run_once::{JOB_LEASE_TTL, RunReport, ignore_progress},
    jobs::scheduler::{JobLease, ScheduledJob},
    leases,
    tracking::TrackingSync,
    upstreams::Upstreams,
};

/// A service of which a pass runs on a schedule.
#[async_trait]
pub trait ScheduledService: Clone + Send + Sync + 'static {
    const JOB: Job;

    /// One pass, and what is to be recorded of it.
    async fn run_scheduled(&self, run: RunId) -> RunReport;
}

/// Such a service, for the scheduler.
pub struct ServiceJob<S> {
    pub service: S,
    pub ledger: Ledger,
    pub upstreams: Upstreams,
}

struct ServiceLease<S> {
    service: S,
    ledger: Ledger,
    lease: Lease,
}

#[async_trait]
impl<S: ScheduledService> ScheduledJob for ServiceJob<S> {
    fn job(&self) -> Job {
        S::JOB
    }

    async fn try_acquire(&self) -> Result<Option<Box<dyn JobLease>>, LedgerError> {
        if !self.upstreams.are_available() {
            // It is due still when they are back, and made up then.
            return Ok(None);
        }
        let what = [LeaseKey::Job(S::JOB.as_str())];
        let hold = self.ledger.acquire_lease(&what, JOB_LEASE_TTL).await?;
        Ok(hold.map(|hold| -> Box<dyn JobLease> {
            Box::new(ServiceLease {
                service: self.service.clone(),
                ledger: self.ledger.clone(),
                lease: hold,
            })
        }))
    }
}

#[async_trait]
impl<S: ScheduledService> JobLease for ServiceLease<S> {
    async fn run(&mut self, run: RunId) -> RunReport {
        let pass = self.service.run_scheduled(run);
        match leases::keep_alive(&self.ledger, &self.lease, JOB_LEASE_TTL, pass).await {
            Some(report) => report,
            None => {
                tracing::error!(
                    job = S::JOB.as_str(),
                    "VeraCore: the database was away for too long; the pass was dropped half-way"
                );
                RunReport::unfinished()
            }
        }
    }

    async fn release(self: Box<Self>) {
        if let Err(error) = self.ledger.release_lease(&self.lease).await {
            tracing::debug!(%error, "a job's hold could not be given back, and runs out");
        }
    }
}

#[async_trait]
impl ScheduledService for InventorySync {
    const JOB: Job = Job::Inventory;

    async fn run_scheduled(&self, run: RunId) -> RunReport {
        let outcome = self
            .run(run, &InventoryRequest::default(), &ignore_progress())
            .await;
        // The next occurrence may be a day away: what may pass by itself is tried again before a
        // person is called.
        if run.starts() < MAX_STARTS
            && let Some(why) = transient_failure(&outcome)
        {
            tracing::warn!(
                why,
                "VeraCore: stock could not be brought to the shop; the pass is made again shortly"
            );
            return RunReport {
                message: Some(why),
                ..RunReport::unfinished()
            };
        }
        Self::run_report(run, &outcome)
    }
}

#[async_trait]
impl ScheduledService for TrackingSync {
    const JOB: Job = Job::Tracking;

    async fn run_scheduled(&self, _: RunId) -> RunReport {
        let outcome = self.run(None, &ignore_progress()).await;
        Self::run_report(&outcome)
    }
}

/// Why a pass came to nothing, if that may be otherwise in a minute.
pub(in crate::sync) fn transient_failure(
    outcome: &Result<InventorySummary, InventoryError>,
) -> Option<String> {
    match outcome {
        Ok(summary) => summary
            .transient_read_error()
            .map(str::to_owned)
            .or_else(|| {
                let LevelCounts {
                    untried, unknown, ..
                } = summary.counts;
                (untried + unknown > 0)
                    .then(|| format!("{} levels could not be written", untried + unknown))
            }),
        Err(error) => error.is_transient().then(|| error.to_string()),
    }
}
