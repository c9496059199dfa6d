//! The clients, the ledger and the clock that the services share.

use std::{ops::Deref, sync::Arc};

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

/// A sync service: the shared dependencies and its own settings. Cheap to clone.
pub struct SyncService<Settings, State = ()> {
    context: SyncContext,
    pub settings: Arc<Settings>,
    /// Remembered between calls; clones share it.
    pub(super) state: Arc<State>,
}

impl<Settings, State: Default> SyncService<Settings, State> {
    pub fn new(context: SyncContext, settings: Settings) -> Self {
        Self {
            context,
            settings: Arc::new(settings),
            state: Arc::default(),
        }
    }
}

impl<Settings, State> Clone for SyncService<Settings, State> {
    fn clone(&self) -> Self {
        Self {
            context: self.context.clone(),
            settings: Arc::clone(&self.settings),
            state: Arc::clone(&self.state),
        }
    }
}

impl<Settings, State> Deref for SyncService<Settings, State> {
    type Target = SyncContext;

    fn deref(&self) -> &SyncContext {
        &self.context
    }
}
