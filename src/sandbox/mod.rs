//! The VeraCore twin: a warehouse in memory that speaks VeraCore's styles `rest` and `oms`, for
//! rehearsals, demos and tests.
//!
//! Owns its own idea of the interface, written from the description and never from our client.
//! Must not use `fulfillment`, `vendure`, `config` or anything else of the daemon but `clock`.
//!
//! A call comes in at `server`, meets the faults at `gate`, is understood by `rest` or `soap` and
//! changes the `warehouse`; `control` is the side door for the person who rehearses.

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
pub use journal::{LoggedRequest, News};
pub use orders::{ArrivedOrder, Item, NewPackage, OrderedItem, Package};
pub use soap::{FAKE_CARD, FAKE_EXPIRATION};
pub use stock::StockLevel;
pub use warehouse::Refusal;

/// A running sandbox. Dropping it stops it.
pub struct Sandbox {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

/// Starts a sandbox; it answers as soon as this returns.
pub async fn start(config: SandboxConfig, clock: SharedClock) -> io::Result<Sandbox> {
    let config = config.tidied()?;
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
    /// The base URL of the VeraCore face: what `VERACORE_API_URL` is set to.
    pub fn base_url(&self) -> Url {
        self.shared.base_url.clone()
    }

    /// What `VERACORE_API_URL` is set to for the style `oms`.
    pub fn oms_url(&self) -> Url {
        let mut url = self.base_url();
        let path = format!("{}/pmomsws/oms.asmx", self.shared.config.base_path);
        url.set_path(&path);
        url
    }

    pub fn addr(&self) -> SocketAddr {
        self.shared.addr
    }

    /// In the sequence of their arrival.
    pub fn orders(&self) -> Vec<ArrivedOrder> {
        self.shared.read(|state| state.warehouse.orders().to_vec())
    }

    pub fn order(&self, number: &str) -> Option<ArrivedOrder> {
        self.shared
            .read(|state| state.warehouse.order(number).cloned())
    }

    /// Every call to the VeraCore face, refused and dropped ones included.
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

    /// The SKUs that were stocked, in their order.
    pub fn stock(&self) -> Vec<StockLevel> {
        self.shared.read(|state| state.warehouse.stock())
    }

    /// Ships packages, all of them or none; an empty list means one with everything left.
    pub fn ship(&self, number: &str, packages: Vec<NewPackage>) -> Result<Vec<Package>, Refusal> {
        let now = self.shared.clock.now();
        self.shared
            .change(|state| state.warehouse.ship(number, packages, now))
    }

    /// Voids a package, named by its shipment id or tracking number.
    pub fn void(&self, number: &str, package: &str) -> Result<Package, Refusal> {
        let now = self.shared.clock.now();
        self.shared
            .change(|state| state.warehouse.void(number, package, now))
    }

    /// Cancels what is not shipped of an order.
    pub fn cancel(&self, number: &str) -> Result<ArrivedOrder, Refusal> {
        self.shared.change(|state| state.warehouse.cancel(number))
    }

    /// Takes an order's cancellation back.
    pub fn revive(&self, number: &str) -> Result<ArrivedOrder, Refusal> {
        self.shared.change(|state| state.warehouse.revive(number))
    }

    /// Moves an order on to `InWarehouse`.
    pub fn start_picking(&self, number: &str) -> Result<ArrivedOrder, Refusal> {
        self.shared
            .change(|state| state.warehouse.start_picking(number))
    }

    /// Records an order as if somebody else had sent it.
    pub fn record_foreign(&self, number: &str, items: Vec<Item>) -> Result<ArrivedOrder, Refusal> {
        self.shared.record_foreign(number, items)
    }

    /// Unlike the control API this does not check the fault: an unreadable glob hits nothing.
    pub fn add_fault(&self, fault: Fault) {
        self.shared.change(|state| state.faults.add(fault));
    }

    pub fn clear_faults(&self) {
        self.shared.change(|state| state.faults.clear());
    }

    /// Those still in force, with their counts.
    pub fn faults(&self) -> Vec<ActiveFault> {
        self.shared.read(|state| state.faults.all())
    }

    /// All tokens given out so far end now.
    pub fn expire_tokens(&self) {
        self.shared.change(|state| state.access.expire_all());
    }

    /// Orders and finished requests from now on, as they come.
    pub fn news(&self) -> UnboundedReceiver<News> {
        self.shared.change(|state| state.journal.listen())
    }

    /// Waits until something holds, looking after each change. It may wait for ever: give it a
    /// timeout.
    pub async fn wait_until(&self, mut holds: impl FnMut(&Self) -> bool) {
        let mut changes = self.shared.changes.subscribe();
        while !holds(self) {
            // The sender lives as long as `self`.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Closes every connection, and waits until nothing runs any more.
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
