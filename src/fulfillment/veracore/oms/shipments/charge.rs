//! The rows of `GetShippingCharge`.

use chrono_tz::Tz;

use super::super::{
    super::common::{dates, fields::ParseProblem},
    order_info::{OmsParcel, is_void, label, tracking},
    xml::Element,
};
use crate::{
    domain::OrderCode,
    fulfillment::{FeedRow, RowError},
};

/// A row of `GetShippingCharge`: a parcel that was shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct ShippingCharge {
    pub order_number: OrderCode,
    pub slip_id: Option<String>,
    pub parcel: OmsParcel,
}

impl ShippingCharge {
    pub(in super::super) fn read(index: usize, row: &Element, zone: Tz) -> FeedRow<Self> {
        let order = row.child_text("OrderId");
        Self::read_fields(row, order, zone).map_err(|problem| RowError::new(index, order, problem))
    }

    fn read_fields(row: &Element, order: Option<&str>, zone: Tz) -> Result<Self, ParseProblem> {
        let order = order.ok_or("OrderId is missing")?;
        let shipped_at = row.child_text("DateShipped").unwrap_or_default();
        let service = label(row.child_text("FreightService"));
        Ok(Self {
            order_number: OrderCode::parse(order).map_err(|error| format!("OrderId: {error}"))?,
            slip_id: label(row.child_text("PPSlip")),
            parcel: OmsParcel {
                tracking: tracking(row.child_text("TrackingID")),
                carrier: label(row.child_text("FreightCarrier")),
                service: service.or_else(|| label(row.child_text("FreightDescription"))),
                shipped_at: dates::parse_date("DateShipped", shipped_at, zone)?,
                // Not in the service's description, but some systems may send it.
                is_void: is_void(row, zone),
            },
        })
    }
}
