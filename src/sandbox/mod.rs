//! The VeraCore simulator: an in-memory warehouse with VeraCore's `rest` and `oms` APIs, for
//! manual testing, demos and tests.
//!
//! Written from VeraCore's documentation and never from our client, so that an error in one of them
//! shows. Uses nothing of the daemon except `clock`.
//!
//! `server` accepts a call, `gate` logs it and injects faults, `rest` or `soap` handles it and
//! changes the `warehouse`. `control` is the API with which a tester drives the warehouse.

mod access;
mod call;
mod config;
mod control;
mod details;
mod faults;
mod filler;
mod gate;
mod journal;
mod orders;
mod reply;
mod rest;
mod server;
mod shared;
mod slips;
mod soap;
mod stock;
#[cfg(test)]
mod tests;
mod warehouse;

use std::{io, net::SocketAddr, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    net::TcpListener,
    sync::{mpsc::UnboundedReceiver, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use self::shared::Shared;
use crate::clock::SharedClock;

pub use config::{SandboxConfig, UnknownOrder};
pub use faults::{ActiveFault, Fault, FaultKind, Work};
pub use journal::{LoggedRequest, SandboxEvent};
pub use orders::{ArrivedOrder, Item, NewPackage, OrderedItem, Package};
pub use soap::{FAKE_CARD, FAKE_EXPIRATION};
pub use stock::StockLevel;
pub use warehouse::Refusal;

/// A running sandbox. Dropping it stops it.
pub struct Sandbox {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

/// Starts a sandbox; it accepts calls as soon as this returns.
pub async fn start(config: SandboxConfig, clock: SharedClock) -> io::Result<Sandbox> {
    let config = config.normalized()?;
    let listener = TcpListener::bind(config.listen).await?;
    let addr = listener.local_addr()?;
    let shared = Arc::new(Shared {
        base_url: config::url_of(addr, &config.base_path)?,
        config,
        clock,
        addr,
        stop: CancellationToken::new(),
        state: Mutex::default(),
        changes: watch::Sender::new(0),
    });
    let tasks = TaskTracker::new();
    tasks.spawn(server::serve(listener, Arc::clone(&shared), tasks.clone()));
    Ok(Sandbox { shared, tasks })
}

impl Sandbox {
    /// The `VERACORE_API_URL` for the style `rest`.
    pub fn base_url(&self) -> Url {
        self.shared.base_url.clone()
    }

    /// The `VERACORE_API_URL` for the style `oms`.
    pub fn oms_url(&self) -> Url {
        let mut url = self.base_url();
        let path = format!("{}/pmomsws/oms.asmx", self.shared.config.base_path);
        url.set_path(&path);
        url
    }

    pub fn addr(&self) -> SocketAddr {
        self.shared.addr
    }

    /// All orders, oldest first.
    pub fn orders(&self) -> Vec<ArrivedOrder> {
        self.shared.read(|state| state.warehouse.orders().to_vec())
    }

    pub fn order(&self, number: &str) -> Option<ArrivedOrder> {
        self.shared
            .read(|state| state.warehouse.order(number).cloned())
    }

    /// Every call to the VeraCore APIs, including refused and dropped ones.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.read(|state| state.journal.all())
    }

    pub fn clear_requests(&self) {
        self.shared.change(|state| state.journal.clear());
    }

    pub fn set_stock(&self, sku: &str, on_hand: u32) {
        self.shared
            .change(|state| state.warehouse.set_stock(sku, on_hand));
    }

    /// Stock levels of all SKUs ever stocked, sorted by SKU.
    pub fn stock(&self) -> Vec<StockLevel> {
        self.shared.read(|state| state.warehouse.stock())
    }

    /// Ships all of the packages or none. An empty list means one package with everything left.
    pub fn ship(&self, number: &str, packages: Vec<NewPackage>) -> Result<Vec<Package>, Refusal> {
        let now = self.shared.clock.now();
        self.shared
            .change(|state| state.warehouse.ship(number, packages, now))
    }

    /// Voids a package, identified by its shipment id or tracking number.
    pub fn void(&self, number: &str, package: &str) -> Result<Package, Refusal> {
        let now = self.shared.clock.now();
        self.shared
            .change(|state| state.warehouse.void(number, package, now))
    }

    /// Cancels the unshipped part of an order.
    pub fn cancel(&self, number: &str) -> Result<ArrivedOrder, Refusal> {
        self.shared.change(|state| state.warehouse.cancel(number))
    }

    /// Reverts an order's cancellation.
    pub fn undo_cancellation(&self, number: &str) -> Result<ArrivedOrder, Refusal> {
        self.shared
            .change(|state| state.warehouse.undo_cancellation(number))
    }

    /// Sets an order to `InWarehouse`.
    pub fn start_picking(&self, number: &str) -> Result<ArrivedOrder, Refusal> {
        self.shared
            .change(|state| state.warehouse.start_picking(number))
    }

    /// Records an order as if another client had sent it.
    pub fn record_foreign(&self, number: &str, items: Vec<Item>) -> Result<ArrivedOrder, Refusal> {
        self.shared.record_foreign(number, items)
    }

    /// Unlike the control API, this does not validate the fault: an invalid glob matches nothing.
    pub fn add_fault(&self, fault: Fault) {
        self.shared.change(|state| state.faults.add(fault));
    }

    pub fn clear_faults(&self) {
        self.shared.change(|state| state.faults.clear());
    }

    /// The active faults, with their counts.
    pub fn faults(&self) -> Vec<ActiveFault> {
        self.shared.read(|state| state.faults.all())
    }

    /// Expires all tokens issued so far.
    pub fn expire_tokens(&self) {
        self.shared.change(|state| state.access.expire_all());
    }

    /// Subscribes to new orders and finished requests.
    pub fn events(&self) -> UnboundedReceiver<SandboxEvent> {
        self.shared.change(|state| state.journal.subscribe())
    }

    /// Waits until the condition holds, checking it after each change. It has no timeout of its
    /// own.
    pub async fn wait_until(&self, mut condition: impl FnMut(&Self) -> bool) {
        let mut changes = self.shared.changes.subscribe();
        while !condition(self) {
            // The sender lives as long as `self`.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Closes every connection and waits until all tasks have ended.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
