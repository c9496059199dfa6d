//! Repeatable random numbers: `TEST_SEED` sets the seed, which the tests print.

use veracore_sync::clock::{Clock as _, SystemClock};

/// A SplitMix64 generator.
pub struct SeededRng {
    pub seed: u64,
    state: u64,
}

impl SeededRng {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' environment, not the program's configuration"
    )]
    pub fn from_env() -> Self {
        let seed = match std::env::var("TEST_SEED") {
            Ok(text) => text.parse().expect("TEST_SEED is a number"),
            Err(_) => SystemClock.now().timestamp_micros().unsigned_abs(),
        };
        Self { seed, state: seed }
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
