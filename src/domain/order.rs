//! An order as the shop has it.

use chrono::{DateTime, Utc};

use super::{
    Address, Contact, CurrencyCode, LineId, Money, OrderCode, OrderState, ShippingMethodCode,
    ShopOrderId,
};

/// The part of an order that discovery reads by the thousand: enough to see whether it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRef {
    pub id: ShopOrderId,
    pub code: OrderCode,
    pub state: OrderState,
    /// Absent when the shop's own is no date: finding an order must not depend on it.
    pub created_at: Option<DateTime<Utc>>,
    /// When the customer placed it. Vendure can leave it null on a paid order (its issue 4686),
    /// so no decision about finding an order may rest on it.
    pub placed_at: Option<DateTime<Utc>>,
}

/// A complete order, read when it is due to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: ShopOrderId,
    pub code: OrderCode,
    pub state: OrderState,
    pub created_at: DateTime<Utc>,
    pub placed_at: Option<DateTime<Utc>>,
    pub currency: CurrencyCode,
    pub customer: Option<Contact>,
    pub shipping_address: Option<Address>,
    pub billing_address: Option<Address>,
    pub shipping_methods: Vec<ShippingMethodCode>,
    /// Cancelled lines, whose quantity is zero, are still among them.
    pub lines: Vec<OrderLine>,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    pub id: LineId,
    /// As the shop has it, possibly blank: whether it can be sent is decided by the mapping.
    pub sku: String,
    /// What is still ordered; zero when the line was cancelled.
    pub quantity: u32,
    /// What the customer pays for one unit, discounts and tax included.
    pub unit_price_gross: Money,
    /// The same without tax.
    pub unit_price_net: Money,
}
