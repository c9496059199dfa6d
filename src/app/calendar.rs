//! The calendar of the scheduled jobs, from the configuration; also where there is no more of it
//! than the schedule.

use super::settings;
use crate::{
    config::{self, ConfigError, Sources},
    sync::schedule::{Calendar, Times},
};

#[must_use]
pub fn calendar(schedule: &config::Schedule) -> Calendar {
    Calendar::new(Times {
        timezone: schedule.timezone,
        inventory_time: schedule.inventory_time,
        inventory_interval_minutes: schedule.inventory_interval_minutes,
        tracking_interval_minutes: schedule.tracking_interval_minutes,
        opens: schedule.business_hours.opens,
        closes: schedule.business_hours.closes,
        business_days: schedule.business_days.clone(),
    })
}

/// The calendar alone, and why settings stored in the database could not be heeded, if so.
///
/// # Errors
/// When the schedule's settings are wrong.
pub async fn load_calendar(
    mut sources: Sources,
) -> Result<(Calendar, Option<String>), ConfigError> {
    let problem = stored(&mut sources).await.err();
    Ok((calendar(&config::schedule_only(&sources)?), problem))
}

async fn stored(sources: &mut Sources) -> Result<(), String> {
    let Ok(database) = config::database_only(sources) else {
        return Err("DATABASE_URL is missing or wrong".into());
    };
    let stored = settings::stored(&database).await;
    sources.database = stored.map_err(|error| error.to_string())?.plain;
    Ok(())
}
