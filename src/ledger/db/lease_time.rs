//! Arithmetic of leases and clocks.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Maximum difference between the clocks of replicas.
pub(crate) const MAX_CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Returns whether the database was so slow that the lease may end before the call that it protects.
pub(crate) fn is_half_spent(lease: Duration, from: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - from > to_time_delta(lease) / 2
}

pub(crate) fn to_time_delta(lease: Duration) -> TimeDelta {
    TimeDelta::from_std(lease).unwrap_or(TimeDelta::hours(1))
}
