//! Pages of stock and shipments, and their rows.

use chrono::{DateTime, Utc};

use crate::domain::{OrderCode, Quantity, Sku, Units, text::one_line};

/// An opaque reference to the next page. A client refuses one that it did not create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageCursor(String);

impl PageCursor {
    /// Two pages of one list must have different cursors.
    pub fn new(cursor: impl Into<String>) -> Self {
        Self(cursor.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A page of a list. An invalid row does not affect the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage<T> {
    pub rows: Vec<FeedRow<T>>,
    pub next: Option<PageCursor>,
}

/// One row of a list, or the reason why it is invalid.
pub type FeedRow<T> = Result<T, RowError>;

/// A receiver of rows, in their order.
pub type RowSink<'a, T> = &'a mut (dyn FnMut(FeedRow<T>) + Send);

/// Invalid rows of a list that are kept as examples.
pub const MAX_EXAMPLES: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {index}{}: {problem}", key.as_ref().map(|k| format!(" ({k})")).unwrap_or_default())]
pub struct RowError {
    /// The row's index within its page.
    pub index: usize,
    /// The row's SKU or order number, if it is readable.
    pub key: Option<String>,
    /// Names the field.
    pub problem: String,
    /// Whether a quantity is invalid: negative, fractional, missing or too large. In a stock feed, this
    /// casts doubt on the other rows too.
    pub is_quantity_error: bool,
}

impl RowError {
    pub(super) fn new(index: usize, key: Option<&str>, problem: String) -> Self {
        Self {
            index,
            key: key
                .map(|key| one_line(key, 80))
                .filter(|key| !key.is_empty()),
            problem,
            is_quantity_error: false,
        }
    }

    /// The same error, caused by a quantity.
    pub(super) fn about_quantity(self) -> Self {
        Self {
            is_quantity_error: true,
            ..self
        }
    }
}

/// The provider's stock of one SKU, in units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockItem {
    pub sku: Sku,
    /// Free to sell: units reserved for orders at the provider are already subtracted.
    pub available: Units,
    pub reserved: Option<Units>,
    pub on_hand: Option<Units>,
}

/// One parcel that left, or is about to leave, the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// The provider's id of the parcel, if it has one.
    pub id: Option<String>,
    pub order_number: OrderCode,
    pub tracking_number: Option<String>,
    pub carrier: Option<String>,
    pub service: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
    /// The provider's own status, safe to show. One that begins with `void` or `cancel`, in any case,
    /// means that the parcel was taken back; `pending`, `packed`, `label` and others
    /// (`status.rs`) mean that it has not left.
    pub status: String,
    /// The parcel's contents, if the provider reports them.
    pub items: Option<Vec<ShipmentItem>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentItem {
    pub sku: Sku,
    pub quantity: Quantity,
}
