//! The goods and the orders: what a warehouse knows, and the arithmetic between them.
//!
//! Owns orders, packages and stock. Must not know HTTP, credentials or faults, so that every face
//! (REST and SOAP) and the control API work on the same goods.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::{
    details::Details,
    orders::{ArrivedOrder, Item, NewPackage, OrderedItem, Package},
    slips::units_of,
    stock::{Stock, StockLevel},
};

/// Why the warehouse does not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    NotFound(String),
    /// It contradicts what is already there.
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Invalid(String),
}

/// An order at the door, already checked by the face that it came through.
#[derive(Debug)]
pub(super) struct Arrival {
    pub number: String,
    pub items: Vec<OrderedItem>,
    /// As received; `None` when somebody else than the client under test created the order.
    pub body: Option<String>,
    pub details: Details,
}

/// Orders in the sequence of their arrival, and the shelves.
#[derive(Default)]
pub(super) struct Warehouse {
    orders: Vec<ArrivedOrder>,
    by_number: HashMap<String, usize>,
    stock: Stock,
    packages_made: u32,
    slips_made: u32,
}

impl Warehouse {
    /// Takes an order and reserves its goods, on hand or not.
    pub fn accept(
        &mut self,
        arrival: Arrival,
        now: DateTime<Utc>,
    ) -> Result<&ArrivedOrder, Refusal> {
        if self.by_number.contains_key(&arrival.number) {
            return Err(Refusal::Conflict(format!(
                "Order {} already exists",
                arrival.number
            )));
        }
        let mut backordered = false;
        for item in &arrival.items {
            backordered |= !self.stock.reserve(&item.sku, item.quantity);
        }
        let place = self.orders.len();
        self.by_number.insert(arrival.number.clone(), place);
        self.orders.push(ArrivedOrder {
            number: arrival.number,
            order_id: format!("VC-{}", 100_001 + place),
            received_at: now,
            foreign: arrival.body.is_none(),
            body: arrival.body,
            items: arrival.items,
            packages: Vec::new(),
            backordered,
            picking: false,
            cancelled: false,
            details: Box::new(arrival.details),
            slips: Vec::new(),
            picked_slip: None,
        });
        Ok(&self.orders[place])
    }

    pub fn orders(&self) -> &[ArrivedOrder] {
        &self.orders
    }

    pub fn order(&self, number: &str) -> Option<&ArrivedOrder> {
        self.by_number.get(number).map(|place| &self.orders[*place])
    }

    /// The work has begun: `InWarehouse`.
    pub fn start_picking(&mut self, number: &str) -> Result<ArrivedOrder, Refusal> {
        let slip = self.slips_made + 1;
        let order = self.open_order(number)?;
        order.picking = true;
        let begun = order.picked_slip.get_or_insert(slip);
        let fresh = *begun == slip;
        let order = order.clone();
        self.slips_made += u32::from(fresh);
        Ok(order)
    }

    /// Sends packages off, all of them or none. An empty list means one with everything left.
    pub fn ship(
        &mut self,
        number: &str,
        mut wanted: Vec<NewPackage>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Package>, Refusal> {
        if wanted.is_empty() {
            wanted.push(NewPackage::default());
        }
        let made = self.packages_made;
        let fresh = self.slips_made + 1;
        let order = self.open_order(number)?;
        let mut left = order.left_to_ship();
        let mut packages = Vec::new();
        for (serial, package) in (made + 1..).zip(wanted) {
            let items = take_items(number, package.items.as_deref(), &mut left)?;
            packages.push(package.packed(serial, items, now));
        }
        let slip = order.slip_for(units_of(packages.iter().flat_map(|p| &p.items)), fresh);
        for package in &mut packages {
            package.slip = slip;
        }
        order.packages.extend(packages.iter().cloned());
        for item in packages.iter().flat_map(|package| &package.items) {
            self.stock.ship(&item.sku, item.quantity);
        }
        self.packages_made += u32::try_from(packages.len()).unwrap_or(u32::MAX);
        self.slips_made = self.slips_made.max(slip);
        Ok(packages)
    }

    /// Takes a package back; its goods are on the shelf and reserved again. `package` is its
    /// shipment id or its tracking number.
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

    /// Cancels what has not been shipped, and frees its goods.
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

    /// Takes a cancellation back, and promises the order's goods again.
    pub fn revive(&mut self, number: &str) -> Result<ArrivedOrder, Refusal> {
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

    /// Cancels at the client's wish, which comes too late once the work has begun.
    pub fn withdraw(&mut self, number: &str) -> Result<ArrivedOrder, Refusal> {
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

    /// In the order of the SKUs.
    pub fn stock(&self) -> Vec<StockLevel> {
        self.stock.levels()
    }

    pub fn stock_of(&self, sku: &str) -> Option<StockLevel> {
        self.stock.level(sku)
    }

    /// Packages sent or voided at or after a moment, with their orders, the oldest change first.
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
            Some(place) => Ok(&mut self.orders[*place]),
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

/// Moves a package's content out of what is left of its order.
fn take_items(
    number: &str,
    wanted: Option<&[Item]>,
    left: &mut BTreeMap<String, u32>,
) -> Result<Vec<Item>, Refusal> {
    let Some(wanted) = wanted else {
        let rest = std::mem::take(left);
        if rest.is_empty() {
            return Err(Refusal::Conflict(format!(
                "nothing of order {number} is left to ship"
            )));
        }
        return Ok(rest.into_iter().map(Item::from).collect());
    };
    if wanted.is_empty() {
        return Err(Refusal::Invalid("a package needs items".into()));
    }
    for item in wanted {
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
    Ok(wanted.to_vec())
}
