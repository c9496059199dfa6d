//! VeraCore's REST interface: JSON over HTTPS, as described in docs/veracore-rest.md.
//!
//! Each method calls once; only a call that was refused for its token is repeated.

#[doc(hidden)]
pub mod bench_support;
mod calls;
mod client;
mod lookup;
mod order;
mod token;
mod urls;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::value::RawValue;

use self::calls::{ApiResource, JSON, parse_json};
pub use self::client::{RestClient, RestSettings};
use super::common::{rows, webhooks};
use crate::{
    domain::{NoticeKind, OrderCode, Sku, WebhookNotice, text::one_line},
    fulfillment::{
        CancelResponse, FeedPage, FeedRow, FoundOrder, FulfillmentProvider, NewOrder, PageCursor,
        ProviderError, RowSink, Shipment, StockItem, SubmitReceipt, WebhookBodyError,
    },
    http::CallKind,
};

#[async_trait]
impl FulfillmentProvider for RestClient {
    async fn submit_order(&self, order: &NewOrder) -> Result<SubmitReceipt, ProviderError> {
        // Do not send an order that could not be looked up afterwards.
        self.base_url.order_status(&order.number)?;
        let url = self.base_url.orders();
        let body = order::order_body(&self.company_id, order).map_err(|error| {
            ProviderError::NotSendable {
                problem: format!("the order cannot be written as JSON: {error}"),
            }
        })?;
        let request = || {
            self.upstream
                .request(Method::POST, url.clone())
                .header(CONTENT_TYPE, JSON)
                .body(body.clone())
        };
        let redactions = order.values_to_redact();
        let reply = self
            .send_authorized(
                "submit_order",
                CallKind::Write,
                ApiResource::Orders,
                &redactions,
                request,
            )
            .await?;
        let is_duplicate = match reply.response.status {
            409 => true,
            403 | 429 => false,
            status => (400..500).contains(&status) && reply.error_body.is_duplicate_order(),
        };
        if is_duplicate {
            return Err(ProviderError::DuplicateOrder {
                number: order.number.clone(),
                message: reply.error_message,
            });
        }
        let provider_order_id = parse_json(&reply.into_success()?, lookup::receipt)?;
        Ok(SubmitReceipt { provider_order_id })
    }

    async fn find_order(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError> {
        let url = self.base_url.order_status(number)?;
        let read = |body: &RawValue| lookup::found_order(body, self.timezone);
        let found = self
            .get_optional("find_order", ApiResource::Orders, &url, read)
            .await?;
        match found {
            Some(found) if found.number != *number => Err(ProviderError::WrongOrder {
                requested: number.clone(),
                returned: one_line(found.number.as_str(), 80),
            }),
            found => Ok(found),
        }
    }

    async fn stream_inventory_page(
        &self,
        page: Option<&PageCursor>,
        take: RowSink<'_, StockItem>,
    ) -> Result<Option<PageCursor>, ProviderError> {
        let url = match page {
            Some(page) => self.base_url.page(page)?,
            None => self.base_url.inventory(),
        };
        self.get_page(
            "inventory",
            ApiResource::Inventory,
            url,
            rows::stock_item,
            take,
        )
        .await
    }

    async fn find_stock_item(
        &self,
        sku: &Sku,
    ) -> Result<Option<FeedRow<StockItem>>, ProviderError> {
        let url = self.base_url.inventory_of(sku)?;
        let read = |body: &RawValue| match rows::stock_item(0, body) {
            Ok(item) if item.sku != *sku => Err("SKU is not the requested one".into()),
            row => Ok(row),
        };
        self.get_optional("inventory_of", ApiResource::Inventory, &url, read)
            .await
    }

    async fn shipments_page(
        &self,
        since: DateTime<Utc>,
        page: Option<&PageCursor>,
    ) -> Result<FeedPage<Shipment>, ProviderError> {
        let url = match page {
            Some(page) => self.base_url.page(page)?,
            None => self.base_url.shipments(since),
        };
        let row = |index, raw: &RawValue| rows::shipment(index, raw, self.timezone);
        let mut rows = Vec::new();
        let next = self
            .get_page("shipments", ApiResource::Shipments, url, row, &mut |row| {
                rows.push(row);
            })
            .await?;
        Ok(FeedPage { rows, next })
    }

    fn parse_webhook(
        &self,
        kind: NoticeKind,
        body: &[u8],
    ) -> Result<WebhookNotice, WebhookBodyError> {
        webhooks::parse(kind, body, self.timezone)
    }

    fn supports_cancellation(&self) -> bool {
        false
    }

    async fn cancel_order(&self, _: &OrderCode) -> Result<CancelResponse, ProviderError> {
        Err(ProviderError::NotSendable {
            problem: "VeraCore's REST interface cannot cancel orders".into(),
        })
    }
}
