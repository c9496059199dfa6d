//! Waits for a condition, with a limit.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

/// The limit of every wait; generous, because CI machines can be slow.
pub const WAIT_LIMIT: Duration = Duration::from_secs(60);

const INTERVAL: Duration = Duration::from_millis(20);

/// Calls `check` until it returns something, for [`WAIT_LIMIT`] at most.
///
/// # Panics
/// After [`WAIT_LIMIT`].
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(
            start.elapsed() < WAIT_LIMIT,
            "waited {WAIT_LIMIT:?} in vain until {what}"
        );
        sleep(INTERVAL).await;
    }
}
