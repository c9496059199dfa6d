//! Runs of the jobs: what ran when, and what came of it.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Ledger, LedgerError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunId(pub(super) i64);

impl RunId {
    /// For people, and for `--accept-held`.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

/// What a run answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An occurrence of its schedule.
    Schedule,
    /// A person's wish.
    Person,
}

impl Origin {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Person => "person",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    Done,
    Failed,
    /// What it read was too strange to be believed; a person decides.
    Held,
}

impl RunEnd {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }
}

/// The last run of a job.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    pub job: String,
    pub scheduled_for: DateTime<Utc>,
    pub started_at: DateTime<Utc>,
    /// Absent while it runs, or when the process died.
    pub ended_at: Option<DateTime<Utc>>,
    /// `done` or `failed`.
    pub outcome: Option<String>,
    pub result: Value,
    pub error_message: Option<String>,
}

impl Ledger {
    /// Claims an occurrence of a job by writing it down; `None` when it was claimed before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_run(
        &self,
        job: &str,
        scheduled_for: DateTime<Utc>,
        origin: Origin,
    ) -> Result<Option<RunId>, LedgerError> {
        let id = sqlx::query_scalar!(
            "insert into veracore_sync_run (job, scheduled_for, started_at, origin)
             values ($1, $2, $3, $4)
             on conflict (job, scheduled_for) do nothing returning id",
            job,
            scheduled_for,
            self.clock.now(),
            origin.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(id.map(RunId))
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn end_run(
        &self,
        run: RunId,
        end: RunEnd,
        result: &Value,
        message: Option<&str>,
    ) -> Result<(), LedgerError> {
        sqlx::query!(
            "update veracore_sync_run
             set ended_at = $2, outcome = $3, result = $4, error_message = $5
             where id = $1 and ended_at is null",
            run.0,
            self.clock.now(),
            end.as_str(),
            result,
            message,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The last run of each job.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_runs(&self) -> Result<Vec<Run>, LedgerError> {
        Ok(sqlx::query_as!(
            Run,
            "select distinct on (job) job, scheduled_for, started_at, ended_at, outcome, result,
                 error_message
             from veracore_sync_run order by job, started_at desc, id desc",
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Removes what ran before `before`, but for the last run of each job.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_runs(&self, before: DateTime<Utc>) -> Result<u64, LedgerError> {
        let done = sqlx::query!(
            "delete from veracore_sync_run r where started_at < $1 and exists
                 (select from veracore_sync_run later
                  where later.job = r.job and later.started_at > r.started_at)",
            before,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
