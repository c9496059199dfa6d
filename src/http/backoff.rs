//! Delays between attempts. The only file that uses the crate `backoff`, which is no longer
//! maintained: it uses only its arithmetic, so the crate can be replaced here.

use std::time::Duration;

use ::backoff::{ExponentialBackoff, backoff::Backoff as _};
use sha2::{Digest, Sha256};

/// Exponential delays: `initial`, doubled for each failure, at most `max`, then jittered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub initial: Duration,
    pub max: Duration,
}

impl Backoff {
    /// The delay after the `failures`-th failure in a row (counted from 1).
    ///
    /// Jitter subtracts up to a half, so that rows that failed together are not retried together.
    /// It depends only on `seed` (the row) and `failures`, so every replica computes the same delay.
    pub fn delay(&self, failures: u32, seed: &str) -> Duration {
        let full = self.nominal(failures);
        let half = full / 2;
        let share = jitter(seed, failures);
        let jittered = half.as_millis() * u128::from(share) / u128::from(u16::MAX);
        full - Duration::from_millis(u64::try_from(jittered).unwrap_or(0))
    }

    fn nominal(&self, failures: u32) -> Duration {
        let mut schedule: ExponentialBackoff = ExponentialBackoff {
            current_interval: self.initial,
            initial_interval: self.initial,
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: self.max,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        // Past 64 doublings any interval has long reached its maximum.
        let mut delay = self.initial;
        for _ in 0..failures.clamp(1, 64) {
            delay = schedule.next_backoff().unwrap_or(self.max);
        }
        delay.min(self.max)
    }
}

fn jitter(seed: &str, failures: u32) -> u16 {
    let digest = Sha256::new()
        .chain_update(seed)
        .chain_update(failures.to_be_bytes())
        .finalize();
    u16::from_be_bytes([digest[0], digest[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    const B: Backoff = Backoff {
        initial: Duration::from_secs(15),
        max: Duration::from_secs(3600),
    };

    #[test]
    fn delays_double_up_to_the_maximum() {
        let nominal: Vec<u64> = (1..=10).map(|n| B.nominal(n).as_secs()).collect();
        assert_eq!(nominal, [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(B.nominal(u32::MAX).as_secs(), 3600);
    }

    #[test]
    fn jitter_takes_off_at_most_a_half_and_differs_between_rows() {
        let delays: Vec<Duration> = (0..200).map(|row| B.delay(3, &row.to_string())).collect();
        assert!(
            delays
                .iter()
                .all(|d| (30_000..=60_000).contains(&d.as_millis()))
        );
        let distinct: std::collections::BTreeSet<_> = delays.iter().collect();
        assert!(
            distinct.len() > 150,
            "{} distinct delays of 200",
            distinct.len()
        );
        assert_eq!(B.delay(3, "a"), B.delay(3, "a"));
    }
}
