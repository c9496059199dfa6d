//! The calendar: the occurrences of each job, as local times of day that survive DST changes.
//!
//! Pure: must not read a clock, nor know what ran.
//!
//! # Days on which clocks change
//!
//! - A time of day occurs once a day. One that does not exist moves to the end of the gap, where it
//!   may coincide with another. Of one that exists twice, the first counts.
//! - Jobs that run around the clock, at an interval that divides an hour, keep the elapsed time:
//!   they run in both halves of a repeated hour and not in a missing one.
//!
//! Computed with chrono-tz alone; the tests compare it with `croner`. croner takes a list of hours
//! for an interval, so each time of day would need its own pattern, and a search that starts at the
//! very end of a gap misses what was moved there.

use std::collections::BTreeSet;

use chrono::{
    DateTime, Datelike as _, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
    TimeZone as _, Timelike as _, Utc, Weekday,
};
use chrono_tz::Tz;

use super::job::Job;

const MINUTES_PER_DAY: u32 = 24 * 60;

/// Longer than any gap in a zone: Samoa skipped a day in 2011.
const MAX_GAP_MINUTES: i64 = 2 * 24 * 60;

/// When shop and warehouse are quiet and the stock run of 02:00 is done.
const RECONCILE_HOUR: u32 = 4;

/// Contains each day of the week, even when a zone skips a date.
const LOOKBACK_DAYS: u64 = 16;

/// The settings of a calendar. Times of day are whole minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarSettings {
    pub timezone: Tz,
    pub inventory_time: NaiveTime,
    /// A divisor of 1440: the interval from `inventory_time` around the clock; 1440 is once a day.
    pub inventory_interval_minutes: u32,
    /// 1 to 1440, from `business_opens_at` up to and including `business_closes_at`.
    pub tracking_interval_minutes: u32,
    pub business_opens_at: NaiveTime,
    pub business_closes_at: NaiveTime,
    pub business_days: Vec<Weekday>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    settings: CalendarSettings,
    inventory: DailySlots,
    tracking: DailySlots,
    reconcile: DailySlots,
    maintenance: DailySlots,
}

impl Calendar {
    pub fn new(settings: CalendarSettings) -> Self {
        Self {
            inventory: inventory_slots(&settings),
            tracking: tracking_slots(&settings),
            reconcile: once_a_day(RECONCILE_HOUR * 60, settings.timezone),
            maintenance: once_a_day(0, Tz::UTC),
            settings,
        }
    }

    pub const fn timezone(&self) -> Tz {
        self.settings.timezone
    }

    /// The occurrences at `from` and later, in time order, without end.
    pub fn occurrences_from(&self, job: Job, from: DateTime<Utc>) -> Occurrences<'_> {
        let slots = self.slots(job);
        // A time that moves past a gap may leave its date.
        let first = slots.local_date(from).checked_sub_days(Days::new(2));
        Occurrences {
            slots,
            from,
            next_date: first.filter(|_| !slots.is_empty()),
            ready: BTreeSet::new(),
        }
    }

    pub fn next_after(&self, job: Job, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.occurrences_from(job, at).find(|next| *next > at)
    }

    pub fn last_at_or_before(&self, job: Job, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let slots = self.slots(job);
        let last_date = slots.local_date(at).checked_add_days(Days::new(1))?;
        let mut last = None;
        for back in 0..LOOKBACK_DAYS {
            let date = last_date.checked_sub_days(Days::new(back))?;
            let instants = slots.instants_on(date);
            let found = instants.into_iter().filter(|instant| *instant <= at).max();
            // Where clocks go back at midnight, the end of the date before may come after the
            // beginning of this one.
            if last.is_some() {
                return last.max(found);
            }
            last = found;
        }
        last
    }

    /// From the opening time up to and including the minute of the closing time.
    pub fn is_in_business_hours(&self, at: DateTime<Utc>) -> bool {
        let local = at.with_timezone(&self.settings.timezone);
        let minute = minute_of_day(local.time());
        self.settings.business_days.contains(&local.weekday())
            && (minute_of_day(self.settings.business_opens_at)
                ..=minute_of_day(self.settings.business_closes_at))
                .contains(&minute)
    }

    const fn slots(&self, job: Job) -> &DailySlots {
        match job {
            Job::Inventory => &self.inventory,
            Job::Tracking => &self.tracking,
            Job::Reconcile => &self.reconcile,
            Job::Maintenance => &self.maintenance,
        }
    }
}

/// An endless iterator over the occurrences of a job, in time order.
#[derive(Debug, Clone)]
pub struct Occurrences<'a> {
    slots: &'a DailySlots,
    from: DateTime<Utc>,
    /// The first date whose occurrences are not in `ready` yet.
    next_date: Option<NaiveDate>,
    ready: BTreeSet<DateTime<Utc>>,
}

impl Iterator for Occurrences<'_> {
    type Item = DateTime<Utc>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // The next date may begin before this one ends; see `last_at_or_before`.
            while let Some(date) = self.next_date
                && self
                    .ready
                    .first()
                    .is_none_or(|first| self.slots.local_date(*first) + Days::new(1) >= date)
            {
                self.ready.extend(self.slots.instants_on(date));
                self.next_date = date.succ_opt();
            }
            let next = self.ready.pop_first()?;
            if next >= self.from {
                return Some(next);
            }
        }
    }
}

/// Times of day on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DailySlots {
    times: BTreeSet<NaiveTime>,
    days: Vec<Weekday>,
    zone: Tz,
    /// Keeps the elapsed time between occurrences instead of the time of day.
    by_elapsed_time: bool,
}

impl DailySlots {
    fn local_date(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    fn is_empty(&self) -> bool {
        self.times.is_empty() || self.days.is_empty()
    }

    /// The instants of a local date, unordered.
    fn instants_on(&self, date: NaiveDate) -> Vec<DateTime<Utc>> {
        let zone = self.zone;
        if !self.days.contains(&date.weekday()) {
            return Vec::new();
        }
        let mut instants = Vec::with_capacity(self.times.len());
        for time in &self.times {
            let local = date.and_time(*time);
            match zone.from_local_datetime(&local) {
                MappedLocalTime::Single(at) => instants.push(at.to_utc()),
                MappedLocalTime::Ambiguous(first, second) => {
                    instants.push(first.to_utc());
                    if self.by_elapsed_time {
                        instants.push(second.to_utc());
                    }
                }
                MappedLocalTime::None if self.by_elapsed_time => {}
                MappedLocalTime::None => instants.extend(end_of_gap(zone, local)),
            }
        }
        instants
    }
}

/// The first instant after the gap that contains `local`.
fn end_of_gap(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    (1..=MAX_GAP_MINUTES).find_map(|minutes| {
        let later = local.checked_add_signed(TimeDelta::minutes(minutes))?;
        zone.from_local_datetime(&later)
            .earliest()
            .map(|at| at.to_utc())
    })
}

fn inventory_slots(times: &CalendarSettings) -> DailySlots {
    let interval = times.inventory_interval_minutes.clamp(1, MINUTES_PER_DAY);
    let first = minute_of_day(times.inventory_time);
    let minutes = (0..MINUTES_PER_DAY / interval).map(|n| (first + n * interval) % MINUTES_PER_DAY);
    build_slots(minutes, interval, every_day(), times.timezone)
}

fn tracking_slots(times: &CalendarSettings) -> DailySlots {
    let interval = times.tracking_interval_minutes.clamp(1, MINUTES_PER_DAY);
    let (opens, closes) = (
        minute_of_day(times.business_opens_at),
        minute_of_day(times.business_closes_at),
    );
    let minutes = (opens..=closes).step_by(interval as usize);
    build_slots(
        minutes,
        interval,
        times.business_days.clone(),
        times.timezone,
    )
}

fn build_slots(
    minutes: impl Iterator<Item = u32>,
    interval: u32,
    days: Vec<Weekday>,
    zone: Tz,
) -> DailySlots {
    let times: BTreeSet<NaiveTime> = minutes.filter_map(time_at_minute).collect();
    let around_the_clock = times.len() >= (MINUTES_PER_DAY / interval) as usize;
    DailySlots {
        by_elapsed_time: around_the_clock && 60 % interval == 0,
        times,
        days,
        zone,
    }
}

fn once_a_day(minute: u32, zone: Tz) -> DailySlots {
    build_slots(std::iter::once(minute), MINUTES_PER_DAY, every_day(), zone)
}

fn every_day() -> Vec<Weekday> {
    std::iter::successors(Some(Weekday::Mon), |day| Some(day.succ()))
        .take(7)
        .collect()
}

fn minute_of_day(time: NaiveTime) -> u32 {
    time.num_seconds_from_midnight() / 60
}

fn time_at_minute(minute: u32) -> Option<NaiveTime> {
    NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0)
}

#[cfg(test)]
mod tests;
