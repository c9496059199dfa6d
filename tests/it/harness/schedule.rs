//! A scheduler whose minutes a test runs one by one.

use std::sync::Arc;

use chrono::{NaiveTime, Weekday};
use chrono_tz::America::Los_Angeles;
use veracore_sync::{
    clock::{SharedClock, SystemClock},
    http::Circuit,
    ledger::Ledger,
    lifecycle::TaskGroup,
    sync::{
        jobs::{
            calendar::{Calendar, CalendarSettings},
            run_once::Schedule,
            scheduler::{ScheduledJob, Scheduler},
        },
        upstreams::Upstreams,
    },
};

/// Stock at 02:00; tracking every half hour, Monday to Friday from 09:00 to 19:00.
pub fn calendar() -> Calendar {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    Calendar::new(CalendarSettings {
        timezone: Los_Angeles,
        inventory_time: time(2),
        inventory_interval_minutes: 1440,
        tracking_interval_minutes: 30,
        business_opens_at: time(9),
        business_closes_at: time(19),
        business_days: vec![
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
            Weekday::Fri,
        ],
    })
}

/// Upstreams with closed circuits.
pub fn available_upstreams() -> Upstreams {
    let circuit = |name| Circuit::new(name, Arc::new(SystemClock));
    Upstreams {
        shop_circuit: circuit("Vendure"),
        warehouse_circuit: circuit("VeraCore"),
    }
}

pub fn scheduler(
    jobs: Vec<Arc<dyn ScheduledJob>>,
    ledger: Ledger,
    clock: SharedClock,
    tasks: &TaskGroup,
    upstreams: Upstreams,
) -> Scheduler {
    let schedule = Schedule {
        calendar: Arc::new(calendar()),
        clock,
        tasks: tasks.clone(),
    };
    Scheduler::new(jobs, schedule, ledger, upstreams)
}
