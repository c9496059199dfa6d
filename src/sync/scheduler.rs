//! The tick: once a minute, in UTC, what is due is looked at.
//!
//! tokio-cron-scheduler keeps a zone's offset as it was when a job was added (its issue 107), so it
//! is given nothing but the minute; which occurrence is due is decided here, with the clock.

use std::{future::Future, pin::Pin, sync::Arc};

use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::lifecycle::Tasks;

/// Every minute, at its beginning (seconds, minutes, hours, day, month, weekday).
const EVERY_MINUTE: &str = "0 * * * * *";

pub type Tick = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Calls `tick` once a minute until the stop.
///
/// # Errors
/// When the scheduler cannot be started.
pub async fn tick_every_minute(tick: Tick, tasks: Tasks) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    let job = Job::new_async(EVERY_MINUTE, move |_, _| tick())?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    tasks.stopped().await;
    if let Err(error) = scheduler.shutdown().await {
        tracing::debug!(%error, "the minute's tick did not end by itself");
    }
    Ok(())
}
