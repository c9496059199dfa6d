//! Deterministic in-memory models of the shop and the warehouse, and the faults of calls to them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub const SKUS: usize = 2;

/// An order in the shop, with a line for each SKU ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopOrder {
    pub placed_at: DateTime<Utc>,
    /// Units by SKU, after edits and cancellations.
    pub ordered: [u32; SKUS],
    pub fulfillments: Vec<Fulfillment>,
    pub tracking: Option<String>,
}

/// A fulfillment in the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfillment {
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

/// The state of the shop and the warehouse.
#[derive(Debug, Default)]
pub struct World {
    pub orders: Vec<ShopOrder>,
    /// On hand and allocated in the shop.
    pub levels: [(i64, i64); SKUS],
    pub warehouse: BTreeMap<usize, WarehouseOrder>,
    /// On hand at the warehouse.
    pub warehouse_stock: [u32; SKUS],
    /// For each order sent, whether it was looked up since the last send (I3).
    pub looked_up: BTreeMap<usize, bool>,
    /// The warehouse reserved more for an order than the shop has by now, because the order was
    /// cancelled while it was being sent.
    pub over_reserved: bool,
    /// Violated invariants.
    pub violations: Vec<String>,
    last_fulfillment_id: u32,
}

impl ShopOrder {
    pub fn left(&self) -> [u32; SKUS] {
        let mut left = self.ordered;
        for fulfillment in &self.fulfillments {
            for (left, units) in left.iter_mut().zip(fulfillment.units) {
                *left -= units;
            }
        }
        left
    }

    pub fn state(&self) -> &'static str {
        let shipped = self.fulfillments.iter().any(|f| f.shipped);
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

    /// Units at the warehouse that are not reserved.
    pub fn free(&self, sku: usize) -> u32 {
        let reserved: u32 = self.warehouse.values().map(|o| o.unshipped()[sku]).sum();
        self.warehouse_stock[sku].saturating_sub(reserved)
    }

    /// A customer orders and pays, at most what the shop can sell.
    pub fn place(&mut self, units: [u32; SKUS], now: DateTime<Utc>) {
        let ordered = std::array::from_fn(|sku| {
            let max = u32::try_from(self.sellable(sku).max(0)).unwrap();
            units[sku].min(max)
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

    /// Staff cancels everything unfulfilled, or one unit of each line.
    pub fn cancel(&mut self, order: usize, all: bool) {
        let left = self.orders[order].left();
        let mut cancelled = [0; SKUS];
        for sku in 0..SKUS {
            cancelled[sku] = if all { left[sku] } else { left[sku].min(1) };
            self.orders[order].ordered[sku] -= cancelled[sku];
        }
        self.allocate(cancelled, -1);
    }

    /// Creates a fulfillment, by the program or by hand. `None` if it exceeds what is left of the
    /// order or on hand.
    pub fn fulfill(&mut self, order: usize, units: [u32; SKUS], tracking: &str) -> Option<u32> {
        let left = self.orders[order].left();
        let too_many =
            |sku: usize| units[sku] > left[sku] || i64::from(units[sku]) > self.levels[sku].0;
        if (0..SKUS).any(too_many) {
            return None;
        }
        let is_duplicate = |fulfillment: &Fulfillment| fulfillment.tracking == tracking;
        if self.orders[order].fulfillments.iter().any(is_duplicate) {
            self.violations.push(format!(
                "package {tracking} of order {order} is two fulfillments"
            ));
        }
        self.allocate(units, -1);
        for (level, units) in self.levels.iter_mut().zip(units) {
            level.0 -= i64::from(units);
        }
        self.last_fulfillment_id += 1;
        self.orders[order].fulfillments.push(Fulfillment {
            id: self.last_fulfillment_id,
            units,
            tracking: tracking.into(),
            shipped: false,
        });
        Some(self.last_fulfillment_id)
    }

    /// Creates an order at the warehouse, which refuses a duplicate. `repeated`: by the network, so
    /// that it is not our violation.
    pub fn submit(&mut self, order: usize, items: [u32; SKUS], repeated: bool) -> bool {
        if !repeated {
            if self.looked_up.insert(order, false) == Some(false) {
                self.violations
                    .push(format!("order {order} was sent again without a lookup"));
            }
            if self.warehouse.contains_key(&order) {
                self.violations.push(format!(
                    "order {order} was sent although the warehouse had it"
                ));
            }
        }
        if self.warehouse.contains_key(&order) {
            return false;
        }
        let left = self.orders[order].left();
        self.over_reserved |= (0..SKUS).any(|sku| items[sku] > left[sku]);
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

    /// The warehouse ships at most these units.
    pub fn ship(&mut self, order: usize, units: [u32; SKUS], now: DateTime<Utc>) {
        let Some(order) = self.warehouse.get_mut(&order) else {
            return;
        };
        let left = order.unshipped();
        let shipped: [u32; SKUS] =
            std::array::from_fn(|sku| units[sku].min(left[sku]).min(self.warehouse_stock[sku]));
        if shipped == [0; SKUS] {
            return;
        }
        for (on_hand, units) in self.warehouse_stock.iter_mut().zip(shipped) {
            *on_hand -= units;
        }
        order.packages.push(Package {
            units: shipped,
            shipped_at: now,
        });
    }
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    ConnectionRefused,
    /// The request is lost, and the call times out.
    RequestLost,
    /// The call is executed, and the response is lost.
    ResponseLost,
    /// The call times out, and is executed this many seconds later.
    Late(u8),
    /// The network repeats the request.
    Repeated,
    /// A server error; the call is not executed.
    ServerError,
    /// Our process crashes before the call.
    CrashBefore,
    /// The call is executed, and our process crashes before it receives the response.
    CrashAfter,
    /// The response is slow, so that other steps come between. `done`: the call is executed first.
    Slow {
        done: bool,
    },
}

/// The timeout of a call, in seconds.
pub const TIMEOUT: i64 = 30;
