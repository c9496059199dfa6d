//! Statistics of the jobs.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::orders::OrderSyncStatus;
use crate::{
    ledger::{LedgerError, Run},
    sync::{inventory::InventorySummary, jobs::Job, tracking::TrackingSummary},
    web::services::Services,
};

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreOrderSyncStats")]
pub(super) struct OrderSyncStats {
    /// VeraCore has them
    pub total_synced: i32,
    /// They need a person
    pub total_failed: i32,
    /// They wait, are worked on or are in doubt
    pub total_pending: i32,
    /// The newest that need a person, ten at most
    pub recent_errors: Vec<OrderSyncStatus>,
}

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreInventorySyncStats")]
pub(super) struct InventorySyncStats {
    /// When the last pass that came to its end was begun
    last_sync_time: Option<DateTime<Utc>>,
    /// Absent when nothing is moved (SYNC_ENABLED=false)
    next_sync_time: Option<DateTime<Utc>>,
    is_running: bool,
    last_result: Option<InventorySyncResult>,
}

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreTrackingSyncStats")]
pub(super) struct TrackingSyncStats {
    /// When the last pass that came to its end was begun
    last_sync_time: Option<DateTime<Utc>>,
    /// Absent when nothing is moved (SYNC_ENABLED=false)
    next_sync_time: Option<DateTime<Utc>>,
    is_running: bool,
    /// Orders with a tracking number
    total_orders_tracked: i32,
    last_result: Option<TrackingSyncResult>,
}

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreInventorySyncResult")]
pub(super) struct InventorySyncResult {
    /// Levels that were looked at
    total_processed: i32,
    pub(super) updated: i32,
    /// Levels that could not be written
    pub(super) errors: i32,
    /// Variants left alone, and those that are not in the feed
    skipped: i32,
}

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreTrackingSyncResult")]
pub(super) struct TrackingSyncResult {
    orders_checked: i32,
    tracking_updated: i32,
    errors: i32,
}

/// GraphQL's `Int` has 32 bits.
fn int(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl InventorySyncResult {
    pub(super) fn of(summary: &InventorySummary) -> Self {
        let counts = &summary.counts;
        let errors = counts.failed_count();
        Self {
            total_processed: int(counts.unchanged + counts.written + errors),
            updated: int(counts.written),
            errors: int(errors),
            skipped: int(summary.left_alone + summary.not_in_feed_count),
        }
    }
}

impl TrackingSyncResult {
    fn of(summary: &TrackingSummary) -> Self {
        Self {
            orders_checked: int(summary.orders_checked),
            tracking_updated: int(summary.tracking_updated),
            errors: int(summary.error_count()),
        }
    }
}

struct JobProgress {
    last: Option<Run>,
    next: Option<DateTime<Utc>>,
    is_running: bool,
}

impl JobProgress {
    async fn read(services: &Services, job: Job) -> Result<Self, LedgerError> {
        let (last, is_running) = services.ledger.job_status(job.as_str()).await?;
        Ok(Self {
            last,
            next: services.agenda.next_occurrence(job, services.clock.now()),
            is_running,
        })
    }

    fn last_started_at(&self) -> Option<DateTime<Utc>> {
        self.last.as_ref().map(|run| run.started_at)
    }

    /// The last result; with zeros where an older version did not record a count.
    fn last_result<T: DeserializeOwned + Default>(self) -> Option<T> {
        let result = self.last?.result;
        Some(serde_json::from_value(result).unwrap_or_default())
    }
}

impl InventorySyncStats {
    pub(super) async fn of(services: &Services) -> Result<Self, LedgerError> {
        let progress = JobProgress::read(services, Job::Inventory).await?;
        Ok(Self {
            last_sync_time: progress.last_started_at(),
            next_sync_time: progress.next,
            is_running: progress.is_running,
            last_result: progress.last_result().as_ref().map(InventorySyncResult::of),
        })
    }
}

impl TrackingSyncStats {
    pub(super) async fn of(services: &Services) -> Result<Self, LedgerError> {
        let progress = JobProgress::read(services, Job::Tracking).await?;
        Ok(Self {
            last_sync_time: progress.last_started_at(),
            next_sync_time: progress.next,
            is_running: progress.is_running,
            total_orders_tracked: int(services.ledger.count_tracked_orders().await?),
            last_result: progress.last_result().as_ref().map(TrackingSyncResult::of),
        })
    }
}
