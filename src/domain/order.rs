//! An order as the shop has it.

use chrono::{DateTime, Utc};

use super::{
    Address, Contact, CurrencyCode, LineId, Money, OrderCode, OrderState, ShippingMethodCode,
    ShopOrderId,
};

/// The part of an order that discovery reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRef {
    pub id: ShopOrderId,
    pub code: OrderCode,
    pub state: OrderState,
    /// `None` if it is invalid: discovery must not depend on it.
    pub created_at: Option<DateTime<Utc>>,
    /// Vendure can leave it null on a paid order (its issue 4686), so discovery must not depend on
    /// it.
    pub placed_at: Option<DateTime<Utc>>,
}

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
    /// Includes cancelled lines, with quantity zero.
    pub lines: Vec<OrderLine>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    pub id: LineId,
    /// As the shop has it, possibly blank; checked by the mapping.
    pub sku: String,
    /// Zero if the line was cancelled.
    pub quantity: u32,
    /// Price of one unit, with discounts and tax.
    pub unit_price_gross: Money,
    /// Price of one unit, with discounts, without tax.
    pub unit_price_net: Money,
}

/// Units of an order line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct LineUnits {
    pub line: LineId,
    pub quantity: u32,
}
