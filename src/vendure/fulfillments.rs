//! What of an order is fulfilled, and recording more of it.

use chrono::{DateTime, Utc};

use super::{ProgressPage, StorefrontError, VendureClient};
use crate::domain::{FulfillmentId, LineId, OrderCode, OrderState, ShopOrderId, VariantId};

/// How far an order is fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub id: ShopOrderId,
    pub code: OrderCode,
    pub state: OrderState,
    /// Cancelled lines, whose quantity is zero, are still among them.
    pub lines: Vec<ProgressLine>,
    /// In the order of their ids; cancelled ones are still among them.
    pub fulfillments: Vec<Fulfillment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressLine {
    pub id: LineId,
    pub variant: VariantId,
    /// As the shop has it now, possibly blank.
    pub sku: String,
    /// What is still ordered; zero when the line was cancelled.
    pub quantity: u32,
}

/// A fulfillment of the shop's, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfillment {
    pub id: FulfillmentId,
    /// `Created`, `Pending`, `Shipped`, `Delivered`, `Cancelled`; shops may define their own.
    pub state: String,
    pub tracking_code: Option<String>,
    pub lines: Vec<LineUnits>,
}

/// Units of an order line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct LineUnits {
    pub line: LineId,
    pub quantity: u32,
}

impl Fulfillment {
    /// Whether its units are taken back: then they are allocated again.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state == "Cancelled"
    }
}

impl Progress {
    /// Units of a line that no fulfillment holds; none of a line that there is not.
    #[must_use]
    pub fn left(&self, line: &LineId) -> u32 {
        let ordered = self
            .lines
            .iter()
            .find(|candidate| candidate.id == *line)
            .map_or(0, |line| line.quantity);
        let fulfilled: u32 = self
            .fulfillments
            .iter()
            .filter(|fulfillment| !fulfillment.is_cancelled())
            .flat_map(|fulfillment| &fulfillment.lines)
            .filter(|units| units.line == *line)
            .fold(0, |sum, units| sum.saturating_add(units.quantity));
        ordered.saturating_sub(fulfilled)
    }
}

/// A fulfillment that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFulfillment {
    /// Of one order.
    pub lines: Vec<LineUnits>,
    /// What the customer reads as the way of shipping: carrier and service.
    pub method: String,
    pub tracking_code: String,
}

/// The custom fields that an order's tracking goes into; what is `None` is left as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackingFields {
    pub tracking_code: Option<String>,
    pub carrier: Option<String>,
    pub ship_date: Option<DateTime<Utc>>,
}

/// Which of these fields the shop's orders have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrackingFieldsKnown {
    pub tracking_code: bool,
    pub carrier: bool,
    pub ship_date: bool,
}

impl VendureClient {
    pub(super) async fn read_progress(
        &self,
        _orders: &[ShopOrderId],
    ) -> Result<ProgressPage, StorefrontError> {
        Err(super::not_yet("progress"))
    }

    pub(super) async fn make_fulfillment(
        &self,
        _fulfillment: &NewFulfillment,
    ) -> Result<FulfillmentId, StorefrontError> {
        Err(super::not_yet("add_fulfillment"))
    }

    pub(super) async fn move_to_shipped(&self, _id: &FulfillmentId) -> Result<(), StorefrontError> {
        Err(super::not_yet("ship_fulfillment"))
    }

    pub(super) async fn write_tracking(
        &self,
        _order: &ShopOrderId,
        _fields: &TrackingFields,
    ) -> Result<(), StorefrontError> {
        Err(super::not_yet("set_tracking"))
    }
}
