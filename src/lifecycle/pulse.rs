//! Pulses: what must come again and again while the process works, so that a process that hangs is
//! noticed from outside. Must not decide what becomes of such a process.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;

/// All pulses of a process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulses(Arc<Mutex<Vec<Weak<Pulse>>>>);

/// Something that is expected to come again and again, as long as this is held.
#[derive(Debug)]
pub struct Pulse {
    name: &'static str,
    /// The longest time between two beats.
    patience: Duration,
    last: Mutex<Instant>,
}

impl Pulse {
    /// It came.
    pub fn beat(&self) {
        self.beat_at(Instant::now());
    }

    fn beat_at(&self, now: Instant) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn is_late_at(&self, now: Instant) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        now.saturating_duration_since(last) > self.patience
    }
}

impl Pulses {
    /// One more; it counts as having come now.
    pub(super) fn expect(&self, name: &'static str, patience: Duration) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            name,
            patience,
            last: Mutex::new(Instant::now()),
        });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|pulse| pulse.strong_count() > 0);
        all.push(Arc::downgrade(&pulse));
        pulse
    }

    /// The name of one that is late, if any is.
    pub(super) fn late(&self) -> Option<&'static str> {
        self.late_at(Instant::now())
    }

    fn late_at(&self, now: Instant) -> Option<&'static str> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = all.iter().filter_map(Weak::upgrade);
        held.find(|pulse| pulse.is_late_at(now))
            .map(|pulse| pulse.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pulse_that_is_held_and_late_is_told() {
        let pulses = Pulses::default();
        let patience = Duration::from_secs(60);
        let regular = pulses.expect("regular", patience);
        let hanging = pulses.expect("hanging", patience);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pulses.late_at(after(45)), None);
        regular.beat_at(after(45));
        assert_eq!(pulses.late_at(after(90)), Some("hanging"));
        hanging.beat_at(after(90));
        assert_eq!(pulses.late_at(after(105)), None);
        assert_eq!(pulses.late_at(after(106)), Some("regular"));
        drop(regular);
        assert_eq!(pulses.late_at(after(106)), None);
        drop(hanging);
        assert_eq!(pulses.late_at(after(1000)), None);
    }
}
