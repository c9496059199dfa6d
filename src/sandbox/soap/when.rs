//! Dates of SOAP: local to the tenant, and without a zone.
//!
//! Owns the change between moments and wall-clock times. Must not ask what time it is.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::{super::orders::Package, shape};

/// What .NET writes for a date that was never set.
pub(super) const UNSET: &str = "0001-01-01T00:00:00";

pub(super) fn text(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

pub(super) fn local(zone: Tz, time: DateTime<Utc>) -> NaiveDateTime {
    zone.from_utc_datetime(&time.naive_utc()).naive_local()
}

/// A date or time as it came in; one with an offset is moved into the zone, as .NET does.
pub(super) fn read(zone: Tz, text: &str) -> Option<NaiveDateTime> {
    match shape::moment(text).or_else(|| shape::day(text))? {
        (time, None) => Some(time),
        (time, Some(offset)) => {
            let utc = time.checked_sub_signed(TimeDelta::seconds(offset.into()))?;
            Some(local(zone, utc.and_utc()))
        }
    }
}

/// When a package left. The control API may have said anything; what is no date counts as now.
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
