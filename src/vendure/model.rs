//! The values that [`Storefront`](super::Storefront) takes and returns.

use chrono::{DateTime, Utc};

use crate::domain::{
    FulfillmentId, LineId, LineUnits, OrderCode, OrderRef, OrderState, ShopOrderId, Sku, VariantId,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPage {
    /// Orders on all pages.
    pub total: u64,
    pub orders: Vec<OrderRef>,
    /// Orders with an invalid field.
    pub unreadable: Vec<UnreadableItem>,
    /// Orders on the page, readable or not.
    pub len: usize,
    /// Creation time of the page's last readable order.
    pub last_created_at: Option<DateTime<Utc>>,
}

/// An item of a list that has an invalid field. It does not affect the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableItem {
    /// Its id, and code or SKU, as far as readable.
    pub key: String,
    pub problem: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FulfillmentProgressPage {
    pub orders: Vec<FulfillmentProgress>,
    /// Orders with an invalid field.
    pub unreadable: Vec<UnreadableItem>,
}

/// A sweep's position. Orders leave the states while it runs, so an offset alone would skip others.
/// Pages start at a creation time instead, which never changes, and overlap by the orders created in
/// the same millisecond, which is the resolution of the API's dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweepPosition {
    pub created_from: Option<DateTime<Utc>>,
    /// Orders to skip from there, for more orders in one millisecond than fit on a page.
    pub skip: u32,
}

/// The shop, and the permissions of the daemon's login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopProfile {
    pub channel_code: String,
    /// Compared with the configured token: for an unknown one, Vendure answers for its default
    /// channel.
    pub channel_token: String,
    pub missing_permissions: Vec<MissingPermission>,
    pub stock_locations: Vec<StockLocation>,
    pub tracking_fields: SupportedTrackingFields,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPermission {
    pub permission: &'static str,
    pub needed_for: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLocation {
    pub id: String,
    pub name: String,
}

/// A product variant and its stock at the requested location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub id: VariantId,
    /// As the shop has it; may be blank, and is not unique.
    pub sku: String,
    /// False if the shop does not track its stock (by its own setting, or the shop's default).
    pub is_tracked: bool,
    pub level: StockLevel,
    /// Allocated at the shop's other locations.
    pub allocated_elsewhere: i64,
}

/// The shop's stock of a variant at one location, in units. Both may be negative in the shop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StockLevel {
    pub on_hand: i64,
    /// Reserved for orders that are paid and not fulfilled.
    pub allocated: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariantSelection<'a> {
    /// A page of all variants of the channel, by id.
    Page {
        skip: u32,
        take: u32,
    },
    Ids(&'a [VariantId]),
    /// Variants with exactly these SKUs.
    Skus(&'a [Sku]),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariantPage {
    /// Variants on all pages.
    pub total: u64,
    pub variants: Vec<Variant>,
    /// Variants with an invalid field.
    pub unreadable: Vec<UnreadableItem>,
    /// Variants on the page, readable or not.
    pub len: usize,
    /// The first and last id on the page, to detect a gap between pages.
    pub end_ids: Option<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStockLevel {
    pub variant: VariantId,
    pub on_hand: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfillmentProgress {
    pub id: ShopOrderId,
    pub code: OrderCode,
    pub state: OrderState,
    /// Includes cancelled lines, with quantity zero.
    pub lines: Vec<FulfillmentProgressLine>,
    /// Sorted by id; includes cancelled ones.
    pub fulfillments: Vec<Fulfillment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfillmentProgressLine {
    pub id: LineId,
    pub variant: VariantId,
    /// As the shop has it; may be blank.
    pub sku: String,
    /// Zero if the line was cancelled.
    pub quantity: u32,
}

/// A fulfillment in the shop, created by the daemon or by anyone else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfillment {
    pub id: FulfillmentId,
    /// `Created`, `Pending`, `Shipped`, `Delivered`, `Cancelled`; shops may define their own.
    pub state: String,
    pub tracking_code: Option<String>,
    pub lines: Vec<LineUnits>,
}

impl Fulfillment {
    /// True if its units are allocated again.
    pub fn is_cancelled(&self) -> bool {
        self.state == "Cancelled"
    }
}

impl FulfillmentProgress {
    /// Units of a line that are in no fulfillment; zero for an unknown line.
    pub fn unfulfilled_units(&self, line: &LineId) -> u32 {
        let ordered = self
            .lines
            .iter()
            .find(|candidate| candidate.id == *line)
            .map_or(0, |line| line.quantity);
        ordered.saturating_sub(self.fulfilled_units(line))
    }

    /// Units of a line in fulfillments, also if the line was cancelled since.
    pub fn fulfilled_units(&self, line: &LineId) -> u32 {
        self.fulfillments
            .iter()
            .filter(|fulfillment| !fulfillment.is_cancelled())
            .flat_map(|fulfillment| &fulfillment.lines)
            .filter(|units| units.line == *line)
            .fold(0, |sum, units| sum.saturating_add(units.quantity))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFulfillment {
    /// Lines of one order.
    pub lines: Vec<LineUnits>,
    /// The shipping method that the customer sees: carrier and service.
    pub method: String,
    pub tracking_code: String,
}

/// The tracking fields of an order; `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackingFields {
    pub tracking_code: Option<String>,
    pub carrier: Option<String>,
    pub ship_date: Option<DateTime<Utc>>,
}

/// The order custom fields `trackingCode`, `carrier` and `shipDate` that the shop has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SupportedTrackingFields {
    pub tracking_code: bool,
    pub carrier: bool,
    pub ship_date: bool,
}
