//! Orders as a provider receives and reports them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::status::{
    ShippedExtent, is_cancelled_status, is_complete_status, is_not_shipped_status,
    is_partly_shipped_status,
};
use crate::domain::{Contact, CurrencyCode, Money, OrderCode, ProviderOrderId, Quantity, Sku};

/// An order in the provider's terms, ready to send. Contains personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOrder {
    /// The shop's order code. The provider refuses a second order with the same number.
    pub number: OrderCode,
    pub placed_at: DateTime<Utc>,
    pub currency: CurrencyCode,
    /// The shipping method, mapped by `[shipping_methods]`.
    pub shipping_method: String,
    pub comments: Option<String>,
    pub customer: Contact,
    pub ship_to: PostalAddress,
    pub bill_to: Option<PostalAddress>,
    /// One for each line of the shop's order; two lines can have the same SKU.
    pub items: Vec<NewOrderItem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOrderItem {
    pub sku: Sku,
    pub quantity: Quantity,
    pub unit_price: Money,
}

impl NewOrder {
    /// The personal data that a message about this order must not repeat: a warehouse may quote it in
    /// its responses.
    pub fn values_to_redact(&self) -> Vec<&str> {
        let buyer = &self.customer;
        let addresses = std::iter::once(&self.ship_to).chain(&self.bill_to);
        let address_values = addresses.flat_map(|to| {
            [
                &to.first_name,
                &to.last_name,
                &to.company,
                &to.address_1,
                &to.address_2,
                &to.phone,
            ]
        });
        let mut values: Vec<&str> = [
            &buyer.first_name,
            &buyer.last_name,
            &buyer.email,
            &buyer.phone,
        ]
        .into_iter()
        .chain(address_values)
        .filter_map(|value| value.as_deref())
        .collect();
        // The longest first: an address can begin with a name.
        values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
        values
    }
}

/// A name and a postal address. Its `Debug` shows no personal data.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct PostalAddress {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub address_1: Option<String>,
    pub address_2: Option<String>,
    pub city: Option<String>,
    /// State, province or region.
    pub state: Option<String>,
    pub zip: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    pub phone: Option<String>,
}

impl std::fmt::Debug for PostalAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostalAddress").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitReceipt {
    pub provider_order_id: ProviderOrderId,
}

/// The provider's response to a cancellation request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelResponse {
    /// The provider says that it cancelled the order.
    Accepted,
    /// The provider says that it did not; its message is safe to show.
    Refused { message: String },
    /// No clear response: the order may be cancelled.
    Ambiguous { problem: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundOrder {
    /// In the provider's spelling; the client has checked that it is the requested number.
    pub number: OrderCode,
    pub provider_order_id: Option<ProviderOrderId>,
    /// The provider's own status, safe to show. Only one that begins with `cancel` or `void`, in any
    /// case, means that the order will not ship.
    pub status: String,
    pub tracking_number: Option<String>,
    pub carrier: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
}

impl FoundOrder {
    /// Whether the order is certainly cancelled, for actions that cannot be undone: one with "cancel
    /// requested" may still ship.
    pub fn is_definitely_cancelled(&self) -> bool {
        let status = self.status.to_ascii_lowercase();
        let first = status.split(|c: char| !c.is_ascii_alphabetic()).next();
        matches!(first, Some("cancelled" | "canceled" | "voided")) || status == "void"
    }

    /// Whether the status means that the order will not ship.
    pub fn is_cancelled(&self) -> bool {
        is_cancelled_status(&self.status)
    }

    pub fn shipped_extent(&self) -> ShippedExtent {
        let has_shipment = self.tracking_number.is_some() || self.shipped_at.is_some();
        if is_complete_status(&self.status) {
            ShippedExtent::Complete
        } else if is_not_shipped_status(&self.status) {
            ShippedExtent::Nothing
        } else if has_shipment || is_partly_shipped_status(&self.status) {
            ShippedExtent::Partial
        } else {
            ShippedExtent::Nothing
        }
    }
}
