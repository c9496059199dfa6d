//! The last metrics read from the ledger.

use std::sync::Arc;

use tokio::{sync::Mutex, time::Instant};

/// The rendered metrics of the ledger. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::web) struct LedgerMetricsCache(pub(super) Arc<Mutex<Option<CachedMetrics>>>);

pub(in crate::web) struct CachedMetrics {
    pub(super) expires_at: Instant,
    pub(super) text: Arc<str>,
}
