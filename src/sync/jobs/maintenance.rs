//! Daily maintenance: clears expired personal data, and deletes old runs, stock changes, events,
//! webhooks and leases.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{job::Job, run_once::WorkResult, scheduler::ScheduledJob};
use crate::{
    clock::SharedClock,
    ledger::{Ledger, LedgerError, RunId, RunReport},
};

/// For runs, stock changes, events and webhooks.
const RUN_RETENTION: TimeDelta = TimeDelta::days(90);

/// A thousand times as long as a webhook signature is valid, since clocks can be set back.
const SIGNATURE_RETENTION: TimeDelta = TimeDelta::days(4);

/// Deletes expired data from the ledger; may run twice.
pub struct Maintenance {
    pub ledger: Ledger,
    pub clock: SharedClock,
    pub pii_retention_days: u32,
}

#[async_trait]
impl ScheduledJob for Maintenance {
    fn job(&self) -> Job {
        Job::Maintenance
    }

    async fn run_scheduled(&self, _: RunId) -> WorkResult {
        let now = self.clock.now();
        match delete_expired(&self.ledger, now, self.pii_retention_days).await {
            Ok(result) => WorkResult::Finished(RunReport::done(result)),
            Err(error) if error.is_unavailable() => WorkResult::interrupted(&error),
            Err(error) => WorkResult::failed(&error),
        }
    }
}

async fn delete_expired(
    ledger: &Ledger,
    now: DateTime<Utc>,
    retention_days: u32,
) -> Result<Value, LedgerError> {
    let messages = ledger
        .clear_personal_data(now - TimeDelta::days(i64::from(retention_days)))
        .await?;
    let runs = ledger.delete_old_runs(now - RUN_RETENTION).await?;
    let changes = ledger.delete_old_stock_changes(now - RUN_RETENTION).await?;
    let (events, undelivered) = ledger.delete_old_events(now - RUN_RETENTION).await?;
    if undelivered > 0 {
        tracing::error!(
            events = undelivered,
            "events dropped after 90 days without delivery; `veracore-sync events list --state dead` lists them"
        );
    }
    let webhooks = ledger
        .delete_old_webhooks(now - RUN_RETENTION, now - SIGNATURE_RETENTION)
        .await?;
    ledger.delete_expired_leases().await?;
    Ok(json!({
        "messagesCleared": messages, "runsForgotten": runs, "stockChangesForgotten": changes,
        "eventsForgotten": events, "webhooksForgotten": webhooks,
    }))
}
