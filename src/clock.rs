//! The clock, passed in. Only this file may read the system time.

use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// A source of time, in microseconds: the resolution of Postgres.
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;
}

pub type SharedClock = Arc<dyn Clock>;

/// Converts a duration for a sum with a time; at most a year.
pub fn time_delta(duration: Duration) -> TimeDelta {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    TimeDelta::from_std(duration.min(YEAR)).unwrap_or_default()
}

/// The system clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system time"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// A clock for tests, which only they advance.
#[derive(Debug)]
pub struct MockClock(Mutex<DateTime<Utc>>);

impl MockClock {
    pub fn at(now: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(now.trunc_subsecs(6))))
    }

    /// Moves forwards, or backwards with a negative step.
    pub fn advance(&self, step: TimeDelta) {
        *self.0.lock() += step;
    }
}

impl Clock for MockClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock()
    }
}
