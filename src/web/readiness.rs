//! Readiness: the database is available, migrated and writable.

use std::time::Duration;

use super::services::Services;
use crate::ledger::Ledger;

/// Short, because health probes time out quickly.
pub(super) const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the daemon is not ready, if so.
pub(super) async fn not_ready_reason(
    ledger: &Ledger,
    services: Option<&Services>,
) -> Option<String> {
    let checks = tokio::time::timeout(DATABASE_TIMEOUT, async {
        ledger.ensure_migrated().await?;
        ledger.ensure_writable().await
    });
    match checks.await {
        // While upstreams are unavailable, no order is written, so the problem cannot clear.
        Ok(Ok(())) => ledger
            .blocking_problem()
            .filter(|_| services.is_none_or(|services| services.upstreams.are_available())),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!(
            "the database did not answer within {DATABASE_TIMEOUT:?}"
        )),
    }
}
