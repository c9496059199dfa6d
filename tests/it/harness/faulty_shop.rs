//! A shop that simulates a crash of our process, or loses a response, at a chosen call.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use veracore_sync::{
    domain::{FulfillmentId, LocationId, Order, OrderState, ShopOrderId, VariantId},
    http::{CallError, CallErrorKind, RequestSent},
    vendure::{
        FulfillmentProgressPage, FulfillmentTarget, NewFulfillment, NewStockLevel, OrderPage,
        OrderSource, OrderTarget, ShopProfile, ShopSetup, StockLevel, StockLocation, StockTarget,
        Storefront, StorefrontError, SupportedTrackingFields, SweepPosition, TrackingFields,
        VariantPage, VariantSelection,
    },
};

/// A write to the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShopCall {
    AddFulfillment,
    ShipFulfillment,
    SetTracking,
    SetStock,
    AddNote,
    CancelOrder,
}

/// What happens at the call, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShopFault {
    /// Our process crashes before the shop receives the call.
    CrashBefore,
    /// The shop executes the call, and our process crashes before it receives the response.
    CrashAfter,
    /// The shop executes the call, and the response is lost.
    ResponseLost,
}

/// The real shop, with a fault at one call.
pub struct FaultyShop {
    pub inner: Arc<dyn Storefront>,
    pub call: ShopCall,
    pub fault: ShopFault,
    fired: AtomicBool,
    crashed: Arc<Notify>,
}

impl FaultyShop {
    /// Returns the shop and a notification of the crash. The test must then drop the work, as a
    /// crash would.
    pub fn new(
        inner: Arc<dyn Storefront>,
        call: ShopCall,
        fault: ShopFault,
    ) -> (Arc<Self>, Arc<Notify>) {
        let crashed = Arc::new(Notify::new());
        let shop = Self {
            inner,
            call,
            fault,
            fired: AtomicBool::new(false),
            crashed: Arc::clone(&crashed),
        };
        (Arc::new(shop), crashed)
    }

    /// Executes a call, with the fault if it is the chosen one.
    async fn at<T>(
        &self,
        call: ShopCall,
        work: impl Future<Output = Result<T, StorefrontError>>,
    ) -> Result<T, StorefrontError> {
        if call != self.call || self.fired.swap(true, Ordering::Relaxed) {
            return work.await;
        }
        if self.fault == ShopFault::CrashBefore {
            return self.crash().await;
        }
        let result = work.await;
        match self.fault {
            ShopFault::ResponseLost => Err(CallError::new(
                "Vendure",
                "lost",
                CallErrorKind::Timeout {
                    limit: std::time::Duration::from_secs(1),
                    sent: RequestSent::Maybe,
                },
            )
            .into()),
            ShopFault::CrashAfter => self.crash().await,
            ShopFault::CrashBefore => result,
        }
    }

    async fn crash<T>(&self) -> T {
        self.crashed.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl ShopSetup for FaultyShop {
    async fn profile(&self) -> Result<ShopProfile, StorefrontError> {
        self.inner.profile().await
    }

    async fn stock_locations(&self) -> Result<Vec<StockLocation>, StorefrontError> {
        self.inner.stock_locations().await
    }

    async fn supported_tracking_fields(&self) -> Result<SupportedTrackingFields, StorefrontError> {
        self.inner.supported_tracking_fields().await
    }
}

#[async_trait]
impl OrderSource for FaultyShop {
    async fn newest_orders(
        &self,
        states: &[OrderState],
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        self.inner.newest_orders(states, take).await
    }

    async fn orders_from(
        &self,
        states: &[OrderState],
        from: SweepPosition,
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        self.inner.orders_from(states, from, take).await
    }

    async fn cancelled_orders(
        &self,
        since: DateTime<Utc>,
        take: u32,
    ) -> Result<OrderPage, StorefrontError> {
        self.inner.cancelled_orders(since, take).await
    }

    async fn order(&self, id: &ShopOrderId) -> Result<Option<Order>, StorefrontError> {
        self.inner.order(id).await
    }

    async fn orders_by_id(&self, ids: &[ShopOrderId]) -> Result<Vec<Order>, StorefrontError> {
        self.inner.orders_by_id(ids).await
    }
}

#[async_trait]
impl OrderTarget for FaultyShop {
    async fn cancel_order(&self, order: &ShopOrderId, reason: &str) -> Result<(), StorefrontError> {
        let work = self.inner.cancel_order(order, reason);
        self.at(ShopCall::CancelOrder, work).await
    }

    async fn add_note(&self, order: &ShopOrderId, note: &str) -> Result<(), StorefrontError> {
        let work = self.inner.add_note(order, note);
        self.at(ShopCall::AddNote, work).await
    }

    async fn has_note(&self, order: &ShopOrderId, words: &str) -> Result<bool, StorefrontError> {
        self.inner.has_note(order, words).await
    }
}

#[async_trait]
impl StockTarget for FaultyShop {
    async fn variants(
        &self,
        which: VariantSelection<'_>,
        location: &LocationId,
    ) -> Result<VariantPage, StorefrontError> {
        self.inner.variants(which, location).await
    }

    async fn set_stock(
        &self,
        location: &LocationId,
        levels: &[NewStockLevel],
    ) -> Result<Vec<(VariantId, StockLevel)>, StorefrontError> {
        let work = self.inner.set_stock(location, levels);
        self.at(ShopCall::SetStock, work).await
    }
}

#[async_trait]
impl FulfillmentTarget for FaultyShop {
    async fn fulfillment_progress(
        &self,
        orders: &[ShopOrderId],
    ) -> Result<FulfillmentProgressPage, StorefrontError> {
        self.inner.fulfillment_progress(orders).await
    }

    async fn add_fulfillment(
        &self,
        fulfillment: &NewFulfillment,
    ) -> Result<FulfillmentId, StorefrontError> {
        let work = self.inner.add_fulfillment(fulfillment);
        self.at(ShopCall::AddFulfillment, work).await
    }

    async fn ship_fulfillment(&self, id: &FulfillmentId) -> Result<(), StorefrontError> {
        let work = self.inner.ship_fulfillment(id);
        self.at(ShopCall::ShipFulfillment, work).await
    }

    async fn set_tracking(
        &self,
        order: &ShopOrderId,
        fields: &TrackingFields,
    ) -> Result<(), StorefrontError> {
        let work = self.inner.set_tracking(order, fields);
        self.at(ShopCall::SetTracking, work).await
    }
}
