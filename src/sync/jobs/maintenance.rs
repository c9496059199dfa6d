//! Keeping the ledger tidy: once a day, what may quote a customer is cleared after its time, and
//! old runs, stock changes and events are forgotten.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{daily::DailyOccurrence, run_once::RunReport};
use crate::{
    clock::SharedClock,
    ledger::{Ledger, LedgerError, RunOutcome},
};

/// The job's name, in the table of runs.
pub const JOB: &str = "tidy_ledger";

/// How long the runs of jobs, what they wrote and what they told are kept.
const RUN_RETENTION: TimeDelta = TimeDelta::days(90);

/// How long the signatures of webhooks are kept: a thousand times as long as one is good for, since
/// clocks can be set back.
const SIGNATURE_RETENTION: TimeDelta = TimeDelta::days(4);

/// Tidies up if that was not done today (by UTC days), by this or another replica. Returns whether it
/// did.
pub async fn run_maintenance_if_due(
    ledger: &Ledger,
    clock: &SharedClock,
    retention_days: u32,
) -> Result<bool, LedgerError> {
    let now = clock.now();
    let today = DailyOccurrence {
        job: JOB,
        at: now.date_naive().and_time(NaiveTime::MIN).and_utc(),
        runs_on_first_day: true,
        // It may be done twice, and nothing else does it.
        max_starts: u32::MAX,
    };
    let mut failed = None;
    let begun = today
        .run_if_due(ledger, now, async |_| {
            match delete_expired(ledger, now, retention_days).await {
                Ok(result) => RunReport {
                    outcome: Some(RunOutcome::Done),
                    result,
                    message: None,
                    event: None,
                },
                Err(error) => {
                    failed = Some(error);
                    RunReport::unfinished()
                }
            }
        })
        .await?;
    failed.map_or(Ok(begun), Err)
}

async fn delete_expired(
    ledger: &Ledger,
    now: DateTime<Utc>,
    retention_days: u32,
) -> Result<Value, LedgerError> {
    let cleared = ledger
        .clear_personal_data(now - TimeDelta::days(i64::from(retention_days)))
        .await?;
    let forgotten = ledger.delete_old_runs(now - RUN_RETENTION).await?;
    let changes = ledger.delete_old_stock_changes(now - RUN_RETENTION).await?;
    let (events, given_up) = ledger.delete_old_events(now - RUN_RETENTION).await?;
    if given_up > 0 {
        tracing::error!(
            events = given_up,
            "events could not be delivered for 90 days and are given up; `veracore-sync events list --state dead` shows them"
        );
    }
    let webhooks = ledger
        .delete_old_webhooks(now - RUN_RETENTION, now - SIGNATURE_RETENTION)
        .await?;
    ledger.delete_expired_leases().await?;
    Ok(json!({
        "messagesCleared": cleared, "runsForgotten": forgotten, "stockChangesForgotten": changes,
        "eventsForgotten": events, "webhooksForgotten": webhooks,
    }))
}
