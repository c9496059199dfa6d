//! A shop at which our process dies, or whose answer is lost, at a chosen call.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use veracore_sync::{
    domain::{FulfillmentId, LocationId, Order, OrderState, ShopOrderId, VariantId},
    http::{CallError, RequestSent},
    vendure::{
        FulfillmentProgressPage, FulfillmentTarget, NewFulfillment, NewStockLevel, OrderPage,
        OrderSource, OrderTarget, ShopProfile, ShopSetup, StockLevel, StockLocation, StockTarget,
        Storefront, StorefrontError, SupportedTrackingFields, SweepPosition, TrackingFields,
        VariantPage, VariantSelection,
    },
};

/// A write to the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    AddFulfillment,
    ShipFulfillment,
    SetTracking,
    SetStock,
    AddNote,
    CancelOrder,
}

/// What happens at it, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The process is gone before the shop hears of it.
    DiesBefore,
    /// The shop did it, and the process is gone before it hears of that.
    DiesAfter,
    /// The shop did it, and the answer is lost.
    AnswerLost,
}

/// The real shop, but for one call.
pub struct MortalShop {
    pub inner: Arc<dyn Storefront>,
    pub call: Call,
    pub fate: Fate,
    over: AtomicBool,
    died: Arc<Notify>,
}

impl MortalShop {
    /// The shop, and what tells that the process died. Whoever waits for it drops the work then,
    /// as a kill would.
    pub fn new(inner: Arc<dyn Storefront>, call: Call, fate: Fate) -> (Arc<Self>, Arc<Notify>) {
        let died = Arc::new(Notify::new());
        let shop = Self {
            inner,
            call,
            fate,
            over: AtomicBool::new(false),
            died: Arc::clone(&died),
        };
        (Arc::new(shop), died)
    }

    async fn at<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, StorefrontError>>,
    ) -> Result<T, StorefrontError> {
        if call != self.call || self.over.swap(true, Ordering::Relaxed) {
            return work.await;
        }
        if self.fate == Fate::DiesBefore {
            return self.die().await;
        }
        let done = work.await;
        match self.fate {
            Fate::AnswerLost => Err(CallError::Timeout {
                upstream: "Vendure",
                operation: "lost",
                limit: std::time::Duration::from_secs(1),
                sent: RequestSent::Maybe,
            }
            .into()),
            Fate::DiesAfter => self.die().await,
            Fate::DiesBefore => done,
        }
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl ShopSetup for MortalShop {
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
impl OrderSource for MortalShop {
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
impl OrderTarget for MortalShop {
    async fn cancel_order(&self, order: &ShopOrderId, reason: &str) -> Result<(), StorefrontError> {
        let work = self.inner.cancel_order(order, reason);
        self.at(Call::CancelOrder, work).await
    }

    async fn add_note(&self, order: &ShopOrderId, note: &str) -> Result<(), StorefrontError> {
        let work = self.inner.add_note(order, note);
        self.at(Call::AddNote, work).await
    }

    async fn has_note(&self, order: &ShopOrderId, words: &str) -> Result<bool, StorefrontError> {
        self.inner.has_note(order, words).await
    }
}

#[async_trait]
impl StockTarget for MortalShop {
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
        self.at(Call::SetStock, work).await
    }
}

#[async_trait]
impl FulfillmentTarget for MortalShop {
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
        self.at(Call::AddFulfillment, work).await
    }

    async fn ship_fulfillment(&self, id: &FulfillmentId) -> Result<(), StorefrontError> {
        let work = self.inner.ship_fulfillment(id);
        self.at(Call::ShipFulfillment, work).await
    }

    async fn set_tracking(
        &self,
        order: &ShopOrderId,
        fields: &TrackingFields,
    ) -> Result<(), StorefrontError> {
        let work = self.inner.set_tracking(order, fields);
        self.at(Call::SetTracking, work).await
    }
}
