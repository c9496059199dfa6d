//! Waiting for a hold, and keeping one while the work under it goes on.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

use crate::ledger::{Lease, LeaseKey, Ledger, LedgerError};

/// Between two tries for what somebody else holds.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Takes all of it, waiting for others for `patience` at most; `None` when that was not enough.
pub async fn acquire_within(
    ledger: &Ledger,
    what: &[LeaseKey<'_>],
    time: Duration,
    patience: Duration,
) -> Result<Option<Lease>, LedgerError> {
    let start = Instant::now();
    loop {
        if let Some(hold) = ledger.acquire_lease(what, time).await? {
            return Ok(Some(hold));
        }
        if start.elapsed() >= patience {
            return Ok(None);
        }
        sleep(RETRY_INTERVAL).await;
    }
}

/// Does the work under a lease, which is released afterwards. `None`: somebody else holds it.
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

/// Does the work while the hold is lengthened again and again; `None` when it was lost, and the
/// work dropped half-way.
pub async fn keep_alive<T>(
    ledger: &Ledger,
    hold: &Lease,
    time: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let lost = async {
        let mut since = Instant::now();
        loop {
            sleep(time / 4).await;
            match ledger.renew_lease(hold, time).await {
                Ok(true) => since = Instant::now(),
                Ok(false) => return,
                // The database may come back before the time is over.
                Err(_) if since.elapsed() < time => {}
                Err(_) => return,
            }
        }
    };
    tokio::select! {
        done = work => Some(done),
        () = lost => None,
    }
}
