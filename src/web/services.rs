//! What the handlers work with: the services of the configuration that is in force, replaced when
//! that changes.

use parking_lot::RwLock;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::SecretString;

use super::access::CredentialCache;
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
    pub agenda: JobSchedule,
    /// Asked only who a caller is.
    pub identity_client: Arc<VendureClient>,
    pub wakeup: WorkerWakeup,
    /// Passes that a caller asks for are made here, so that they end as they should when he hangs up.
    pub tasks: TaskGroup,
    /// `false`: the shop is not seen to be as configured (yet).
    pub is_shop_verified: Arc<AtomicBool>,
    pub api_token: Option<SecretString>,
    /// Whose words those in `access` are: the shop's address and the channel.
    pub realm: String,
    pub credential_cache: Arc<CredentialCache>,
}

impl Services {
    /// How long a found order waits before it is sent.
    pub(super) fn send_delay(&self) -> Duration {
        self.orders.settings().send_delay
    }

    /// Why nothing may be moved, if so.
    pub(super) fn paused_reason(&self) -> Option<&'static str> {
        if !self.agenda.sync_enabled {
            Some("SYNC_ENABLED is false: nothing is moved to or from VeraCore.")
        } else if self.is_shop_verified.load(Ordering::Relaxed) {
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
pub struct CurrentServices(Arc<RwLock<Option<Arc<Services>>>>);

impl CurrentServices {
    /// Puts these in the place of the present ones. What the same shop said of somebody is remembered.
    pub fn replace(&self, mut services: Services) {
        let mut place = self.0.write();
        if let Some(before) = &*place
            && before.realm == services.realm
        {
            services.credential_cache = Arc::clone(&before.credential_cache);
        }
        *place = Some(Arc::new(services));
    }

    pub(super) fn current(&self) -> Option<Arc<Services>> {
        self.0.read().clone()
    }
}
