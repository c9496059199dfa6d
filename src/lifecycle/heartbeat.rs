//! Heartbeats: recurring signs that the process works, so that a hanging process is noticed from
//! outside. Must not decide what happens to such a process.

use parking_lot::Mutex;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::Instant;

/// All heartbeats of a process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Heartbeats(Arc<Mutex<Vec<Weak<Heartbeat>>>>);

/// A heartbeat that is expected as long as this value is held.
#[derive(Debug)]
pub struct Heartbeat {
    name: &'static str,
    /// The longest time between two beats.
    max_interval: Duration,
    last: Mutex<Instant>,
}

impl Heartbeat {
    pub fn beat(&self) {
        self.beat_at(Instant::now());
    }

    fn beat_at(&self, now: Instant) {
        *self.last.lock() = now;
    }

    fn is_overdue_at(&self, now: Instant) -> bool {
        let last = *self.last.lock();
        now.saturating_duration_since(last) > self.max_interval
    }
}

impl Heartbeats {
    /// Adds a heartbeat; its first beat is now.
    pub(super) fn register(&self, name: &'static str, max_interval: Duration) -> Arc<Heartbeat> {
        let heartbeat = Arc::new(Heartbeat {
            name,
            max_interval,
            last: Mutex::new(Instant::now()),
        });
        let mut all = self.0.lock();
        all.retain(|heartbeat| heartbeat.strong_count() > 0);
        all.push(Arc::downgrade(&heartbeat));
        heartbeat
    }

    /// The name of an overdue heartbeat, if any.
    pub(super) fn overdue(&self) -> Option<&'static str> {
        self.overdue_at(Instant::now())
    }

    fn overdue_at(&self, now: Instant) -> Option<&'static str> {
        let all = self.0.lock();
        let mut expected = all.iter().filter_map(Weak::upgrade);
        expected
            .find(|heartbeat| heartbeat.is_overdue_at(now))
            .map(|heartbeat| heartbeat.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_expected_heartbeat_becomes_overdue() {
        let heartbeats = Heartbeats::default();
        let max_interval = Duration::from_secs(60);
        let regular = heartbeats.register("regular", max_interval);
        let hanging = heartbeats.register("hanging", max_interval);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(heartbeats.overdue_at(after(45)), None);
        regular.beat_at(after(45));
        assert_eq!(heartbeats.overdue_at(after(90)), Some("hanging"));
        hanging.beat_at(after(90));
        assert_eq!(heartbeats.overdue_at(after(105)), None);
        assert_eq!(heartbeats.overdue_at(after(106)), Some("regular"));
        drop(regular);
        assert_eq!(heartbeats.overdue_at(after(106)), None);
        drop(hanging);
        assert_eq!(heartbeats.overdue_at(after(1000)), None);
    }
}
