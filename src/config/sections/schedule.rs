//! The schedules of stock and tracking runs.

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;

use crate::config::{
    forms::times::{BusinessHours, sort_weekdays},
    layers::values::Values,
    setting::Row,
    table,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleConfig {
    /// The zone of every time of day here.
    pub timezone: Tz,
    pub inventory_time: NaiveTime,
    /// A divisor of 1440. 1440: once a day at `inventory_time`.
    pub inventory_interval_minutes: u32,
    /// From the opening time, in minutes.
    pub tracking_interval_minutes: u32,
    pub business_hours: BusinessHours,
    /// At least one, in the order of the week, Monday first.
    pub business_days: Vec<Weekday>,
}

pub const ROWS: [&dyn Row; 6] = [
    &table::SYNC_TIMEZONE,
    &table::SYNC_INVENTORY_TIME,
    &table::SYNC_INVENTORY_INTERVAL_MINUTES,
    &table::SYNC_TRACKING_INTERVAL_MINUTES,
    &table::BUSINESS_HOURS,
    &table::BUSINESS_DAYS,
];

pub fn build(values: &Values) -> Option<ScheduleConfig> {
    Some(ScheduleConfig {
        timezone: values.get(&table::SYNC_TIMEZONE)?,
        inventory_time: values.get(&table::SYNC_INVENTORY_TIME)?,
        inventory_interval_minutes: values.get(&table::SYNC_INVENTORY_INTERVAL_MINUTES)?,
        tracking_interval_minutes: values.get(&table::SYNC_TRACKING_INTERVAL_MINUTES)?,
        business_hours: values.get(&table::BUSINESS_HOURS)?,
        business_days: sort_weekdays(values.get(&table::BUSINESS_DAYS)?),
    })
}
