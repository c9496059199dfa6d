//! The warehouse: orders, packages and stock, shared by the REST, SOAP and control APIs.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::{
    details::Details,
    orders::{ArrivedOrder, Item, NewPackage, OrderedItem, Package},
    slips::units_of,
    stock::{Stock, StockLevel},
};

/// The reason why the warehouse refused an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    NotFound(String),
    /// The current state does not allow it.
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Invalid(String),
}

/// A new order, already validated by the API that received it.
#[derive(Debug)]
pub(super) struct IncomingOrder {
    pub number: String,
    pub items: Vec<OrderedItem>,
    /// The body as received; `None` if the control API recorded the order.
    pub body: Option<String>,
    pub details: Details,
}

#[derive(Default)]
pub(super) struct Warehouse {
    /// Oldest first.
    orders: Vec<ArrivedOrder>,
    by_number: HashMap<String, usize>,
    stock: Stock,
    packages_created: u32,
    slips_created: u32,
}

impl Warehouse {
    /// Adds an order and reserves its goods, on hand or not.
    pub fn accept(
        &mut self,
        incoming: IncomingOrder,
        now: DateTime<Utc>,
    ) -> Result<&ArrivedOrder, Refusal> {
        if self.by_number.contains_key(&incoming.number) {
            return Err(Refusal::Conflict(format!(
                "Order {} already exists",
                incoming.number
            )));
        }
        let mut backordered = false;
        for item in &incoming.items {
            backordered |= !self.stock.reserve(&item.sku, item.quantity);
        }
        let index = self.orders.len();
        self.by_number.insert(incoming.number.clone(), index);
        self.orders.push(ArrivedOrder {
            number: incoming.number,
            order_id: format!("VC-{}", 100_001 + index),
            received_at: now,
            foreign: incoming.body.is_none(),
            body: incoming.body,
            items: incoming.items,
            packages: Vec::new(),
            backordered,
            picking: false,
            cancelled: false,
            details: Box::new(incoming.details),
            slips: Vec::new(),
            picked_slip: None,
        });
        Ok(&self.orders[index])
    }

    pub fn orders(&self) -> &[ArrivedOrder] {
        &self.orders
    }

    pub fn order(&self, number: &str) -> Option<&ArrivedOrder> {
        self.by_number.get(number).map(|index| &self.orders[*index])
    }

    /// Starts picking: the order becomes `InWarehouse`.
    pub fn start_picking(&mut self, number: &str) -> Result<ArrivedOrder, Refusal> {
        let slip = self.slips_created + 1;
        let order = self.open_order(number)?;
        order.picking = true;
        let picked = order.picked_slip.get_or_insert(slip);
        let is_new = *picked == slip;
        let order = order.clone();
        self.slips_created += u32::from(is_new);
        Ok(order)
    }

    /// Ships all of the packages or none. An empty list means one package with everything left.
    pub fn ship(
        &mut self,
        number: &str,
        mut requested: Vec<NewPackage>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Package>, Refusal> {
        if requested.is_empty() {
            requested.push(NewPackage::default());
        }
        let created = self.packages_created;
        let new_slip = self.slips_created + 1;
        let order = self.open_order(number)?;
        let mut left = order.left_to_ship();
        let mut packages = Vec::new();
        for (serial, package) in (created + 1..).zip(requested) {
            let items = take_items(number, package.items.as_deref(), &mut left)?;
            packages.push(package.pack(serial, items, now));
        }
        let slip = order.slip_for(units_of(packages.iter().flat_map(|p| &p.items)), new_slip);
        for package in &mut packages {
            package.slip = slip;
        }
        order.packages.extend(packages.iter().cloned());
        for item in packages.iter().flat_map(|package| &package.items) {
            self.stock.ship(&item.sku, item.quantity);
        }
        self.packages_created += u32::try_from(packages.len()).unwrap_or(u32::MAX);
        self.slips_created = self.slips_created.max(slip);
        Ok(packages)
    }

    /// Voids a package; its goods are on hand and reserved again. `package` is its shipment id or
    /// tracking number.
    pub fn void(
        &mut self,
        number: &str,
        package: &str,
        now: DateTime<Utc>,
    ) -> Result<Package, Refusal> {
        let order = self.known_order(number)?;
        let cancelled = order.cancelled;
        let Some(found) = order.packages.iter_mut().find(|candidate| {
            !candidate.voided
                && (candidate.shipment_id == package || candidate.tracking_number == package)
        }) else {
            return Err(Refusal::NotFound(format!(
                "order {number} has no live package {package}"
            )));
        };
        found.void(now);
        let voided = found.clone();
        for item in &voided.items {
            self.stock.unship(&item.sku, item.quantity);
            if cancelled {
                self.stock.release(&item.sku, item.quantity);
            }
        }
        Ok(voided)
    }

    /// Cancels the unshipped part of an order and frees its goods.
    pub fn cancel(&mut self, number: &str) -> Result<ArrivedOrder, Refusal> {
        let order = self.open_order(number)?;
        let left = order.left_to_ship();
        if left.is_empty() {
            return Err(Refusal::Conflict(format!(
                "order {number} is already shipped"
            )));
        }
        order.cancelled = true;
        let order = order.clone();
        for (sku, quantity) in &left {
            self.stock.release(sku, *quantity);
        }
        Ok(order)
    }

    /// Reverts a cancellation and reserves the order's goods again.
    pub fn undo_cancellation(&mut self, number: &str) -> Result<ArrivedOrder, Refusal> {
        let order = self.known_order(number)?;
        if !order.cancelled {
            return Err(Refusal::Conflict(format!(
                "order {number} is not cancelled"
            )));
        }
        order.cancelled = false;
        let left = order.left_to_ship();
        let order = order.clone();
        for (sku, quantity) in &left {
            self.stock.reserve(sku, *quantity);
        }
        Ok(order)
    }

    /// Cancels an order at the client's request, which is refused once picking has started.
    pub fn cancel_for_client(&mut self, number: &str) -> Result<ArrivedOrder, Refusal> {
        let order = self.open_order(number)?;
        if order.live_packages().next().is_some() {
            let message = format!("order {number} is already shipped, at least in part");
            return Err(Refusal::Conflict(message));
        }
        if order.picking {
            let message = format!("order {number} is already being picked");
            return Err(Refusal::Conflict(message));
        }
        self.cancel(number)
    }

    pub fn set_stock(&mut self, sku: &str, on_hand: u32) -> StockLevel {
        self.stock.set(sku, on_hand)
    }

    /// Sorted by SKU.
    pub fn stock(&self) -> Vec<StockLevel> {
        self.stock.levels()
    }

    pub fn stock_of(&self, sku: &str) -> Option<StockLevel> {
        self.stock.level(sku)
    }

    /// Packages shipped or voided since a time, with their orders, oldest change first.
    pub fn packages_since(&self, from: Option<DateTime<Utc>>) -> Vec<(&ArrivedOrder, &Package)> {
        let mut found: Vec<_> = self
            .orders
            .iter()
            .flat_map(|order| order.packages.iter().map(move |package| (order, package)))
            .filter(|(_, package)| from.is_none_or(|from| package.changed_at >= from))
            .collect();
        found.sort_by_key(|(_, package)| (package.changed_at, package.serial));
        found
    }

    fn known_order(&mut self, number: &str) -> Result<&mut ArrivedOrder, Refusal> {
        match self.by_number.get(number) {
            Some(index) => Ok(&mut self.orders[*index]),
            None => Err(Refusal::NotFound(format!("there is no order {number}"))),
        }
    }

    fn open_order(&mut self, number: &str) -> Result<&mut ArrivedOrder, Refusal> {
        let order = self.known_order(number)?;
        if order.cancelled {
            return Err(Refusal::Conflict(format!("order {number} is cancelled")));
        }
        Ok(order)
    }
}

/// Removes a package's items from those left to ship.
fn take_items(
    number: &str,
    requested: Option<&[Item]>,
    left: &mut BTreeMap<String, u32>,
) -> Result<Vec<Item>, Refusal> {
    let Some(requested) = requested else {
        let rest = std::mem::take(left);
        if rest.is_empty() {
            return Err(Refusal::Conflict(format!(
                "nothing of order {number} is left to ship"
            )));
        }
        return Ok(rest.into_iter().map(Item::from).collect());
    };
    if requested.is_empty() {
        return Err(Refusal::Invalid("a package needs items".into()));
    }
    for item in requested {
        let Item { sku, quantity } = item;
        let rest = left.get(sku).copied().unwrap_or(0);
        if *quantity == 0 || *quantity > rest {
            return Err(Refusal::Conflict(format!(
                "{rest} of {sku} are left to ship in order {number}, not {quantity}"
            )));
        }
        if *quantity == rest {
            left.remove(sku);
        } else {
            left.insert(sku.clone(), rest - quantity);
        }
    }
    Ok(requested.to_vec())
}
