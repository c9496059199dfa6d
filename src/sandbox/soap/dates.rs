//! SOAP dates: in the tenant's local time, without a time zone.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::{super::orders::Package, shape};

/// .NET's value for an unset date.
pub(super) const UNSET: &str = "0001-01-01T00:00:00";

pub(super) fn text(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

pub(super) fn local(zone: Tz, time: DateTime<Utc>) -> NaiveDateTime {
    zone.from_utc_datetime(&time.naive_utc()).naive_local()
}

/// Parses a date or time. Like .NET, converts one with an offset to the zone.
pub(super) fn read(zone: Tz, text: &str) -> Option<NaiveDateTime> {
    match shape::date_time(text).or_else(|| shape::date(text))? {
        (time, None) => Some(time),
        (time, Some(offset)) => {
            let utc = time.checked_sub_signed(TimeDelta::seconds(offset.into()))?;
            Some(local(zone, utc.and_utc()))
        }
    }
}

/// When a package was shipped. `ship_date` may be any text; if it is no date, the time of the last
/// change counts.
pub(super) fn shipped(zone: Tz, package: &Package) -> NaiveDateTime {
    read(zone, &package.ship_date).unwrap_or_else(|| local(zone, package.changed_at))
}

pub(super) fn voided(zone: Tz, package: &Package) -> String {
    if package.voided {
        text(local(zone, package.changed_at))
    } else {
        UNSET.to_owned()
    }
}
