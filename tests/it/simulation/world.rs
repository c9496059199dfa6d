//! Both ends in memory: a shop and a warehouse with the rules of the real ones, and the faults that
//! the way to them can have. Deterministic: what happens is told, never drawn here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub const SKUS: usize = 2;

/// An order in the shop: one line a SKU, where any of it was ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopOrder {
    pub placed_at: DateTime<Utc>,
    /// Units by SKU, as they are ordered now.
    pub ordered: [u32; SKUS],
    pub fulfillments: Vec<Made>,
    pub tracking: Option<String>,
}

/// A fulfillment in the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub id: u32,
    pub units: [u32; SKUS],
    pub tracking: String,
    pub shipped: bool,
}

/// An order at the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarehouseOrder {
    pub items: [u32; SKUS],
    pub packages: Vec<Package>,
    pub cancelled: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub units: [u32; SKUS],
    pub shipped_at: DateTime<Utc>,
}

/// Where the parcels lie and who promised what.
#[derive(Debug, Default)]
pub struct World {
    pub orders: Vec<ShopOrder>,
    /// On hand and allocated in the shop.
    pub levels: [(i64, i64); SKUS],
    pub warehouse: BTreeMap<usize, WarehouseOrder>,
    /// On hand at the warehouse.
    pub shelves: [u32; SKUS],
    /// Orders that were asked for since they were sent last; see I3.
    pub asked: BTreeMap<usize, bool>,
    /// The warehouse took goods for an order of which the shop has less by now: it was cancelled while
    /// it was on its way.
    pub in_vain: bool,
    /// What must never happen, and did.
    pub broken: Vec<String>,
    made: u32,
}

impl ShopOrder {
    pub fn left(&self) -> [u32; SKUS] {
        let mut left = self.ordered;
        for made in &self.fulfillments {
            for (left, units) in left.iter_mut().zip(made.units) {
                *left -= units;
            }
        }
        left
    }

    pub fn state(&self) -> &'static str {
        let shipped = self.fulfillments.iter().any(|made| made.shipped);
        match (self.ordered == [0; SKUS], shipped, self.left() == [0; SKUS]) {
            (true, ..) => "Cancelled",
            (_, true, true) => "Shipped",
            (_, true, false) => "PartiallyShipped",
            (_, false, _) => "PaymentSettled",
        }
    }
}

impl WarehouseOrder {
    pub fn unshipped(&self) -> [u32; SKUS] {
        if self.cancelled {
            return [0; SKUS];
        }
        let mut left = self.items;
        for package in &self.packages {
            for (left, units) in left.iter_mut().zip(package.units) {
                *left -= units;
            }
        }
        left
    }
}

impl World {
    pub fn sellable(&self, sku: usize) -> i64 {
        self.levels[sku].0 - self.levels[sku].1
    }

    /// What the warehouse has free.
    pub fn free(&self, sku: usize) -> u32 {
        let reserved: u32 = self.warehouse.values().map(|o| o.unshipped()[sku]).sum();
        self.shelves[sku].saturating_sub(reserved)
    }

    /// A customer orders and pays; only what the shop believes to have.
    pub fn place(&mut self, units: [u32; SKUS], now: DateTime<Utc>) {
        let ordered = std::array::from_fn(|sku| {
            let most = u32::try_from(self.sellable(sku).max(0)).unwrap();
            units[sku].min(most)
        });
        if ordered == [0; SKUS] {
            return;
        }
        self.allocate(ordered, 1);
        self.orders.push(ShopOrder {
            placed_at: now,
            ordered,
            fulfillments: Vec::new(),
            tracking: None,
        });
    }

    fn allocate(&mut self, units: [u32; SKUS], sign: i64) {
        for (level, units) in self.levels.iter_mut().zip(units) {
            level.1 += sign * i64::from(units);
        }
    }

    /// Staff cancels what is not fulfilled, or one unit of it.
    pub fn cancel(&mut self, order: usize, all: bool) {
        let left = self.orders[order].left();
        let mut taken = [0; SKUS];
        for sku in 0..SKUS {
            taken[sku] = if all { left[sku] } else { left[sku].min(1) };
            self.orders[order].ordered[sku] -= taken[sku];
        }
        self.allocate(taken, -1);
    }

    /// A fulfillment, made by us or by hand. Refused when there is not so much left of the order, or
    /// on hand.
    pub fn fulfill(&mut self, order: usize, units: [u32; SKUS], tracking: &str) -> Option<u32> {
        let left = self.orders[order].left();
        let too_many =
            |sku: usize| units[sku] > left[sku] || i64::from(units[sku]) > self.levels[sku].0;
        if (0..SKUS).any(too_many) {
            return None;
        }
        let twice = |made: &Made| made.tracking == tracking;
        if self.orders[order].fulfillments.iter().any(twice) {
            self.broken.push(format!(
                "package {tracking} of order {order} is two fulfillments"
            ));
        }
        self.allocate(units, -1);
        for (level, units) in self.levels.iter_mut().zip(units) {
            level.0 -= i64::from(units);
        }
        self.made += 1;
        self.orders[order].fulfillments.push(Made {
            id: self.made,
            units,
            tracking: tracking.into(),
            shipped: false,
        });
        Some(self.made)
    }

    /// An order arrives at the warehouse, which refuses one that it has. `repeated`: by a machine on
    /// the way, so that we cannot be blamed for it.
    pub fn submit(&mut self, order: usize, items: [u32; SKUS], repeated: bool) -> bool {
        if !repeated {
            if self.asked.insert(order, false) == Some(false) {
                self.broken
                    .push(format!("order {order} was sent again without asking"));
            }
            if self.warehouse.contains_key(&order) {
                self.broken
                    .push(format!("order {order} was sent though it was there"));
            }
        }
        if self.warehouse.contains_key(&order) {
            return false;
        }
        let left = self.orders[order].left();
        self.in_vain |= (0..SKUS).any(|sku| items[sku] > left[sku]);
        self.warehouse.insert(
            order,
            WarehouseOrder {
                items,
                packages: Vec::new(),
                cancelled: false,
            },
        );
        true
    }

    /// The warehouse ships up to so many units of each SKU.
    pub fn ship(&mut self, order: usize, units: [u32; SKUS], now: DateTime<Utc>) {
        let Some(there) = self.warehouse.get_mut(&order) else {
            return;
        };
        let left = there.unshipped();
        let shipped: [u32; SKUS] =
            std::array::from_fn(|sku| units[sku].min(left[sku]).min(self.shelves[sku]));
        if shipped == [0; SKUS] {
            return;
        }
        for (shelf, units) in self.shelves.iter_mut().zip(shipped) {
            *shelf -= units;
        }
        there.packages.push(Package {
            units: shipped,
            shipped_at: now,
        });
    }
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The connection is refused.
    NoWay,
    /// The request is lost on its way, and nothing answers.
    RequestLost,
    /// It is done, and the answer lost.
    AnswerLost,
    /// A gateway gives up on it; it is done so many seconds later.
    Late(u8),
    /// A machine on the way repeats it.
    Twice,
    /// A server error, without anything done.
    Fails,
    /// Our process dies before it, or after it before it hears of it.
    DiesBefore,
    DiesAfter,
    /// The answer takes long: others do something meanwhile. Whether it is done before that.
    Waits {
        done: bool,
    },
}

/// How many seconds a call is waited for.
pub const TIMEOUT: i64 = 30;
