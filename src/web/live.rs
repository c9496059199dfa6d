//! What the handlers work with: the services of the configuration that is in force, replaced when
//! that changes.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::SecretString;

use super::access::Access;
use crate::{
    clock::SharedClock,
    ledger::Ledger,
    lifecycle::Tasks,
    sync::{
        agenda::Agenda, inventory::InventorySync, orders::OrderSync, runner::Bells,
        tracking::TrackingSync, upstreams::Upstreams,
    },
    vendure::VendureClient,
};

/// The services of one configuration.
pub struct Services {
    pub ledger: Ledger,
    pub clock: SharedClock,
    pub upstreams: Upstreams,
    pub orders: OrderSync,
    pub inventory: InventorySync,
    pub tracking: TrackingSync,
    pub agenda: Agenda,
    /// Asked only who a caller is.
    pub vendure: Arc<VendureClient>,
    pub bells: Bells,
    /// Passes that a caller asks for are made here, so that they end as they should when he hangs up.
    pub tasks: Tasks,
    /// `false`: the shop is not seen to be as configured (yet).
    pub is_ready: Arc<AtomicBool>,
    pub api_token: Option<SecretString>,
    /// Whose words those in `access` are: the shop's address and the channel.
    pub realm: String,
    pub access: Arc<Access>,
}

impl Services {
    /// How long a found order waits before it is sent.
    pub(super) fn hold(&self) -> Duration {
        self.orders.settings().hold
    }

    /// Why nothing may be moved, if so.
    pub(super) fn stands_still(&self) -> Option<&'static str> {
        if !self.agenda.enabled {
            Some("SYNC_ENABLED is false: nothing is moved to or from VeraCore.")
        } else if self.is_ready.load(Ordering::Relaxed) {
            None
        } else {
            Some(
                "Vendure is not seen to be as configured (yet): nothing is moved; the log says why.",
            )
        }
    }
}

/// The services in force; none before the database was there. Cheap to clone.
#[derive(Clone, Default)]
pub struct Live(Arc<RwLock<Option<Arc<Services>>>>);

impl Live {
    /// Puts these in the place of the present ones. What the same shop said of somebody is remembered.
    pub fn put(&self, mut services: Services) {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = &*place
            && before.realm == services.realm
        {
            services.access = Arc::clone(&before.access);
        }
        *place = Some(Arc::new(services));
    }

    pub(super) fn now(&self) -> Option<Arc<Services>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
