//! The schedules of stock and tracking runs.

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;

use crate::config::{
    forms::times::{BusinessHours, sort_weekdays},
    layers::values::Values,
    setting::Row,
    table::{
        BUSINESS_DAYS, BUSINESS_HOURS, SYNC_INVENTORY_INTERVAL_MINUTES, SYNC_INVENTORY_TIME,
        SYNC_TIMEZONE, SYNC_TRACKING_INTERVAL_MINUTES,
    },
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
    &SYNC_TIMEZONE,
    &SYNC_INVENTORY_TIME,
    &SYNC_INVENTORY_INTERVAL_MINUTES,
    &SYNC_TRACKING_INTERVAL_MINUTES,
    &BUSINESS_HOURS,
    &BUSINESS_DAYS,
];

pub fn build(values: &Values) -> Option<ScheduleConfig> {
    Some(ScheduleConfig {
        timezone: values.get(&SYNC_TIMEZONE)?,
        inventory_time: values.get(&SYNC_INVENTORY_TIME)?,
        inventory_interval_minutes: values.get(&SYNC_INVENTORY_INTERVAL_MINUTES)?,
        tracking_interval_minutes: values.get(&SYNC_TRACKING_INTERVAL_MINUTES)?,
        business_hours: values.get(&BUSINESS_HOURS)?,
        business_days: sort_weekdays(values.get(&BUSINESS_DAYS)?),
    })
}
