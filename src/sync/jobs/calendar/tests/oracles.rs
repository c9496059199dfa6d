//! The calendar against two others, one that walks through every minute with nothing but chrono-tz,
//! and croner; and against itself, back and forth.

use std::{collections::BTreeMap, str::FromStr as _};

use croner::Cron;
use proptest::prelude::*;

use super::*;

/// Every minute from 2026 to 2030, with its local time.
fn minutes(zone: Tz) -> impl Iterator<Item = (DateTime<Utc>, NaiveDateTime)> {
    // Until the last day of 2030 is over west of Greenwich too.
    let (from, to) = (utc("2026-01-01"), utc("2031-01-01T12:00:00Z"));
    (0..(to - from).num_minutes()).map(move |n| {
        let at = from + TimeDelta::minutes(n);
        (at, at.with_timezone(&zone).naive_local())
    })
}

/// Once each date: its first minute that is not before the time of day.
fn walked_daily(zone: Tz, time: NaiveTime) -> Vec<DateTime<Utc>> {
    let mut by_date = BTreeMap::new();
    for (at, local) in minutes(zone).filter(|(_, local)| local.time() >= time) {
        by_date.entry(local.date()).or_insert(at);
    }
    // Of the first date maybe only a part is in 2026.
    by_date
        .into_values()
        .filter(|at| *at >= utc("2026-01-03") && *at < utc("2030-12-30"))
        .collect()
}

#[test]
fn inventory_runs_once_each_day_at_two() {
    for zone in [Los_Angeles, Sydney, Kathmandu] {
        let walked = walked_daily(zone, time("02:00"));
        let computed = between(
            &inventory(zone, "02:00", 1440),
            Job::Inventory,
            "2026-01-03",
            "2030-12-30",
        );
        assert_eq!(computed, walked, "{zone}");
        assert!(computed.len() >= 1821, "{zone}: {}", computed.len());
    }
}

#[test]
fn tracking_runs_21_times_on_each_working_day() {
    let calendar = Calendar::new(defaults(Los_Angeles));
    let due = |local: &NaiveDateTime| {
        let weekend = matches!(local.weekday(), Weekday::Sat | Weekday::Sun);
        let time = (local.hour(), local.minute());
        !weekend && local.minute().is_multiple_of(30) && ((9, 0)..=(19, 0)).contains(&time)
    };
    let walked: Vec<_> = minutes(Los_Angeles)
        .filter(|(_, local)| due(local))
        .map(|(at, _)| at)
        .collect();
    let computed = between(
        &calendar,
        Job::Tracking,
        "2026-01-01",
        "2031-01-01T12:00:00Z",
    );
    assert_eq!(computed, walked);
    let mut by_date = BTreeMap::new();
    for at in computed {
        let date = at.with_timezone(&Los_Angeles).date_naive();
        *by_date.entry(date).or_insert(0) += 1;
    }
    let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    for date in first.iter_days().take_while(|date| date.year() < 2031) {
        let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        let runs = by_date.get(&date).copied().unwrap_or(0);
        assert_eq!(runs, if weekend { 0 } else { 21 }, "{date}");
    }
}

/// What croner says: a pattern for each time of day, or for each minute of the hour.
fn croner(
    zone: Tz,
    patterns: &[String],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<DateTime<Utc>> {
    // It does not find what it moved to the moment at which the search begins.
    let start = (from - TimeDelta::seconds(1)).with_timezone(&zone);
    let mut all = BTreeSet::new();
    for pattern in patterns {
        let found = Cron::from_str(pattern).unwrap().iter_after(start);
        all.extend(found.map(|at| at.to_utc()).take_while(|at| *at < to));
    }
    all.into_iter().collect()
}

#[test]
fn croner_agrees() {
    let (from, to) = (utc("2026-01-01"), utc("2031-01-01"));
    for zone in [
        Los_Angeles,
        Sydney,
        Kathmandu,
        Lord_Howe,
        Berlin,
        Santiago,
        Havana,
    ] {
        for interval in [30, 45, 60, 120, 240, 720, 1440] {
            let first = 2 * 60 + 10;
            let minutes: Vec<u32> = (0..1440 / interval)
                .map(|n| (first + n * interval) % 1440)
                .collect();
            let patterns: Vec<String> = if 60 % interval == 0 {
                // To croner a list of hours is an interval, which is what is wanted here.
                let mut hours = BTreeMap::<u32, Vec<String>>::new();
                for minute in minutes {
                    hours
                        .entry(minute % 60)
                        .or_default()
                        .push((minute / 60).to_string());
                }
                let line = |(minute, hours): (&u32, &Vec<String>)| {
                    format!("{minute} {} * * *", hours.join(","))
                };
                hours.iter().map(line).collect()
            } else {
                minutes
                    .iter()
                    .map(|m| format!("{} {} * * *", m % 60, m / 60))
                    .collect()
            };
            let to = if interval < 120 {
                utc("2027-01-01")
            } else {
                to
            };
            let theirs = croner(zone, &patterns, from, to);
            let ours: Vec<_> = inventory(zone, "02:10", interval)
                .occurrences_from(Job::Inventory, from)
                .take_while(|at| *at < to)
                .collect();
            assert_eq!(ours, theirs, "{zone} {interval}");
        }
    }
}

#[test]
fn croner_takes_a_list_of_hours_for_an_interval() {
    // The reason why it does not decide here. Should this fail, it may have learnt better.
    let (from, to) = (utc("2026-11-01T07:00:00Z"), utc("2026-11-02T08:00:00Z"));
    let listed = croner(Los_Angeles, &["0 1,4 * * *".into()], from, to);
    assert_eq!(listed.len(), 3, "01:00 twice, and 04:00");
    let moved = utc("2026-03-08T10:00:00Z").with_timezone(&Los_Angeles);
    let next = Cron::from_str("0 2 * * *")
        .unwrap()
        .find_next_occurrence(&moved, true)
        .unwrap();
    assert_ne!(
        next, moved,
        "it runs at that moment, and does not find it from there"
    );
}

prop_compose! {
    fn any_times()(
        zone in prop::sample::select(vec![Los_Angeles, Sydney, Kathmandu, Lord_Howe, Berlin, Santiago, Havana, Nuuk]),
        inventory_time in 0..1440_u32,
        inventory_interval in prop::sample::select((1..=1440).filter(|n| 1440 % n == 0).collect::<Vec<u32>>()),
        tracking_interval in 1..=1440_u32,
        opens in 0..1439_u32,
        open_for in 1..1440_u32,
        days in prop::sample::subsequence(every_day(), 1..=7),
    ) -> CalendarSettings {
        CalendarSettings {
            timezone: zone,
            inventory_time: time_at_minute(inventory_time).unwrap(),
            inventory_interval_minutes: inventory_interval,
            tracking_interval_minutes: tracking_interval,
            business_opens_at: time_at_minute(opens).unwrap(),
            business_closes_at: time_at_minute((opens + open_for).min(1439)).unwrap(),
            business_days: days,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn looking_back_and_forth_agree(times in any_times(), second in 0..157_000_000_i64) {
        let calendar = Calendar::new(times);
        let from = utc("2026-01-01") + TimeDelta::seconds(second);
        for job in Job::ALL {
            let some: Vec<_> = calendar.occurrences_from(job, from).take(40).collect();
            prop_assert_eq!(some.len(), 40);
            prop_assert!(some[0] >= from);
            prop_assert!(some.is_sorted_by(|a, b| a < b), "always later, none twice");
            let before = calendar.last_at_or_before(job, from - TimeDelta::microseconds(1)).unwrap();
            prop_assert!(before < from);
            let between: Vec<_> = calendar.occurrences_from(job, before).take(2).collect();
            prop_assert_eq!(&between, &[before, some[0]]);
            for pair in some.windows(2) {
                prop_assert_eq!(calendar.last_at_or_before(job, pair[0]), Some(pair[0]));
                let just_before = pair[1] - TimeDelta::microseconds(1);
                prop_assert_eq!(calendar.last_at_or_before(job, just_before), Some(pair[0]));
                prop_assert_eq!(calendar.next_after(job, pair[0]), Some(pair[1]));
            }
        }
    }
}
