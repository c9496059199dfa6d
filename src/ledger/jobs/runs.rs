//! Runs of the jobs: their starts and outcomes.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::leases::{JOB_LEASE_TTL, Lease, LeaseKey, extend_lease};
use crate::{
    crash,
    ledger::{
        db::{error::LedgerError, lease_time::to_time_delta, pool::Connection},
        handle::Ledger,
        outbox::events::insert_event,
    },
    telemetry::metrics,
};

/// One start of a run. After a restart the earlier start can no longer record an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunId {
    pub(crate) id: i64,
    starts: i32,
}

impl RunId {
    pub const fn new(id: i64, starts: i32) -> Self {
        Self { id, starts }
    }

    /// Shown to operators, and taken by `--accept-held`.
    pub const fn number(self) -> i64 {
        self.id
    }

    /// The number of starts, this one included.
    pub fn starts(self) -> u32 {
        self.starts.unsigned_abs()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum RunOrigin {
    /// An occurrence of the job's schedule.
    Schedule,
    #[strum(serialize = "person")]
    Operator,
    Webhook,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum RunOutcome {
    Done,
    Failed,
    /// The feed failed its safety checks and waits for an operator.
    #[strum(serialize = "held")]
    Quarantined,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    pub id: i64,
    pub job: String,
    /// `schedule`, `person` or `webhook`.
    pub origin: String,
    pub scheduled_for: DateTime<Utc>,
    /// The last start, when there were several.
    pub started_at: DateTime<Utc>,
    /// Absent while it runs, or when the process died.
    pub ended_at: Option<DateTime<Utc>>,
    /// `done`, `failed` or `held`.
    pub outcome: Option<String>,
    pub result: Value,
    pub error_message: Option<String>,
}

impl Run {
    pub fn is_quarantined(&self) -> bool {
        self.outcome.as_deref() == Some(RunOutcome::Quarantined.into_str())
    }

    /// The run that applied a quarantined feed after an operator accepted it.
    pub fn accepted_by(&self) -> Option<i64> {
        self.result.get("acceptedBy").and_then(Value::as_i64)
    }

    /// The operator who discarded a quarantined feed.
    pub fn discarded_by(&self) -> Option<&str> {
        self.result.get("discardedBy").and_then(Value::as_str)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    pub outcome: RunOutcome,
    pub result: Value,
    pub message: Option<String>,
    /// Raised in the transaction that records the outcome.
    pub event: Option<(&'static str, Value)>,
    /// The quarantined run that this run applied.
    pub accepts: Option<i64>,
}

impl RunReport {
    pub const fn done(result: Value) -> Self {
        Self {
            outcome: RunOutcome::Done,
            result,
            message: None,
            event: None,
            accepts: None,
        }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            outcome: RunOutcome::Failed,
            message: Some(message.into()),
            ..Self::done(json!({}))
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub enum RunStart<'a> {
    /// An occurrence of the job's schedule.
    Occurrence {
        scheduled_for: DateTime<Utc>,
        /// The data of `schedule.missed`, if that is to be raised.
        missed: Option<&'a Value>,
    },
    /// An unfinished run whose process died or stopped.
    Restart(RunId),
    /// A request, with what it is about (such as one SKU).
    Now {
        origin: RunOrigin,
        details: &'a Value,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OccurrenceState {
    /// The first start of this installation.
    pub first_started_at: Option<DateTime<Utc>>,
    /// The latest occurrence that was claimed and is not in the future.
    pub latest: Option<LatestOccurrence>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatestOccurrence {
    pub run: RunId,
    pub scheduled_for: DateTime<Utc>,
    pub has_ended: bool,
}

async fn insert_run(
    connection: &mut Connection,
    job: &str,
    scheduled_for: DateTime<Utc>,
    now: DateTime<Utc>,
    origin: RunOrigin,
    details: &Value,
) -> Result<Option<RunId>, LedgerError> {
    Ok(sqlx::query_as!(
        RunId,
        "insert into veracore_sync_run (job, scheduled_for, started_at, origin, result)
             values ($1, $2, $3, $4, $5)
             on conflict (job, scheduled_for) do nothing returning id, starts",
        job,
        scheduled_for,
        now,
        origin.into_str(),
        details,
    )
    .fetch_optional(connection)
    .await?)
}

async fn fail_other_runs(
    connection: &mut Connection,
    job: &str,
    run: RunId,
    keep_occurrences: bool,
    now: DateTime<Utc>,
) -> Result<u64, LedgerError> {
    let failed = sqlx::query!(
        "update veracore_sync_run
         set ended_at = $3, outcome = 'failed', error_message = $4
         where job = $1 and id <> $2 and ended_at is null
             and not ($5 and origin = 'schedule')",
        job,
        run.id,
        now,
        "its process stopped before it finished, and a newer run was started",
        keep_occurrences,
    )
    .execute(connection)
    .await?;
    Ok(failed.rows_affected())
}

impl Ledger {
    /// Records the start of a run, under the job's lease. Every other unfinished run of the job
    /// belongs to a dead process and fails, but a request leaves an occurrence to its restart.
    ///
    /// `None`: the occurrence was claimed before, the run has ended, or the lease is lost. Without
    /// a lease nothing else changes.
    pub async fn start_run(
        &self,
        lease: Option<&Lease>,
        job: &str,
        start: RunStart<'_>,
    ) -> Result<Option<RunId>, LedgerError> {
        let _write = crash::points_around("ledger", "start_run");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        if let Some(lease) = lease {
            let until = now + to_time_delta(JOB_LEASE_TTL);
            if !extend_lease(&mut tx, lease, now, until).await? {
                return Ok(None);
            }
        }
        let run = match start {
            RunStart::Occurrence { scheduled_for, .. } => {
                let origin = RunOrigin::Schedule;
                insert_run(&mut tx, job, scheduled_for, now, origin, &json!({})).await?
            }
            RunStart::Restart(run) => {
                sqlx::query_as!(
                    RunId,
                    "update veracore_sync_run set starts = starts + 1, started_at = $3
             where id = $1 and starts = $2 and ended_at is null returning id, starts",
                    run.id,
                    run.starts,
                    now,
                )
                .fetch_optional(&mut *tx)
                .await?
            }
            RunStart::Now { origin, details } => {
                let mut at = now;
                loop {
                    match insert_run(&mut tx, job, at, now, origin, details).await? {
                        // Another run has this very moment: no two have the same.
                        None => at += TimeDelta::microseconds(1),
                        run => break run,
                    }
                }
            }
        };
        let Some(id) = run else { return Ok(None) };
        let mut superseded = 0;
        if lease.is_some() {
            let keep_occurrence = matches!(start, RunStart::Now { .. });
            superseded = fail_other_runs(&mut tx, job, id, keep_occurrence, now).await?;
        }
        if let RunStart::Occurrence {
            missed: Some(data), ..
        } = start
        {
            insert_event(&mut tx, "schedule.missed", None, data, now).await?;
        }
        tx.commit().await?;
        if superseded > 0 {
            let run = id.number();
            tracing::warn!(
                job,
                run,
                "VeraCore: unfinished run superseded by a newer one"
            );
        }
        Ok(Some(id))
    }

    /// Records the end of a run. `false` if another process restarted it or it has ended: then nothing
    /// is recorded.
    pub async fn finish_run(&self, run: RunId, report: &RunReport) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "finish_run");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let done = sqlx::query!(
            "update veracore_sync_run
             set ended_at = $3, outcome = $4, result = result || $5, error_message = $6
             where id = $1 and starts = $2 and ended_at is null returning job, started_at",
            run.id,
            run.starts,
            now,
            report.outcome.into_str(),
            report.result,
            report.message,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(done) = done else { return Ok(false) };
        if let Some(quarantined) = report.accepts {
            sqlx::query!(
                "update veracore_sync_run
             set result = result || jsonb_build_object('acceptedBy', $2::bigint)
             where id = $1 and outcome = 'held'",
                quarantined,
                run.id,
            )
            .execute(&mut *tx)
            .await?;
        }
        if let Some((event_type, data)) = &report.event {
            insert_event(&mut tx, event_type, None, data, now).await?;
        }
        tx.commit().await?;
        metrics::record_run(&done.job, report.outcome.into_str(), now - done.started_at);
        Ok(true)
    }

    /// Records that an operator discarded the feed. `false` when it was decided on before.
    pub async fn discard_quarantined_feed(
        &self,
        job: &str,
        run: i64,
        by: &str,
    ) -> Result<bool, LedgerError> {
        let statement = sqlx::query!(
            "update veracore_sync_run
             set result = result || jsonb_build_object('discardedBy', $3::text)
             where id = $1 and job = $2 and outcome = 'held'
                 and not result ?| '{acceptedBy,discardedBy}'",
            run,
            job,
            by,
        );
        Ok(self.write("discard_quarantined_feed", statement).await? > 0)
    }

    pub async fn occurrence_state(
        &self,
        job: &str,
        now: DateTime<Utc>,
    ) -> Result<OccurrenceState, LedgerError> {
        let first_started_at =
            sqlx::query_scalar!("select first_started_at from veracore_config where id = 1")
                .fetch_one(&self.pool)
                .await?;
        let latest = sqlx::query!(
            r#"select id, starts, scheduled_for, ended_at is not null as "ended!"
             from veracore_sync_run
             where job = $1 and origin = 'schedule' and scheduled_for <= $2
             order by scheduled_for desc limit 1"#,
            job,
            now,
        )
        .fetch_optional(&self.pool)
        .await?
        .map(|row| LatestOccurrence {
            run: RunId {
                id: row.id,
                starts: row.starts,
            },
            scheduled_for: row.scheduled_for,
            has_ended: row.ended,
        });
        Ok(OccurrenceState {
            first_started_at,
            latest,
        })
    }

    /// The last run of each job. Runs in the future, from before the clock was set back, count only
    /// where there are no others.
    pub async fn last_runs(&self) -> Result<Vec<Run>, LedgerError> {
        Ok(sqlx::query_as!(
            Run,
            r#"with recursive known as (
                 -- one look into the index a job
                 (select job from veracore_sync_run order by job limit 1)
                 union all
                 select (select r.job from veracore_sync_run r where r.job > known.job
                         order by r.job limit 1)
                 from known where known.job is not null
             )
             select last.id as "id!", last.job as "job!", last.origin as "origin!",
                 last.scheduled_for as "scheduled_for!", last.started_at as "started_at!",
                 last.ended_at, last.outcome, last.result as "result!", last.error_message
             from known, lateral (
                 select * from (
                     (select * from veracore_sync_run r
                      where r.job = known.job and r.started_at <= $1
                      order by r.started_at desc, r.id desc limit 1)
                     union all
                     (select * from veracore_sync_run r
                      where r.job = known.job and r.started_at > $1
                      order by r.started_at desc, r.id desc limit 1)) newest
                 order by newest.started_at > $1 limit 1) last
             order by last.job"#,
            self.now(),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// The last finished run that was not limited to one SKU, and whether any run is in progress.
    pub async fn job_status(&self, job: &str) -> Result<(Option<Run>, bool), LedgerError> {
        let now = self.now();
        let last = sqlx::query_as!(
            Run,
            "select id, job, origin, scheduled_for, started_at, ended_at, outcome, result,
                 error_message
             from veracore_sync_run where job = $1 and ended_at is not null and not result ? 'sku'
             order by (started_at > $2), started_at desc, id desc limit 1",
            job,
            now,
        )
        .fetch_optional(&self.pool)
        .await?;
        let running = sqlx::query_scalar!(
            r#"select exists (select from veracore_lease where name = $1 and lease_until > $2)
             as "running!""#,
            LeaseKey::Job(job).name(),
            now,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((last, running))
    }

    /// Deletes old runs, except the last run and the last occurrence of each job.
    pub async fn delete_old_runs(&self, before: DateTime<Utc>) -> Result<u64, LedgerError> {
        let statement = sqlx::query!(
            "delete from veracore_sync_run r where started_at < $1 and exists
                 (select from veracore_sync_run later
                  where later.job = r.job and later.started_at > r.started_at
                      and (r.origin <> 'schedule' or later.origin = 'schedule'))",
            before,
        );
        self.write("delete_old_runs", statement).await
    }
}
