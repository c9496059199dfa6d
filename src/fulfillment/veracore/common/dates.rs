//! Dates with or without a time zone, also on days on which clocks change.

use chrono::{
    DateTime, Datelike as _, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset as _,
    TimeDelta, TimeZone as _, Utc,
};
use chrono_tz::Tz;

use super::fields::{JsonField, ParseProblem, text};

/// [`parse_date`] for a JSON field.
pub(crate) fn read_date(
    field: &str,
    raw: JsonField<'_>,
    zone: Tz,
) -> Result<Option<DateTime<Utc>>, ParseProblem> {
    parse_date(field, &text(field, raw)?.unwrap_or_default(), zone)
}

/// Reads a date, with or without a time and a zone. A year before 1900 is how some systems write
/// "none".
pub(crate) fn parse_date(
    field: &str,
    text: &str,
    zone: Tz,
) -> Result<Option<DateTime<Utc>>, ParseProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let Some((local, instant)) = parse_local_and_utc(text, zone) else {
        return Err(format!("{field} is not a date"));
    };
    match local.year() {
        ..1900 => Ok(None),
        10_000.. => Err(format!("{field} is not a date before the year 10000")),
        _ => Ok(Some(instant)),
    }
}

/// The date as written, and its instant.
fn parse_local_and_utc(text: &str, zone: Tz) -> Option<(NaiveDateTime, DateTime<Utc>)> {
    let zoned = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z"));
    if let Ok(at) = zoned {
        return Some((at.naive_local(), at.to_utc()));
    }
    let local = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
    ]
    .iter()
    .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    .or_else(|| {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_time(NaiveTime::MIN))
    })?;
    // Outside these years the arithmetic could overflow, and the caller refuses the date anyway.
    let instant = if (1900..10_000).contains(&local.year()) {
        local_to_utc(local, zone)
    } else {
        local.and_utc()
    };
    Some((local, instant))
}

/// The instant at which clocks in `zone` showed `local`: the first of two; for a skipped time, later
/// by as much as the clocks skipped.
fn local_to_utc(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => at.to_utc(),
        MappedLocalTime::Ambiguous(one, other) => one.to_utc().min(other.to_utc()),
        MappedLocalTime::None => {
            // No zone ever skipped more than a day: a day earlier, the old offset was in force.
            let before = zone.offset_from_utc_datetime(&(local - TimeDelta::days(1)));
            (local - before.fix()).and_utc()
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::{Los_Angeles, Sao_Paulo};
    use serde_json::value::RawValue;

    use super::*;

    fn at(text: &str) -> Result<Option<String>, ParseProblem> {
        let raw = RawValue::from_string(serde_json::to_string(text).unwrap()).unwrap();
        read_date("ShipDate", Some(&raw), Los_Angeles).map(|at| at.map(|at| at.to_rfc3339()))
    }

    #[test]
    fn dates_with_a_zone_use_it() {
        for text in [
            "2026-11-21T10:00:00Z",
            " 2026-11-21T02:00:00-08:00 ",
            "2026-11-21T11:00:00.000+0100",
        ] {
            assert_eq!(at(text), Ok(Some("2026-11-21T10:00:00+00:00".into())));
        }
    }

    #[test]
    fn dates_without_a_zone_are_in_the_configured_one() {
        for (text, instant) in [
            ("2026-11-21T02:00:00", "2026-11-21T10:00:00+00:00"),
            ("2026-07-21 02:00:00.000", "2026-07-21T09:00:00+00:00"),
            ("2026-11-21", "2026-11-21T08:00:00+00:00"),
            // Skipped, and repeated, in that night.
            ("2026-03-08T02:30:00", "2026-03-08T10:30:00+00:00"),
            ("2026-11-01T01:30:00", "2026-11-01T08:30:00+00:00"),
        ] {
            assert_eq!(at(text), Ok(Some(instant.into())), "{text}");
        }
        let midnight = NaiveDate::from_ymd_opt(2018, 11, 4).unwrap();
        let skipped = local_to_utc(midnight.and_time(NaiveTime::MIN), Sao_Paulo);
        assert_eq!(skipped.to_rfc3339(), "2018-11-04T03:00:00+00:00");
    }

    #[test]
    fn blank_and_ancient_dates_are_none_and_others_a_problem() {
        for none in [
            "",
            "  ",
            "0001-01-01T00:00:00",
            "0001-01-01T00:00:00Z",
            "1899-12-30",
        ] {
            assert_eq!(at(none), Ok(None), "{none}");
        }
        for bad in ["soon", "2026-13-01", "2026-02-30", "+99999-01-01", "12/31"] {
            assert!(at(bad).unwrap_err().starts_with("ShipDate is not a date"));
        }
    }
}
