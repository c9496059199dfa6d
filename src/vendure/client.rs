//! The client of the Admin API: queries and mutations with the daemon's session.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    error::StorefrontError,
    model::{
        FulfillmentProgressPage, NewFulfillment, NewStockLevel, OrderPage, ShopProfile, StockLevel,
        StockLocation, SupportedTrackingFields, SweepPosition, TrackingFields, VariantPage,
        VariantSelection,
    },
    response::ResponseData,
    session::Session,
    storefront::Storefront,
    transport::{Transport, VendureSettings, request_body},
};
use crate::{
    clock::SharedClock,
    domain::{FulfillmentId, LocationId, Order, OrderState, ShopOrderId, VariantId},
    http::{CallKind, Circuit},
};

/// A shop, through its Admin API.
pub struct VendureClient {
    pub(super) transport: Transport,
    session: Session,
}

/// Vendure's default limit. It answers a larger request with an HTTP 500 that gives no reason.
const MAX_REQUEST_BYTES: usize = 100 * 1024;

impl VendureClient {
    pub fn new(settings: VendureSettings, clock: SharedClock) -> Result<Self, reqwest::Error> {
        Self::with_name("Vendure", settings, clock)
    }

    /// A client with another name in errors and in the log.
    pub fn with_name(
        name: &'static str,
        settings: VendureSettings,
        clock: SharedClock,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            transport: Transport::new(name, settings, clock)?,
            session: Session::default(),
        })
    }

    pub fn circuit(&self) -> Circuit {
        self.transport.upstream.circuit()
    }

    /// Runs a query; logs in again once if the session was refused.
    pub(super) async fn query<T, V>(
        &self,
        name: &'static str,
        operation: &cynic::Operation<T, V>,
    ) -> Result<ResponseData, StorefrontError>
    where
        V: Serialize + Sync,
        T: Sync,
    {
        self.execute(name, CallKind::Read, request_body(name, operation)?)
            .await
    }

    /// Runs a mutation in the same way. An error that does not rule out that it was done is
    /// [`StorefrontError::Ambiguous`].
    pub(super) async fn mutate<T, V>(
        &self,
        name: &'static str,
        operation: &cynic::Operation<T, V>,
    ) -> Result<ResponseData, StorefrontError>
    where
        V: Serialize + Sync,
        T: Sync,
    {
        self.execute(name, CallKind::Write, request_body(name, operation)?)
            .await
    }

    pub(super) async fn execute(
        &self,
        name: &'static str,
        kind: CallKind,
        body: Vec<u8>,
    ) -> Result<ResponseData, StorefrontError> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(StorefrontError::InvalidField {
                operation: name,
                field: "request".into(),
                problem: format!(
                    "{} bytes are more than Vendure accepts ({MAX_REQUEST_BYTES})",
                    body.len()
                ),
            });
        }
        let token = self.session.token(&self.transport).await?;
        match self
            .transport
            .post(name, kind, body.clone(), Some(&token))
            .await
        {
            // Vendure answers FORBIDDEN both for an expired session and for a missing permission:
            // log in again once, then believe it. A refused call did nothing, so mutations may be
            // repeated too.
            Err(StorefrontError::Forbidden { .. }) if token.is_renewable() => {
                let fresh = self.session.renew(&self.transport, &token).await?;
                self.transport.post(name, kind, body, Some(&fresh)).await
            }
            other => other,
        }
    }
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

    async fn has_note(&self, order: &ShopOrderId, text: &str) -> Result<bool, StorefrontError> {
        self.find_note(order, text).await
    }
}
