//! Waits for leases, and renews them while the work under them runs.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

use crate::ledger::{Lease, LeaseKey, Ledger, LedgerError};

/// Between two attempts to acquire a lease that another process holds.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Acquires a lease, waiting `max_wait` at most; `None` if another process held it all the time.
pub async fn acquire_within(
    ledger: &Ledger,
    keys: &[LeaseKey<'_>],
    ttl: Duration,
    max_wait: Duration,
) -> Result<Option<Lease>, LedgerError> {
    let start = Instant::now();
    loop {
        if let Some(lease) = ledger.acquire_lease(keys, ttl).await? {
            return Ok(Some(lease));
        }
        if start.elapsed() >= max_wait {
            return Ok(None);
        }
        sleep(RETRY_INTERVAL).await;
    }
}

/// Works under a lease, which is released afterwards. `None`: another process holds it.
pub async fn with_lease<T>(
    ledger: &Ledger,
    keys: &[LeaseKey<'_>],
    ttl: Duration,
    work: impl AsyncFnOnce(Lease) -> T,
) -> Result<Option<T>, LedgerError> {
    let Some(lease) = ledger.acquire_lease(keys, ttl).await? else {
        return Ok(None);
    };
    let value = work(lease.clone()).await;
    if let Err(error) = ledger.release_lease(&lease).await {
        tracing::debug!(%error, "a lease was not released and expires");
    }
    Ok(Some(value))
}

/// Renews a lease while the work runs; `None` when it was lost and the work was dropped halfway.
pub async fn keep_alive<T>(
    ledger: &Ledger,
    lease: &Lease,
    ttl: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let lost = async {
        let mut renewed_at = Instant::now();
        loop {
            sleep(ttl / 4).await;
            match ledger.renew_lease(lease, ttl).await {
                Ok(true) => renewed_at = Instant::now(),
                Ok(false) => return,
                // The database may come back before the lease expires.
                Err(_) if renewed_at.elapsed() < ttl => {}
                Err(_) => return,
            }
        }
    };
    tokio::select! {
        done = work => Some(done),
        () = lost => None,
    }
}
