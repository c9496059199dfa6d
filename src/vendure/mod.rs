//! The shop: the [`Storefront`] trait, its types, and the client of Vendure's Admin API.
//!
//! Owns sessions, channels and every operation on the Admin API. Must not know the warehouse or
//! the ledger, and decides nothing about an order.

#[doc(hidden)]
pub mod bench_support;
mod caller;
mod cancel;
mod client;
mod fulfillments;
#[cfg(test)]
mod fuzz_tests;
mod notes;
mod operations;
mod orders;
mod profile;
mod raw_list;
mod session;
mod stock;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use caller::{Caller, CallerCredential, Permission};
pub use client::{VendureClient, VendureCredentials, VendureSettings};
pub use fulfillments::{
    Fulfillment, FulfillmentProgress, FulfillmentProgressLine, LineUnits, NewFulfillment,
    SupportedTrackingFields, TrackingFields,
};
pub use session::CallerLogin;
pub use stock::{NewStockLevel, StockLevel, Variant, VariantPage, VariantSelection};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    domain::{
        ErrorCategory, FailureClass, FulfillmentId, InvalidIdentifier, LocationId, Order, OrderRef,
        OrderState, ShopOrderId, VariantId,
    },
    http::CallError,
};

/// A shop whose orders are carried, and whose stock and fulfillments are kept. Each call is one
/// try, but for a session that had to be renewed.
#[async_trait]
pub trait Storefront: Send + Sync {
    /// Who we are there and what the shop looks like: the ground for every check at start.
    async fn profile(&self) -> Result<ShopProfile, StorefrontError>;

    /// The `take` orders in one of the states that were placed last, newest first.
    async fn newest_orders(
        &self,
        states: &[OrderState],
        take: u32,
    ) -> Result<OrderPage, StorefrontError>;

    /// A page of the orders in one of the states, oldest first by creation.
    async fn orders_from(
        &self,
        states: &[OrderState],
        from: SweepPosition,
        take: u32,
    ) -> Result<OrderPage, StorefrontError>;

    /// A whole order; `None` when the shop does not have it (any more).
    async fn order(&self, id: &ShopOrderId) -> Result<Option<Order>, StorefrontError>;

    /// Whole orders at once; those that the shop does not have (any more), or that cannot be
    /// understood, are left out. No more than a page holds.
    async fn orders_by_id(&self, ids: &[ShopOrderId]) -> Result<Vec<Order>, StorefrontError>;

    /// The orders that were cancelled last, since that moment (of the shop's clock).
    async fn cancelled_orders(
        &self,
        since: DateTime<Utc>,
        take: u32,
    ) -> Result<OrderPage, StorefrontError>;

    /// Cancels a whole order, its shipping costs with it. What was paid is not given back.
    ///
    /// # Errors
    /// Whichever: it may have been done, or only begun. Vendure cancels the lines first, and then
    /// refuses where the state allows no cancellation.
    async fn cancel_order(&self, order: &ShopOrderId, reason: &str) -> Result<(), StorefrontError>;

    /// The stock locations of the channel that the login may see.
    async fn stock_locations(&self) -> Result<Vec<StockLocation>, StorefrontError>;

    /// Variants with their stock at a location. One that has no level there has nothing there.
    async fn variants(
        &self,
        which: VariantSelection<'_>,
        location: &LocationId,
    ) -> Result<VariantPage, StorefrontError>;

    /// Writes the stock on hand of variants at a location, all of them or none, and returns what
    /// the shop has afterwards. The shop may refuse all for one: then try with fewer.
    ///
    /// # Errors
    /// When it was refused ([`Class::Permanent`]), or it is not known whether it was done.
    async fn set_stock(
        &self,
        location: &LocationId,
        levels: &[NewStockLevel],
    ) -> Result<Vec<(VariantId, StockLevel)>, StorefrontError>;

    /// How far orders are fulfilled; those that the shop does not have (any more) are left out.
    /// No more than a page holds.
    async fn fulfillment_progress(
        &self,
        orders: &[ShopOrderId],
    ) -> Result<FulfillmentProgressPage, StorefrontError>;

    /// Makes a fulfillment: its units leave the stock on hand and the allocation. It is not
    /// shipped yet. The shop does not notice when two of the same are made at the same moment.
    ///
    /// # Errors
    /// [`StorefrontError::Refused`] when nothing was made; otherwise it may have been.
    async fn add_fulfillment(
        &self,
        fulfillment: &NewFulfillment,
    ) -> Result<FulfillmentId, StorefrontError>;

    /// Moves a fulfillment to `Shipped`, and its order with it as far as it is fulfilled.
    ///
    /// # Errors
    /// [`StorefrontError::Refused`] when it is in no state from which that could be done.
    async fn ship_fulfillment(&self, id: &FulfillmentId) -> Result<(), StorefrontError>;

    /// Which of the fields for tracking the shop's orders have.
    async fn supported_tracking_fields(&self) -> Result<SupportedTrackingFields, StorefrontError>;

    /// Writes an order's tracking fields. Naming one that the shop has not fails the whole call.
    async fn set_tracking(
        &self,
        order: &ShopOrderId,
        fields: &TrackingFields,
    ) -> Result<(), StorefrontError>;

    /// Adds a note to an order that only the shop's staff can read.
    ///
    /// # Errors
    /// When it was refused ([`Class::Permanent`]), or it is not known whether it was done.
    async fn add_note(&self, order: &ShopOrderId, note: &str) -> Result<(), StorefrontError>;

    /// Whether one of the newest notes on an order holds those words. An order that the shop does not
    /// have (any more) holds none.
    async fn has_note(&self, order: &ShopOrderId, words: &str) -> Result<bool, StorefrontError>;
}

#[async_trait]
impl Storefront for VendureClient {
    async fn profile(&self) -> Result<ShopProfile, StorefrontError> {
        self.read_profile().await
    }

    async fn newest_orders(
        &self,
        states: &[OrderState],
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        self.read_newest_orders(states, take).await
    }

    async fn orders_from(
        &self,
        states: &[OrderState],
        from: SweepPosition,
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        self.read_orders_from(states, from, take).await
    }

    async fn order(&self, id: &ShopOrderId) -> Result<Option<Order>, StorefrontError> {
        self.read_order(id).await
    }

    async fn orders_by_id(&self, ids: &[ShopOrderId]) -> Result<Vec<Order>, StorefrontError> {
        self.read_orders_by_id(ids).await
    }

    async fn cancelled_orders(
        &self,
        since: DateTime<Utc>,
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        self.read_cancelled_orders(since, take).await
    }

    async fn cancel_order(&self, order: &ShopOrderId, reason: &str) -> Result<(), StorefrontError> {
        self.send_cancel_order(order, reason).await
    }

    async fn stock_locations(&self) -> Result<Vec<StockLocation>, StorefrontError> {
        self.read_stock_locations().await
    }

    async fn variants(
        &self,
        which: VariantSelection<'_>,
        location: &LocationId,
    ) -> Result<VariantPage, StorefrontError> {
        self.read_variants(which, location).await
    }

    async fn set_stock(
        &self,
        location: &LocationId,
        levels: &[NewStockLevel],
    ) -> Result<Vec<(VariantId, StockLevel)>, StorefrontError> {
        self.send_set_stock(location, levels).await
    }

    async fn fulfillment_progress(
        &self,
        orders: &[ShopOrderId],
    ) -> Result<FulfillmentProgressPage, StorefrontError> {
        self.read_fulfillment_progress(orders).await
    }

    async fn add_fulfillment(
        &self,
        fulfillment: &NewFulfillment,
    ) -> Result<FulfillmentId, StorefrontError> {
        self.send_add_fulfillment(fulfillment).await
    }

    async fn ship_fulfillment(&self, id: &FulfillmentId) -> Result<(), StorefrontError> {
        self.send_ship_fulfillment(id).await
    }

    async fn supported_tracking_fields(&self) -> Result<SupportedTrackingFields, StorefrontError> {
        self.read_tracking_fields().await
    }

    async fn set_tracking(
        &self,
        order: &ShopOrderId,
        fields: &TrackingFields,
    ) -> Result<(), StorefrontError> {
        self.send_set_tracking(order, fields).await
    }

    async fn add_note(&self, order: &ShopOrderId, note: &str) -> Result<(), StorefrontError> {
        self.send_note(order, note).await
    }

    async fn has_note(&self, order: &ShopOrderId, words: &str) -> Result<bool, StorefrontError> {
        self.find_note(order, words).await
    }
}

/// A page of orders, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPage {
    pub total: u64,
    pub orders: Vec<OrderRef>,
    /// Orders that could not be understood, each with the field: they stop nothing else.
    pub unreadable: Vec<UnreadableItem>,
    /// How many orders the page held, readable or not.
    pub len: usize,
    /// When the page's last readable order was created.
    pub last_created_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableItem {
    /// Its id, code or SKU, as far as it could be read.
    pub key: String,
    pub problem: String,
}

/// How far orders are fulfilled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FulfillmentProgressPage {
    pub orders: Vec<FulfillmentProgress>,
    /// Orders that could not be understood, each with the field: they stop nothing else.
    pub unreadable: Vec<UnreadableItem>,
}

/// Where a sweep stands. Orders leave the states while it runs, so an offset alone would step over
/// others: pages start at a creation time instead, which never changes, and overlap by the orders
/// created in that same millisecond (all that the API's dates resolve).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweepPosition {
    /// Orders created at or after this.
    pub created_from: Option<DateTime<Utc>>,
    /// How many of those to leave out, for more orders in one millisecond than a page holds.
    pub skip: u32,
}

/// What the shop told about itself and about our login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopProfile {
    pub channel_code: String,
    /// Compared with the configured one: Vendure answers for its default channel when it does not
    /// know a token.
    pub channel_token: String,
    /// Permissions in the channel; what is needed and missing.
    pub missing_permissions: Vec<MissingPermission>,
    pub stock_locations: Vec<StockLocation>,
    /// Which of the order custom fields `trackingCode`, `carrier`, `shipDate` the shop has.
    pub tracking_fields: SupportedTrackingFields,
}

/// A permission that the login lacks, and what it is needed for.
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

/// What the shop, or the way to it, answered instead of what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorefrontError {
    #[error(transparent)]
    Call(#[from] CallError),
    /// The login itself was refused.
    #[error(
        "Vendure refused the login: {message}. Check VENDURE_USERNAME and VENDURE_PASSWORD, or VENDURE_API_KEY"
    )]
    LoginRefused { message: String },
    /// A fresh session may not do this either.
    #[error(
        "Vendure {operation}: forbidden, also with a fresh session. Give the login's role the permission for it"
    )]
    Forbidden { operation: &'static str },
    /// The shop knows no channel with the configured token; with a single channel it then answers
    /// for that one.
    #[error(
        "no channel of the shop has the token of VENDURE_CHANNEL_TOKEN{}",
        answering.as_ref().map(|code| format!(" (it answered for '{code}')")).unwrap_or_default()
    )]
    WrongChannel { answering: Option<String> },
    /// `errors[]` in the answer.
    #[error("Vendure {operation}: {code}: {message}")]
    Graphql {
        operation: &'static str,
        code: String,
        message: String,
    },
    /// The shop understood, and did not do it: one of the errors that its schema names.
    #[error("Vendure {operation}: {code}: {message}")]
    Rejected {
        operation: &'static str,
        code: String,
        message: String,
    },
    /// The shop named an error of a write that may have been done all the same.
    #[error("Vendure {operation}: {code}: {message}; it is not known whether it was done")]
    Ambiguous {
        operation: &'static str,
        code: String,
        message: String,
    },
    /// What was read makes no sense in this field, or what was to be written cannot be sent.
    #[error("Vendure {operation}: {field}: {problem}")]
    InvalidField {
        operation: &'static str,
        field: String,
        problem: String,
    },
}

impl StorefrontError {
    /// What this says about a *write*. For a read, an ambiguous failure is a transient one.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Call(error) => error.class(),
            Self::LoginRefused { .. } | Self::Forbidden { .. } | Self::WrongChannel { .. } => {
                FailureClass::Transient
            }
            Self::Ambiguous { .. } => FailureClass::Ambiguous,
            Self::Graphql { code, .. } if is_ambiguous_code(code) => FailureClass::Transient,
            Self::Graphql { .. } | Self::Rejected { .. } | Self::InvalidField { .. } => {
                FailureClass::Permanent
            }
        }
    }

    /// Whether the shop said something: then nothing of the call is under way there any more,
    /// whatever came of it.
    pub const fn has_response(&self) -> bool {
        !matches!(self, Self::Call(_))
    }

    pub const fn category(&self) -> ErrorCategory {
        match self {
            Self::Call(error) => error.category(),
            Self::LoginRefused { .. } | Self::Forbidden { .. } | Self::WrongChannel { .. } => {
                ErrorCategory::Auth
            }
            Self::Graphql { .. } | Self::Ambiguous { .. } => ErrorCategory::Upstream,
            Self::Rejected { .. } => ErrorCategory::Conflict,
            Self::InvalidField { .. } => ErrorCategory::Validation,
        }
    }

    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(error) => error.retry_after(),
            _ => None,
        }
    }

    /// See [`CallError::parked_for`].
    pub const fn circuit_open_for(&self) -> Option<Duration> {
        match self {
            Self::Call(error) => error.circuit_open_for(),
            _ => None,
        }
    }

    pub(crate) fn invalid_field(
        operation: &'static str,
        field: impl Into<String>,
        problem: &InvalidIdentifier,
    ) -> Self {
        Self::InvalidField {
            operation,
            field: field.into(),
            problem: problem.to_string(),
        }
    }
}

/// What stands for the code of an error that has none: Vendure passes its database's errors on
/// like that.
const UNKNOWN_CODE: &str = "UNKNOWN";

/// Whether an error with this code may be anything, a database that went away included.
fn is_ambiguous_code(code: &str) -> bool {
    matches!(code, UNKNOWN_CODE | "INTERNAL_SERVER_ERROR")
}
