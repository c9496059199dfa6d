//! When each job ran last and runs next. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{calendar::Calendar, job::Job};
use crate::{ledger::Run, sync::orders::discovery_loop::SWEEP_JOB};

/// What the jobs' next runs follow from. Cheap to clone.
#[derive(Clone)]
pub struct JobSchedule {
    pub calendar: Calendar,
    pub sweep_interval: Duration,
    /// `false`: nothing is moved.
    pub sync_enabled: bool,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRunStatus {
    pub job: String,
    pub last_run: Option<Run>,
    pub next_run: Option<DateTime<Utc>>,
}

impl JobSchedule {
    /// Every job that ran, and those on a schedule, by name.
    pub fn job_statuses(&self, last_runs: Vec<Run>, now: DateTime<Utc>) -> Vec<JobRunStatus> {
        let mut standings: Vec<JobRunStatus> = last_runs
            .into_iter()
            .map(|run| JobRunStatus {
                next_run: self.next_run(&run, now),
                job: run.job.clone(),
                last_run: Some(run),
            })
            .collect();
        // These have a next run also when they never ran, unless nothing is moved at all.
        for scheduled in Job::SYNC {
            let name = scheduled.as_str();
            if standings.iter().all(|standing| standing.job != name) {
                standings.push(JobRunStatus {
                    job: name.to_owned(),
                    last_run: None,
                    next_run: self.next_occurrence(scheduled, now),
                });
            }
        }
        standings.sort_by(|a, b| a.job.cmp(&b.job));
        standings
    }

    fn next_run(&self, last: &Run, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if last.job == SWEEP_JOB && self.sync_enabled {
            return Some(last.scheduled_for + TimeDelta::from_std(self.sweep_interval).ok()?);
        }
        let job = Job::ALL.into_iter().find(|job| job.as_str() == last.job)?;
        self.next_occurrence(job, now)
    }

    /// The next occurrence of a job's schedule; none when nothing is moved.
    pub fn next_occurrence(&self, job: Job, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (self.sync_enabled || !job.needs_upstreams())
            .then(|| self.calendar.next_after(job, now))
            .flatten()
    }
}
