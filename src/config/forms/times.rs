//! Times of day, days of the week and time zones. Pure.

use std::str::FromStr as _;

use chrono::{NaiveTime, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::config::closest::closest_name;

pub const MINUTES_PER_DAY: u32 = 24 * 60;

/// A span within one day, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusinessHours {
    pub opens: NaiveTime,
    /// After `opens`.
    pub closes: NaiveTime,
}

/// A zone by its IANA name.
pub fn parse_timezone(text: &str) -> Result<Tz, String> {
    Tz::from_str(text).map_err(|_| {
        let names = TZ_VARIANTS.iter().map(|zone| zone.name());
        let hint = closest_name(text, names)
            .map_or_else(String::new, |name| format!("; did you mean {name}?"));
        format!("is not the name of a time zone{hint}")
    })
}

/// Runs are at the same times every day only if the interval divides a day.
pub fn day_divisor(minutes: u32) -> Result<u32, String> {
    if MINUTES_PER_DAY.is_multiple_of(minutes) {
        return Ok(minutes);
    }
    Err("is not a divisor of 1440, the minutes of a day; 60, 120, 240, 360, 720 are".into())
}

pub fn parse_time(text: &str) -> Result<NaiveTime, String> {
    time_of_day(text).ok_or_else(|| "is not a time of day".into())
}

/// `9:30` or `09:30`; TOML's own times, `09:30:00`, too.
fn time_of_day(text: &str) -> Option<NaiveTime> {
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

pub fn parse_business_hours(text: &str) -> Result<BusinessHours, String> {
    let (opens, closes) = text
        .split_once('-')
        .and_then(|(opens, closes)| Some((time_of_day(opens)?, time_of_day(closes)?)))
        .ok_or("is not two times of day with a - between them")?;
    if opens >= closes {
        return Err("closes before it opens".into());
    }
    Ok(BusinessHours { opens, closes })
}

/// Adds one day, or a span of days, which may cross the end of the week.
pub fn add_weekdays(days: &mut Vec<Weekday>, text: &str) -> Result<(), String> {
    let day = |name: &str| {
        Weekday::from_str(name.trim())
            .map_err(|_| "is neither a day (Mon) nor a span of days (Mon-Fri)".to_owned())
    };
    let Some((first, last)) = text.split_once('-') else {
        days.push(day(text)?);
        return Ok(());
    };
    let (mut current, last) = (day(first)?, day(last)?);
    days.push(current);
    while current != last {
        current = current.succ();
        days.push(current);
    }
    Ok(())
}

/// Sorts from Monday, and drops repetitions.
pub fn sort_weekdays(mut days: Vec<Weekday>) -> Vec<Weekday> {
    days.sort_by_key(Weekday::num_days_from_monday);
    days.dedup();
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_hours_and_minutes() {
        let time = |text| time_of_day(text).map(|t| t.to_string());
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
        assert_eq!(Some(parsed.opens), time_of_day("09:00"));
        assert_eq!(Some(parsed.closes), time_of_day("19:00"));
        for text in ["19:00-09:00", "09:00-09:00", "09:00", "09:00-", "9-19"] {
            assert!(parse_business_hours(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_may_be_listed_or_spanned() {
        use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
        let parse_weekdays = |text| {
            let mut days = Vec::new();
            add_weekdays(&mut days, text).map(|()| days)
        };
        let week = parse_weekdays("Mon-Fri").unwrap();
        assert_eq!(week, [Mon, Tue, Wed, Thu, Fri]);
        assert_eq!(parse_weekdays("saturday").unwrap(), [Sat]);
        assert_eq!(parse_weekdays("Sat-Mon").unwrap(), [Sat, Sun, Mon]);
        assert_eq!(sort_weekdays(vec![Sun, Mon, Sun, Sat]), [Mon, Sat, Sun]);
        assert!(parse_weekdays("Mon-").is_err());
        assert!(parse_weekdays("Funday").is_err());
    }

    #[test]
    fn a_misspelled_zone_is_recognized() {
        assert_eq!(parse_timezone("Europe/Berlin"), Ok(Tz::Europe__Berlin));
        let problem = parse_timezone("America/Los_Angelos").unwrap_err();
        assert!(problem.contains("America/Los_Angeles"), "{problem}");
    }
}
