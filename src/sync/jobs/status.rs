//! The last and next run of each job. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{calendar::Calendar, job::Job};
use crate::{clock::time_delta, ledger::Run, sync::orders::discovery_loop::SWEEP_JOB};

/// Computes the next run of each job. Cheap to clone.
#[derive(Clone)]
pub struct JobSchedule {
    pub calendar: Calendar,
    pub sweep_interval: Duration,
    pub sync_enabled: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRunStatus {
    pub job: String,
    pub last_run: Option<Run>,
    pub next_run: Option<DateTime<Utc>>,
}

impl JobSchedule {
    /// Every job that ran, and those that sync, by name.
    pub fn job_statuses(&self, last_runs: Vec<Run>, now: DateTime<Utc>) -> Vec<JobRunStatus> {
        let mut statuses: Vec<JobRunStatus> = last_runs
            .into_iter()
            .map(|run| JobRunStatus {
                next_run: self.next_run(&run, now),
                job: run.job.clone(),
                last_run: Some(run),
            })
            .collect();
        for job in Job::SYNC {
            let name = job.as_str();
            if statuses.iter().all(|status| status.job != name) {
                statuses.push(JobRunStatus {
                    job: name.to_owned(),
                    last_run: None,
                    next_run: self.next_occurrence(job, now),
                });
            }
        }
        statuses.sort_by(|a, b| a.job.cmp(&b.job));
        statuses
    }

    fn next_run(&self, last: &Run, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if last.job == SWEEP_JOB && self.sync_enabled {
            return Some(last.scheduled_for + time_delta(self.sweep_interval));
        }
        let job = Job::ALL.into_iter().find(|job| job.as_str() == last.job)?;
        self.next_occurrence(job, now)
    }

    /// The next occurrence of a job; none while sync is disabled.
    pub fn next_occurrence(&self, job: Job, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (self.sync_enabled || !job.needs_upstreams())
            .then(|| self.calendar.next_after(job, now))
            .flatten()
    }
}
