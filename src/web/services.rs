//! The services of the configuration in force. A settings change replaces them.

use parking_lot::RwLock;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{access::Authenticator, request_error::RequestError};
use crate::{
    clock::SharedClock,
    ledger::Ledger,
    lifecycle::TaskGroup,
    sync::{
        inventory::InventorySync,
        jobs::status::JobSchedule,
        orders::{OrderSync, discovery_loop::WorkerWakeup},
        tracking::TrackingSync,
        upstreams::Upstreams,
    },
};

pub struct Services {
    pub ledger: Ledger,
    pub clock: SharedClock,
    pub upstreams: Upstreams,
    pub orders: OrderSync,
    pub inventory: InventorySync,
    pub tracking: TrackingSync,
    pub agenda: JobSchedule,
    pub wakeup: WorkerWakeup,
    /// Runs manual actions, so that they finish when the caller disconnects.
    pub tasks: TaskGroup,
    /// The shop's setup was checked and is right.
    pub is_shop_verified: Arc<AtomicBool>,
    pub authenticator: Authenticator,
}

impl Services {
    /// The delay between discovering an order and sending it.
    pub(super) fn send_delay(&self) -> Duration {
        self.orders.settings.send_delay
    }

    /// Why sync is paused, if it is.
    pub(super) fn paused_reason(&self) -> Option<&'static str> {
        if !self.agenda.sync_enabled {
            Some("SYNC_ENABLED is false.")
        } else if self.is_shop_verified.load(Ordering::Relaxed) {
            None
        } else {
            Some("Vendure's setup is not confirmed yet; the log says why.")
        }
    }
}

/// The services in force; none until the database is available. Cheap to clone.
#[derive(Clone, Default)]
pub struct CurrentServices(Arc<RwLock<Option<Arc<Services>>>>);

impl CurrentServices {
    /// Replaces the services. Known callers stay known, unless the shop changed.
    pub fn replace(&self, mut services: Services) {
        let mut current = self.0.write();
        if let Some(previous) = &*current {
            services.authenticator.inherit(&previous.authenticator);
        }
        *current = Some(Arc::new(services));
    }

    pub(super) fn current(&self) -> Option<Arc<Services>> {
        self.0.read().clone()
    }

    /// The services, or the error of a request that needs them.
    pub(super) fn require(&self) -> Result<Arc<Services>, RequestError> {
        self.current().ok_or_else(RequestError::starting)
    }
}
