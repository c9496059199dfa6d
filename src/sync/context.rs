//! The clients, the ledger and the clock that the services share.

use std::sync::Arc;

use crate::{
    clock::SharedClock, fulfillment::FulfillmentProvider, ledger::Ledger, lifecycle::TaskGroup,
    vendure::Storefront,
};

/// The dependencies of a sync service. Cheap to clone.
#[derive(Clone)]
pub struct SyncContext {
    pub storefront: Arc<dyn Storefront>,
    pub provider: Arc<dyn FulfillmentProvider>,
    pub ledger: Ledger,
    pub clock: SharedClock,
    /// Services start no work once these are stopping.
    pub tasks: TaskGroup,
}
