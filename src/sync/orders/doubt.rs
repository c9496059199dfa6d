//! Decides about an order whose response was lost. Pure.
//!
//! VeraCore may still process the send. So it is asked only after a quiet period, and again after a
//! second one if it does not have the order. The order is sent again only if it was missing both
//! times. Each period starts at the current time, so that one jump of the clock cannot skip both.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::time_delta;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DoubtStage {
    Wait { until: DateTime<Utc> },
    Lookup,
}

/// The meaning of a lookup that did not find the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// Missing for the first time: look up again.
    Unconfirmed { check_at: DateTime<Utc> },
    /// Missing twice, a quiet period apart: VeraCore did not receive it.
    Confirmed,
}

pub(super) fn stage(
    sent_at: DateTime<Utc>,
    missing_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    quiet: Duration,
) -> DoubtStage {
    let until = missing_at.unwrap_or(sent_at) + time_delta(quiet);
    // After the clock was set back, wait no longer than one period from now.
    let until = until.min(now + time_delta(quiet));
    if now < until {
        DoubtStage::Wait { until }
    } else {
        DoubtStage::Lookup
    }
}

pub(super) fn absence(
    missing_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    quiet: Duration,
) -> Absence {
    match missing_at {
        Some(first) if now >= first + time_delta(quiet) => Absence::Confirmed,
        _ => Absence::Unconfirmed {
            check_at: now + time_delta(quiet),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_secs(60);

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn it_is_sent_again_only_after_two_quiet_periods_and_two_answers() {
        assert_eq!(
            stage(at(0), None, at(59), QUIET),
            DoubtStage::Wait { until: at(60) }
        );
        assert_eq!(stage(at(0), None, at(60), QUIET), DoubtStage::Lookup);
        assert_eq!(
            absence(None, at(60), QUIET),
            Absence::Unconfirmed { check_at: at(120) }
        );
        assert_eq!(
            stage(at(0), Some(at(60)), at(119), QUIET),
            DoubtStage::Wait { until: at(120) }
        );
        assert_eq!(
            stage(at(0), Some(at(60)), at(120), QUIET),
            DoubtStage::Lookup
        );
        assert_eq!(absence(Some(at(60)), at(120), QUIET), Absence::Confirmed);
    }

    #[test]
    fn a_clock_that_jumps_forward_skips_at_most_one_of_the_periods() {
        // An hour ahead right after the send: asked at once, but not sent again at once.
        assert_eq!(stage(at(0), None, at(3600), QUIET), DoubtStage::Lookup);
        assert_eq!(
            absence(None, at(3600), QUIET),
            Absence::Unconfirmed { check_at: at(3660) }
        );
    }

    #[test]
    fn a_clock_that_was_set_back_delays_by_one_period_only() {
        assert_eq!(
            stage(at(3600), None, at(0), QUIET),
            DoubtStage::Wait { until: at(60) }
        );
        assert_eq!(
            absence(Some(at(3600)), at(0), QUIET),
            Absence::Unconfirmed { check_at: at(60) }
        );
    }
}
