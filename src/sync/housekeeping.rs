//! Keeping the ledger tidy: once a day, what may quote a customer is cleared after its time, and
//! old runs, stock changes and events are forgotten.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    clock::SharedClock,
    ledger::{Held, Ledger, LedgerError, Origin, RunOutcome},
};

const JOB: &str = "tidy_ledger";

/// It takes seconds, and may be done twice.
const HOLD: Duration = Duration::from_secs(600);

/// How long the runs of jobs, what they wrote and what they told are kept.
const RUNS_KEPT: TimeDelta = TimeDelta::days(90);

/// Tidies up if that was not done today (by UTC days), by this or another replica. Returns whether it
/// did.
///
/// # Errors
/// When the database does not answer.
pub async fn tidy_ledger_if_due(
    ledger: &Ledger,
    clock: &SharedClock,
    retention_days: u32,
) -> Result<bool, LedgerError> {
    let Some(hold) = ledger.hold(&[Held::Job(JOB)], HOLD).await? else {
        return Ok(false);
    };
    let tidied = tidy(ledger, clock.now(), retention_days).await;
    ledger.let_go(&hold).await?;
    tidied
}

async fn tidy(
    ledger: &Ledger,
    now: DateTime<Utc>,
    retention_days: u32,
) -> Result<bool, LedgerError> {
    let today = start_of_day(now);
    let latest = ledger.occurrence_state(JOB, now).await?.latest;
    let run = match latest.filter(|latest| latest.scheduled_for >= today) {
        Some(latest) if latest.ended => None,
        // Whoever began died: the hold is ours.
        Some(latest) => ledger.take_up_run(latest.run).await?,
        None => ledger.begin_run(JOB, today, Origin::Schedule).await?,
    };
    let Some(run) = run else {
        return Ok(false);
    };
    let cleared = ledger
        .clear_personal_data(now - TimeDelta::days(i64::from(retention_days)))
        .await?;
    let forgotten = ledger.forget_runs(now - RUNS_KEPT).await?;
    let changes = ledger.forget_stock(now - RUNS_KEPT).await?;
    let events = ledger.forget_events(now - RUNS_KEPT).await?;
    ledger.forget_holds().await?;
    let result = serde_json::json!({
        "messagesCleared": cleared, "runsForgotten": forgotten, "stockChangesForgotten": changes,
        "eventsForgotten": events,
    });
    ledger.end_run(run, RunOutcome::Done, &result, None).await?;
    Ok(true)
}

fn start_of_day(now: DateTime<Utc>) -> DateTime<Utc> {
    now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}
