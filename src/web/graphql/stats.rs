//! Statistics of the jobs.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::orders::OrderSyncStatus;
use crate::{
    ledger::{LedgerError, Run},
    sync::jobs::Job,
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

/// A count in a run's result; 0 where an older version did not record it.
fn count_field(result: &Value, name: &str) -> i32 {
    let number = result[name].as_u64().unwrap_or(0);
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn array_len(result: &Value, name: &str) -> i32 {
    let items = result[name].as_array().map_or(0, Vec::len);
    i32::try_from(items).unwrap_or(i32::MAX)
}

impl InventorySyncResult {
    pub(super) fn of(result: &Value) -> Self {
        let of = |name: &str| count_field(result, name);
        let errors = of("refused") + of("unknown") + of("untried");
        Self {
            total_processed: of("unchanged") + of("written") + errors,
            updated: of("written"),
            errors,
            skipped: of("leftAlone") + of("notInFeedCount"),
        }
    }
}

impl TrackingSyncResult {
    fn of(result: &Value) -> Self {
        Self {
            orders_checked: count_field(result, "ordersChecked"),
            tracking_updated: count_field(result, "trackingUpdated"),
            errors: array_len(result, "problems")
                + array_len(result, "failures")
                + count_field(result, "badRows"),
        }
    }
}

struct JobProgress {
    last: Option<Run>,
    next: Option<DateTime<Utc>>,
    is_running: bool,
}

async fn job_progress(services: &Services, job: Job) -> Result<JobProgress, LedgerError> {
    let (last, is_running) = services.ledger.job_status(job.as_str()).await?;
    let next = services.agenda.next_occurrence(job, services.clock.now());
    Ok(JobProgress {
        last,
        next,
        is_running,
    })
}

impl InventorySyncStats {
    pub(super) async fn of(services: &Services) -> Result<Self, LedgerError> {
        let progress = job_progress(services, Job::Inventory).await?;
        let last = progress.last.as_ref();
        Ok(Self {
            last_sync_time: last.map(|run| run.started_at),
            next_sync_time: progress.next,
            is_running: progress.is_running,
            last_result: last.map(|run| InventorySyncResult::of(&run.result)),
        })
    }
}

impl TrackingSyncStats {
    pub(super) async fn of(services: &Services) -> Result<Self, LedgerError> {
        let progress = job_progress(services, Job::Tracking).await?;
        let tracked = services.ledger.count_tracked_orders().await?;
        let last = progress.last.as_ref();
        Ok(Self {
            last_sync_time: last.map(|run| run.started_at),
            next_sync_time: progress.next,
            is_running: progress.is_running,
            total_orders_tracked: i32::try_from(tracked).unwrap_or(i32::MAX),
            last_result: last.map(|run| TrackingSyncResult::of(&run.result)),
        })
    }
}
