//! When stock and tracking are read.
//!
//! Owns how times of day, days and zones are written. Must not compute when something is due.

use std::str::FromStr as _;

use chrono::{NaiveTime, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::{nearest::closest_name, problem::ReadResult, reader::SettingReader};

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
    /// In the order of the week, Monday first; one at least.
    pub business_days: Vec<Weekday>,
}

/// A stretch within one day, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusinessHours {
    pub opens: NaiveTime,
    /// After `opens`.
    pub closes: NaiveTime,
}

/// The settings of this section.
pub(super) const SCHEDULE_SETTINGS: [&str; 6] = [
    "SYNC_TIMEZONE",
    "SYNC_INVENTORY_TIME",
    "SYNC_INVENTORY_INTERVAL_MINUTES",
    "SYNC_TRACKING_INTERVAL_MINUTES",
    "BUSINESS_HOURS",
    "BUSINESS_DAYS",
];

const DAY_IN_MINUTES: u32 = 24 * 60;

pub(super) fn read(reader: &mut SettingReader) -> ReadResult<ScheduleConfig> {
    let timezone = reader.parse("SYNC_TIMEZONE", parse_timezone);
    let timezone = reader.require("SYNC_TIMEZONE", timezone);
    let time = reader.parse("SYNC_INVENTORY_TIME", |text| {
        parse_time_of_day(text).ok_or_else(|| "is not a time of day".to_owned())
    });
    let inventory_time = reader.require("SYNC_INVENTORY_TIME", time);
    let inventory_interval = read_day_divisor(reader, "SYNC_INVENTORY_INTERVAL_MINUTES");
    let tracking_interval = reader.number("SYNC_TRACKING_INTERVAL_MINUTES", 1..=DAY_IN_MINUTES);
    let hours = reader.parse("BUSINESS_HOURS", parse_business_hours);
    let business_hours = reader.require("BUSINESS_HOURS", hours);
    let days = reader.parse_list("BUSINESS_DAYS", parse_weekdays);
    let business_days = reader.require("BUSINESS_DAYS", days);
    Ok(ScheduleConfig {
        timezone: timezone?,
        inventory_time: inventory_time?,
        inventory_interval_minutes: inventory_interval?,
        tracking_interval_minutes: tracking_interval?,
        business_hours: business_hours?,
        business_days: sort_weekdays(&business_days?.concat()),
    })
}

/// A zone by its IANA name.
pub(super) fn parse_timezone(text: &str) -> Result<Tz, String> {
    Tz::from_str(text).map_err(|_| {
        let names = TZ_VARIANTS.iter().map(|zone| zone.name());
        let hint = closest_name(text, names)
            .map_or_else(String::new, |name| format!("; did you mean {name}?"));
        format!("is not a time zone's name{hint}")
    })
}

/// Slots that are the same every day need an interval of which a day is a multiple.
fn read_day_divisor(reader: &mut SettingReader, name: &'static str) -> ReadResult<u32> {
    let minutes = reader.number(name, 1..=DAY_IN_MINUTES)?;
    if DAY_IN_MINUTES.is_multiple_of(minutes) {
        return Ok(minutes);
    }
    let why = "is not a divisor of 1440, the minutes of a day; 60, 120, 240, 360, 720 are";
    Err(reader.reject_value(name, &minutes.to_string(), why))
}

/// `9:30` or `09:30`; TOML's own times, `09:30:00`, too.
fn parse_time_of_day(text: &str) -> Option<NaiveTime> {
    let text = text.trim();
    let mut parts = text.split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    let whole_minute = parts.next().is_none_or(|seconds| seconds == "00");
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let shaped = (1..=2).contains(&hour.len()) && minute.len() == 2;
    if !shaped || !digits(hour) || !digits(minute) || !whole_minute || parts.next().is_some() {
        return None;
    }
    NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)
}

fn parse_business_hours(text: &str) -> Result<BusinessHours, String> {
    let (opens, closes) = text
        .split_once('-')
        .and_then(|(opens, closes)| Some((parse_time_of_day(opens)?, parse_time_of_day(closes)?)))
        .ok_or("is not two times of day with a - between them")?;
    if opens >= closes {
        return Err("closes before it opens".into());
    }
    Ok(BusinessHours { opens, closes })
}

/// One day, or several from one to another, over the end of the week if need be.
fn parse_weekdays(text: &str) -> Result<Vec<Weekday>, String> {
    let day = |name: &str| {
        Weekday::from_str(name.trim())
            .map_err(|_| "is neither a day (Mon) nor two of them with a - between".to_owned())
    };
    let Some((first, last)) = text.split_once('-') else {
        return Ok(vec![day(text)?]);
    };
    let (mut current, last) = (day(first)?, day(last)?);
    let mut days = vec![current];
    while current != last {
        current = current.succ();
        days.push(current);
    }
    Ok(days)
}

fn sort_weekdays(days: &[Weekday]) -> Vec<Weekday> {
    let mut days = days.to_vec();
    days.sort_by_key(Weekday::num_days_from_monday);
    days.dedup();
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_hours_and_minutes() {
        let time = |text| parse_time_of_day(text).map(|t| t.to_string());
        assert_eq!(time("02:00").as_deref(), Some("02:00:00"));
        assert_eq!(time("9:05").as_deref(), Some("09:05:00"));
        assert_eq!(time("23:59:00").as_deref(), Some("23:59:00"));
        for text in [
            "24:00", "12:60", "12", "+1:00", "1:5", "12:00:30", "", ":", "noon",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn business_hours_open_before_they_close() {
        let parsed = parse_business_hours("9:00 - 19:00").unwrap();
        assert_eq!(Some(parsed.opens), parse_time_of_day("09:00"));
        assert_eq!(Some(parsed.closes), parse_time_of_day("19:00"));
        for text in ["19:00-09:00", "09:00-09:00", "09:00", "09:00-", "9-19"] {
            assert!(parse_business_hours(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_may_be_listed_or_spanned() {
        use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
        assert_eq!(
            parse_weekdays("Mon-Fri").unwrap(),
            [Mon, Tue, Wed, Thu, Fri]
        );
        assert_eq!(parse_weekdays("saturday").unwrap(), [Sat]);
        assert_eq!(parse_weekdays("Sat-Mon").unwrap(), [Sat, Sun, Mon]);
        assert_eq!(sort_weekdays(&[Sun, Mon, Sun, Sat]), [Mon, Sat, Sun]);
        assert!(parse_weekdays("Mon-").is_err());
        assert!(parse_weekdays("Funday").is_err());
    }

    #[test]
    fn a_slip_in_a_zone_is_recognised() {
        assert_eq!(parse_timezone("Europe/Berlin"), Ok(Tz::Europe__Berlin));
        let problem = parse_timezone("America/Los_Angelos").unwrap_err();
        assert!(problem.contains("America/Los_Angeles"), "{problem}");
    }
}
