//! Runs of the jobs: what ran when, and what came of it.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::leases::LeaseKey;
use crate::{
    crash,
    ledger::{db::error::LedgerError, handle::Ledger, outbox::events::insert_event},
    telemetry::metrics,
};

/// One start of a run. When the run is taken up again after its runner was thought dead, what the
/// earlier start still has to say about its end is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunId {
    pub(in crate::ledger) id: i64,
    starts: i32,
}

impl RunId {
    /// For people, and for `--accept-held`.
    pub const fn number(self) -> i64 {
        self.id
    }

    /// How often the run was started, this time included.
    pub fn starts(self) -> u32 {
        self.starts.unsigned_abs()
    }
}

/// What a run answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum RunOrigin {
    /// An occurrence of the job's schedule.
    Schedule,
    /// A person's wish, at its own moment.
    #[strum(serialize = "person")]
    Operator,
    /// What VeraCore told of its own accord, at its own moment.
    Webhook,
}

impl RunOrigin {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum RunOutcome {
    Done,
    Failed,
    /// Read, found too strange to be believed, and left to a person.
    #[strum(serialize = "held")]
    Quarantined,
}

impl RunOutcome {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// The last run of a job.
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

/// What is known about the occurrences of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OccurrenceState {
    /// When this installation was first started.
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

impl Ledger {
    /// Claims an occurrence of a job by writing it down; `None` when it was claimed before. A
    /// person's wish has its own moment.
    pub async fn begin_run(
        &self,
        job: &str,
        scheduled_for: DateTime<Utc>,
        origin: RunOrigin,
    ) -> Result<Option<RunId>, LedgerError> {
        let about = serde_json::json!({});
        self.begin_run_with_event(job, scheduled_for, origin, &about, None)
            .await
    }

    /// The same with what it is about (such as one SKU), for those who look while it goes on, and
    /// an event that tells of it.
    pub async fn begin_run_with_event(
        &self,
        job: &str,
        scheduled_for: DateTime<Utc>,
        origin: RunOrigin,
        about: &Value,
        event: Option<(&str, &Value)>,
    ) -> Result<Option<RunId>, LedgerError> {
        let _write = crash::points_around("ledger", "begin_run_with_event");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let run = sqlx::query_as!(
            RunId,
            "insert into veracore_sync_run (job, scheduled_for, started_at, origin, result)
             values ($1, $2, $3, $4, $5)
             on conflict (job, scheduled_for) do nothing returning id, starts",
            job,
            scheduled_for,
            now,
            origin.as_str(),
            about,
        )
        .fetch_optional(&mut *tx)
        .await?;
        if run.is_some()
            && let Some((event_type, data)) = event
        {
            insert_event(&mut tx, event_type, None, data, now).await?;
        }
        tx.commit().await?;
        Ok(run)
    }

    /// Starts an unfinished run once more, for the holder of the job's lease: whoever ran it died.
    /// `None` when it has ended or somebody else was quicker.
    pub async fn restart_run(&self, run: RunId) -> Result<Option<RunId>, LedgerError> {
        let _write = crash::points_around("ledger", "restart_run");
        Ok(sqlx::query_as!(
            RunId,
            "update veracore_sync_run set starts = starts + 1, started_at = $3
             where id = $1 and starts = $2 and ended_at is null returning id, starts",
            run.id,
            run.starts,
            self.now(),
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Records what came of a run. `false` when it was taken up by somebody else meanwhile, or has
    /// ended: then nothing is recorded.
    pub async fn finish_run(
        &self,
        run: RunId,
        outcome: RunOutcome,
        result: &Value,
        message: Option<&str>,
    ) -> Result<bool, LedgerError> {
        self.finish_run_with_event(run, outcome, result, message, None)
            .await
    }

    /// The same, with an event that tells of it: once, whoever dies when.
    pub async fn finish_run_with_event(
        &self,
        run: RunId,
        outcome: RunOutcome,
        result: &Value,
        message: Option<&str>,
        event: Option<(&str, &Value)>,
    ) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "finish_run_with_event");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let done = sqlx::query!(
            "update veracore_sync_run
             set ended_at = $3, outcome = $4, result = $5, error_message = $6
             where id = $1 and starts = $2 and ended_at is null returning job, started_at",
            run.id,
            run.starts,
            now,
            outcome.as_str(),
            result,
            message,
        )
        .fetch_optional(&mut *tx)
        .await?;
        if done.is_some()
            && let Some((event_type, data)) = event
        {
            insert_event(&mut tx, event_type, None, data, now).await?;
        }
        tx.commit().await?;
        if let Some(run) = &done {
            metrics::record_run(&run.job, outcome.as_str(), now - run.started_at);
        }
        Ok(done.is_some())
    }

    /// What a job's schedule must know: see [`OccurrenceState`].
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

    /// Records that the unfinished occurrences of a job have failed, but for `except`, for the
    /// holder of the job's lease: whoever ran them died. Returns how many there were.
    pub async fn fail_unfinished_runs(
        &self,
        job: &str,
        except: Option<RunId>,
        why: &str,
    ) -> Result<u64, LedgerError> {
        let _write = crash::points_around("ledger", "fail_unfinished_runs");
        let done = sqlx::query!(
            "update veracore_sync_run
             set ended_at = $3, outcome = 'failed', error_message = $4
             where job = $1 and origin = 'schedule' and ended_at is null
                 and id is distinct from $2::bigint",
            job,
            except.map(|run| run.id),
            self.now(),
            why,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// The last run of each job. Those that seem to be in the future, since the clock was set back,
    /// count only where there are no others.
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

    /// The last run of a job over everything that came to its end, and whether one of any kind is
    /// going on.
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

    /// Removes what ran before `before`, but for the last run and the last occurrence of each job.
    pub async fn delete_old_runs(&self, before: DateTime<Utc>) -> Result<u64, LedgerError> {
        let _write = crash::points_around("ledger", "delete_old_runs");
        let done = sqlx::query!(
            "delete from veracore_sync_run r where started_at < $1 and exists
                 (select from veracore_sync_run later
                  where later.job = r.job and later.started_at > r.started_at
                      and (r.origin <> 'schedule' or later.origin = 'schedule'))",
            before,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
