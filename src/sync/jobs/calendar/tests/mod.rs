//! The calendar against days written out by hand; beside it the tests against other calendars.

mod oracles;

use chrono::SecondsFormat;
use chrono_tz::{
    America::{Havana, Los_Angeles, Nuuk, Santiago},
    Asia::Kathmandu,
    Australia::{Lord_Howe, Sydney},
    Europe::Berlin,
    Pacific::Apia,
};

use super::*;

fn time(text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    let text = if text.contains('T') {
        text.to_owned()
    } else {
        format!("{text}T00:00:00Z")
    };
    DateTime::parse_from_rfc3339(&text).unwrap().to_utc()
}

fn defaults(timezone: Tz) -> CalendarSettings {
    CalendarSettings {
        timezone,
        inventory_time: time("02:00"),
        inventory_interval_minutes: 1440,
        tracking_interval_minutes: 30,
        business_opens_at: time("09:00"),
        business_closes_at: time("19:00"),
        business_days: vec![
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
            Weekday::Fri,
        ],
    }
}

fn inventory(timezone: Tz, at: &str, interval: u32) -> Calendar {
    Calendar::new(CalendarSettings {
        inventory_time: time(at),
        inventory_interval_minutes: interval,
        ..defaults(timezone)
    })
}

fn tracking(opens: &str, closes: &str, interval: u32) -> Calendar {
    Calendar::new(CalendarSettings {
        tracking_interval_minutes: interval,
        business_opens_at: time(opens),
        business_closes_at: time(closes),
        ..defaults(Los_Angeles)
    })
}

/// The occurrences from one moment to before another.
fn between(calendar: &Calendar, job: Job, from: &str, to: &str) -> Vec<DateTime<Utc>> {
    let to = utc(to);
    calendar
        .occurrences_from(job, utc(from))
        .take_while(|at| *at < to)
        .collect()
}

fn shown(moments: &[DateTime<Utc>]) -> Vec<String> {
    moments
        .iter()
        .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
        .collect()
}

#[test]
fn both_changes_of_each_year_in_los_angeles() {
    let calendar = inventory(Los_Angeles, "02:00", 1440);
    for (from, to, runs) in [
        // 02:00 is missing: 03:00 PDT, which is 10:00 UTC; around it 10:00 before and 09:00 after.
        (
            "2026-03-07",
            "2026-03-10",
            ["2026-03-07T10", "2026-03-08T10", "2026-03-09T09"],
        ),
        (
            "2027-03-13",
            "2027-03-16",
            ["2027-03-13T10", "2027-03-14T10", "2027-03-15T09"],
        ),
        (
            "2028-03-11",
            "2028-03-14",
            ["2028-03-11T10", "2028-03-12T10", "2028-03-13T09"],
        ),
        (
            "2029-03-10",
            "2029-03-13",
            ["2029-03-10T10", "2029-03-11T10", "2029-03-12T09"],
        ),
        (
            "2030-03-09",
            "2030-03-12",
            ["2030-03-09T10", "2030-03-10T10", "2030-03-11T09"],
        ),
        // 01:00 to 02:00 happens twice; 02:00 is once, an hour later by UTC.
        (
            "2026-10-31",
            "2026-11-03",
            ["2026-10-31T09", "2026-11-01T10", "2026-11-02T10"],
        ),
        (
            "2027-11-06",
            "2027-11-09",
            ["2027-11-06T09", "2027-11-07T10", "2027-11-08T10"],
        ),
        (
            "2028-11-04",
            "2028-11-07",
            ["2028-11-04T09", "2028-11-05T10", "2028-11-06T10"],
        ),
        (
            "2029-11-03",
            "2029-11-06",
            ["2029-11-03T09", "2029-11-04T10", "2029-11-05T10"],
        ),
        (
            "2030-11-02",
            "2030-11-05",
            ["2030-11-02T09", "2030-11-03T10", "2030-11-04T10"],
        ),
    ] {
        let computed = shown(&between(&calendar, Job::Inventory, from, to));
        assert_eq!(computed, runs.map(|run| format!("{run}:00:00Z")), "{from}");
    }
}

/// Zone, time of day, local date, and the moment of the run in UTC. In Los Angeles 02:00 to 03:00
/// is missing in March, and 01:00 to 02:00 repeated in November; in Sydney 02:00 to 03:00 is
/// repeated in April and missing in October; on Lord Howe 02:00 to 02:30 is missing.
const DAYS: &str = "
    America/Los_Angeles 01:59 2026-03-08 2026-03-08T09:59:00Z
    America/Los_Angeles 02:00 2026-03-08 2026-03-08T10:00:00Z
    America/Los_Angeles 02:30 2026-03-08 2026-03-08T10:00:00Z
    America/Los_Angeles 03:00 2026-03-08 2026-03-08T10:00:00Z
    America/Los_Angeles 03:01 2026-03-08 2026-03-08T10:01:00Z
    America/Los_Angeles 00:59 2026-11-01 2026-11-01T07:59:00Z
    America/Los_Angeles 01:00 2026-11-01 2026-11-01T08:00:00Z
    America/Los_Angeles 01:30 2026-11-01 2026-11-01T08:30:00Z
    America/Los_Angeles 02:00 2026-11-01 2026-11-01T10:00:00Z
    Australia/Sydney    01:59 2026-04-05 2026-04-04T14:59:00Z
    Australia/Sydney    02:00 2026-04-05 2026-04-04T15:00:00Z
    Australia/Sydney    03:00 2026-04-05 2026-04-04T17:00:00Z
    Australia/Sydney    01:59 2026-10-04 2026-10-03T15:59:00Z
    Australia/Sydney    02:00 2026-10-04 2026-10-03T16:00:00Z
    Australia/Sydney    03:00 2026-10-04 2026-10-03T16:00:00Z
    Australia/Lord_Howe 02:15 2026-10-04 2026-10-03T15:30:00Z
    Asia/Kathmandu      02:00 2026-03-08 2026-03-07T20:15:00Z
";

#[test]
fn times_before_in_and_after_the_missing_and_the_repeated_hour() {
    for line in DAYS.lines().filter(|line| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [zone, time, date, run] = fields.as_slice() else {
            panic!("{line}");
        };
        let zone: Tz = zone.parse().unwrap();
        let date: NaiveDate = date.parse().unwrap();
        let midnight = |date: NaiveDate| {
            let local = zone.from_local_datetime(&date.and_time(NaiveTime::MIN));
            local.unwrap().to_utc().to_rfc3339()
        };
        let (from, to) = (midnight(date), midnight(date.succ_opt().unwrap()));
        let calendar = inventory(zone, time, 1440);
        let runs = between(&calendar, Job::Inventory, &from, &to);
        assert_eq!(shown(&runs), [*run], "{line}");
    }
    // In Greenland 23:00 to midnight is missing: the first moment after it is the next day's.
    let (from, to) = ("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
    let runs = between(&inventory(Nuuk, "23:30", 1440), Job::Inventory, from, to);
    assert_eq!(shown(&runs), ["2026-03-29T01:00:00Z"]);
}

#[test]
fn at_a_part_of_an_hour_the_time_in_between_counts_and_else_the_time_of_day() {
    let on = |interval, from, to| {
        let calendar = inventory(Los_Angeles, "02:00", interval);
        between(&calendar, Job::Inventory, from, to)
    };
    let spring = ("2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z");
    let autumn = ("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z");
    let usual = ("2026-06-01T07:00:00Z", "2026-06-02T07:00:00Z");
    for (interval, on_spring, on_autumn, on_usual) in [
        (30, 46, 50, 48),
        (60, 23, 25, 24),
        (120, 12, 12, 12),
        (240, 6, 6, 6),
        (1440, 1, 1, 1),
    ] {
        assert_eq!(
            on(interval, spring.0, spring.1).len(),
            on_spring,
            "{interval}"
        );
        assert_eq!(
            on(interval, autumn.0, autumn.1).len(),
            on_autumn,
            "{interval}"
        );
        assert_eq!(on(interval, usual.0, usual.1).len(), on_usual, "{interval}");
    }
    for interval in [1, 15, 30, 60] {
        let all = on(interval, "2026-03-01", "2026-11-10");
        let steady = all
            .windows(2)
            .all(|pair| pair[1] - pair[0] == TimeDelta::minutes(interval.into()));
        assert!(steady, "{interval}");
    }
    // 45 minutes do not divide an hour: 00:30, 01:15, (02:00 and 02:45 are missing: 03:00), 03:30.
    let runs = on(45, "2026-03-08T08:30:00Z", "2026-03-08T11:00:00Z");
    let expected = ["08:30", "09:15", "10:00", "10:30"].map(|t| format!("2026-03-08T{t}:00Z"));
    assert_eq!(shown(&runs), expected);
    // 00:30, and each second hour from it.
    let calendar = inventory(Los_Angeles, "00:30", 120);
    let runs = between(
        &calendar,
        Job::Inventory,
        "2026-03-08T08:00:00Z",
        "2026-03-08T14:00:00Z",
    );
    let expected = ["08:30", "10:00", "11:30", "13:30"].map(|t| format!("2026-03-08T{t}:00Z"));
    assert_eq!(shown(&runs), expected);
}

#[test]
fn tracking_keeps_to_odd_business_hours() {
    let day = |calendar: &Calendar| -> Vec<String> {
        between(
            calendar,
            Job::Tracking,
            "2026-06-01T07:00:00Z",
            "2026-06-02T07:00:00Z",
        )
        .iter()
        .map(|at| at.with_timezone(&Los_Angeles).format("%H:%M").to_string())
        .collect()
    };
    assert_eq!(
        day(&tracking("08:50", "10:00", 25)),
        ["08:50", "09:15", "09:40"],
        "the closing time is off the grid"
    );
    assert_eq!(day(&tracking("09:00", "09:01", 30)), ["09:00"]);
    assert_eq!(day(&tracking("23:00", "23:59", 59)), ["23:00", "23:59"]);
    assert_eq!(day(&tracking("09:00", "19:00", 1440)), ["09:00"]);
    assert_eq!(day(&tracking("00:00", "23:59", 1)).len(), 1440);
    assert_eq!(day(&tracking("09:00", "19:00", 7)).last().unwrap(), "18:55");
    let sundays = Calendar::new(CalendarSettings {
        business_days: vec![Weekday::Sun],
        business_opens_at: time("01:00"),
        business_closes_at: time("03:00"),
        ..defaults(Los_Angeles)
    });
    let on = |from, to| shown(&between(&sundays, Job::Tracking, from, to));
    assert_eq!(
        on("2026-03-07", "2026-03-10"),
        ["09:00", "09:30", "10:00"].map(|t| format!("2026-03-08T{t}:00Z")),
        "02:00 and 02:30 are one with 03:00"
    );
    assert_eq!(
        on("2026-10-31", "2026-11-03"),
        ["08:00", "08:30", "10:00", "10:30", "11:00"].map(|t| format!("2026-11-01T{t}:00Z"))
    );
    let last = sundays.last_at_or_before(Job::Tracking, utc("2026-03-14T00:00:00Z"));
    assert_eq!(last, Some(utc("2026-03-08T10:00:00Z")));
}

#[test]
fn business_hours_hold_both_ends() {
    let calendar = Calendar::new(defaults(Los_Angeles));
    for (at, inside) in [
        ("2026-06-01T15:59:59Z", false),
        ("2026-06-01T16:00:00Z", true),
        ("2026-06-02T02:00:59Z", true),
        ("2026-06-02T02:01:00Z", false),
        ("2026-06-06T20:00:00Z", false),
    ] {
        assert_eq!(calendar.is_in_business_hours(utc(at)), inside, "{at}");
    }
}

#[test]
fn a_search_may_begin_at_the_very_moment() {
    let calendar = inventory(Los_Angeles, "02:00", 1440);
    let moved = utc("2026-03-08T10:00:00Z");
    let second = TimeDelta::seconds(1);
    let from = |at| {
        calendar
            .occurrences_from(Job::Inventory, at)
            .next()
            .unwrap()
    };
    assert_eq!(from(moved), moved);
    assert_eq!(from(moved - second), moved);
    assert_eq!(from(moved + second), utc("2026-03-09T09:00:00Z"));
    assert_eq!(
        calendar.next_after(Job::Inventory, moved),
        Some(utc("2026-03-09T09:00:00Z"))
    );
    let last = |at| calendar.last_at_or_before(Job::Inventory, at).unwrap();
    assert_eq!(last(moved), moved);
    assert_eq!(last(moved - second), utc("2026-03-07T10:00:00Z"));
}

#[test]
fn reconciliation_runs_at_four_local_time() {
    let calendar = Calendar::new(defaults(Los_Angeles));
    let next = |at| calendar.next_after(Job::Reconcile, utc(at)).unwrap();
    let last = |at| calendar.last_at_or_before(Job::Reconcile, utc(at)).unwrap();
    let four = utc("2026-11-25T12:00:00Z");
    assert_eq!(next("2026-11-25T08:00:00Z"), four);
    assert_eq!(next("2026-11-25T11:59:00Z"), four);
    assert_eq!(last("2026-11-25T12:00:00Z"), four);
    // The UTC day is another one already.
    assert_eq!(last("2026-11-26T07:59:59Z"), four);
    assert_eq!(next("2026-11-25T12:00:00Z"), utc("2026-11-26T12:00:00Z"));
    assert_eq!(last("2026-07-01T18:00:00Z"), utc("2026-07-01T11:00:00Z"));
    // Samoa skipped a whole day; it runs when the gap ends, and at four the next morning.
    let samoa = Calendar::new(defaults(Apia));
    assert_eq!(
        shown(&between(
            &samoa,
            Job::Reconcile,
            "2011-12-29T12:00:00Z",
            "2011-12-31"
        )),
        [
            "2011-12-29T14:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-30T14:00:00Z"
        ]
    );
}

#[test]
fn maintenance_runs_at_midnight_utc_in_every_zone() {
    for zone in [Los_Angeles, Kathmandu] {
        let calendar = Calendar::new(defaults(zone));
        let runs = between(&calendar, Job::Maintenance, "2026-03-07", "2026-03-10");
        let midnights = ["2026-03-07", "2026-03-08", "2026-03-09"].map(utc);
        assert_eq!(runs, midnights, "{zone}");
    }
}
