//! The calendar of the scheduled jobs, from the configuration; also where there is no more of it
//! than the schedule.

use super::stored_settings;
use crate::{
    config::{self, ConfigError, Sources},
    sync::jobs::calendar::{Calendar, CalendarSettings},
};

pub fn calendar(schedule: &config::ScheduleConfig) -> Calendar {
    Calendar::new(CalendarSettings {
        timezone: schedule.timezone,
        inventory_time: schedule.inventory_time,
        inventory_interval_minutes: schedule.inventory_interval_minutes,
        tracking_interval_minutes: schedule.tracking_interval_minutes,
        business_opens_at: schedule.business_hours.opens,
        business_closes_at: schedule.business_hours.closes,
        business_days: schedule.business_days.clone(),
    })
}

/// The calendar alone, and why settings stored in the database could not be heeded, if so.
pub async fn load_calendar(
    mut sources: Sources,
) -> Result<(Calendar, Option<String>), ConfigError> {
    let problem = load_stored_schedule(&mut sources).await.err();
    Ok((calendar(&config::load_schedule(&sources)?), problem))
}

async fn load_stored_schedule(sources: &mut Sources) -> Result<(), String> {
    let Ok(database) = config::load_database(sources) else {
        return Err("DATABASE_URL is missing or wrong".into());
    };
    let stored = stored_settings::read_stored(&database).await;
    sources.stored = stored.map_err(|error| error.to_string())?.plain;
    Ok(())
}
