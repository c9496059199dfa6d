//! Waiting for a condition, with a limit.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

/// How long anything may take that should happen; generous, since machines are slow at times.
pub const PATIENCE: Duration = Duration::from_secs(60);

const STEP: Duration = Duration::from_millis(20);

/// Looks again and again until there is something, for [`PATIENCE`] at most.
///
/// # Panics
/// When it does not come.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain until {what}"
        );
        sleep(STEP).await;
    }
}
