//! The state of a sandbox, shared by its tasks.

use std::net::SocketAddr;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    access::Access, config::SandboxConfig, faults::Faults, journal::Journal, warehouse::Warehouse,
};
use crate::clock::SharedClock;

/// The mutable state of a sandbox.
#[derive(Default)]
pub(super) struct State {
    pub warehouse: Warehouse,
    pub access: Access,
    pub faults: Faults,
    pub journal: Journal,
}

/// A sandbox as all its tasks see it: settings, clock, address and state.
pub(super) struct Shared {
    pub config: SandboxConfig,
    pub clock: SharedClock,
    pub addr: SocketAddr,
    pub base_url: Url,
    pub stop: CancellationToken,
    pub state: Mutex<State>,
    /// The number of changes, for tasks that wait for one.
    pub changes: watch::Sender<u64>,
}

impl Shared {
    pub fn read<T>(&self, query: impl FnOnce(&State) -> T) -> T {
        query(&self.state.lock())
    }

    pub fn change<T>(&self, update: impl FnOnce(&mut State) -> T) -> T {
        let result = update(&mut self.state.lock());
        self.changes.send_modify(|count| *count += 1);
        result
    }
}
