//! The trait [`Storefront`]: the sum of one trait for each side of a shop.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{
    error::StorefrontError,
    model::{
        FulfillmentProgressPage, NewFulfillment, NewStockLevel, OrderPage, ShopProfile, StockLevel,
        StockLocation, SupportedTrackingFields, SweepPosition, TrackingFields, VariantPage,
        VariantSelection,
    },
};
use crate::domain::{FulfillmentId, LocationId, Order, OrderState, ShopOrderId, VariantId};

/// A shop: the source of orders, and the target of stock levels and fulfillments. Each call is one
/// attempt, except that an expired session is renewed.
pub trait Storefront:
    ShopSetup + OrderSource + OrderTarget + StockTarget + FulfillmentTarget
{
}

impl<T: ShopSetup + OrderSource + OrderTarget + StockTarget + FulfillmentTarget> Storefront for T {}

/// The shop's setup, as far as the daemon depends on it.
#[async_trait]
pub trait ShopSetup: Send + Sync {
    /// Reads what the checks at startup need: channel, permissions, locations, custom fields.
    async fn profile(&self) -> Result<ShopProfile, StorefrontError>;

    /// The channel's stock locations that the login may see.
    async fn stock_locations(&self) -> Result<Vec<StockLocation>, StorefrontError>;

    /// The tracking fields that the shop's orders have.
    async fn supported_tracking_fields(&self) -> Result<SupportedTrackingFields, StorefrontError>;
}

#[async_trait]
pub trait OrderSource: Send + Sync {
    /// The `take` orders in these states that were placed last, newest first.
    async fn newest_orders(
        &self,
        states: &[OrderState],
        take: u32,
    ) -> Result<OrderPage, StorefrontError>;

    /// A page of the orders in these states, by creation time, oldest first.
    async fn orders_from(
        &self,
        states: &[OrderState],
        from: SweepPosition,
        take: u32,
    ) -> Result<OrderPage, StorefrontError>;

    /// The orders that were cancelled last, since this time of the shop's clock.
    async fn cancelled_orders(
        &self,
        since: DateTime<Utc>,
        take: u32,
    ) -> Result<OrderPage, StorefrontError>;

    /// A whole order; `None` if the shop does not have it.
    async fn order(&self, id: &ShopOrderId) -> Result<Option<Order>, StorefrontError>;

    /// Up to a page of whole orders. Missing and unreadable ones are left out.
    async fn orders_by_id(&self, ids: &[ShopOrderId]) -> Result<Vec<Order>, StorefrontError>;
}

/// Changes of orders: cancellations and notes.
#[async_trait]
pub trait OrderTarget: Send + Sync {
    /// Cancels a whole order with its shipping costs; refunds nothing.
    ///
    /// # Errors
    /// After any error the order may be cancelled, fully or in part: Vendure cancels the lines
    /// before it checks that the order's state allows it.
    async fn cancel_order(&self, order: &ShopOrderId, reason: &str) -> Result<(), StorefrontError>;

    async fn add_note(&self, order: &ShopOrderId, note: &str) -> Result<(), StorefrontError>;

    /// True if one of the order's newest notes contains `text`.
    async fn has_note(&self, order: &ShopOrderId, text: &str) -> Result<bool, StorefrontError>;
}

#[async_trait]
pub trait StockTarget: Send + Sync {
    /// Variants with their stock at a location. A variant without a level there has zero.
    async fn variants(
        &self,
        which: VariantSelection<'_>,
        location: &LocationId,
    ) -> Result<VariantPage, StorefrontError>;

    /// Sets the stock on hand of variants at a location, all or none, and returns the new levels.
    /// The shop may refuse all of them because of one: then try with fewer.
    async fn set_stock(
        &self,
        location: &LocationId,
        levels: &[NewStockLevel],
    ) -> Result<Vec<(VariantId, StockLevel)>, StorefrontError>;
}

#[async_trait]
pub trait FulfillmentTarget: Send + Sync {
    /// The fulfillments of orders. Orders that the shop does not have are left out.
    async fn fulfillment_progress(
        &self,
        orders: &[ShopOrderId],
    ) -> Result<FulfillmentProgressPage, StorefrontError>;

    /// Creates a fulfillment, which takes its units from the stock on hand and the allocation. It
    /// is not shipped yet. The shop does not detect two equal ones created concurrently.
    ///
    /// # Errors
    /// Only after [`StorefrontError::Rejected`] is it certain that none was created.
    async fn add_fulfillment(
        &self,
        fulfillment: &NewFulfillment,
    ) -> Result<FulfillmentId, StorefrontError>;

    /// Moves a fulfillment to `Shipped`, which also updates its order's state.
    ///
    /// # Errors
    /// [`StorefrontError::Rejected`] if the fulfillment's state does not allow it.
    async fn ship_fulfillment(&self, id: &FulfillmentId) -> Result<(), StorefrontError>;

    /// Writes an order's tracking fields. A field that the shop lacks fails the whole call.
    async fn set_tracking(
        &self,
        order: &ShopOrderId,
        fields: &TrackingFields,
    ) -> Result<(), StorefrontError>;
}
