//! Waiting for a hold, and keeping one while the work under it goes on.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

use crate::ledger::{Held, Hold, Ledger, LedgerError};

/// Between two tries for what somebody else holds.
const STEP: Duration = Duration::from_millis(50);

/// Takes all of it, waiting for others for `patience` at most; `None` when that was not enough.
///
/// # Errors
/// When the database does not answer.
pub async fn wait_for(
    ledger: &Ledger,
    what: &[Held<'_>],
    time: Duration,
    patience: Duration,
) -> Result<Option<Hold>, LedgerError> {
    let start = Instant::now();
    loop {
        if let Some(hold) = ledger.hold(what, time).await? {
            return Ok(Some(hold));
        }
        if start.elapsed() >= patience {
            return Ok(None);
        }
        sleep(STEP).await;
    }
}

/// Does the work while the hold is lengthened again and again; `None` when it was lost, and the
/// work dropped half-way.
pub async fn keep<T>(
    ledger: &Ledger,
    hold: &Hold,
    time: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let lost = async {
        let mut since = Instant::now();
        loop {
            sleep(time / 4).await;
            match ledger.hold_on(hold, time).await {
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
