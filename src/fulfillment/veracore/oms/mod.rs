//! VeraCore's SOAP services: `oms.asmx`, and the older `order.asmx`.
//!
//! docs/veracore-oms.md says what is known of these services, how certain it is, and which setting
//! covers the rest. Each method calls once; only a read whose connection broke is repeated.

#[doc(hidden)]
pub mod bench_support;
mod calls;
mod cancel;
mod client;
mod faults;
mod order;
mod order_info;
mod order_info_cache;
mod settings;
mod shipments;
mod soap;
mod stock;
mod xml;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::{
    calls::{ORDER_TERMS, SoapReply, SoapRequest},
    faults::SoapFaultKind,
};
pub use self::{
    client::OmsClient,
    settings::{OmsCancelSettings, OmsSettings},
};
use super::common::{invalid_page_cursor, webhooks};
use crate::{
    domain::{NoticeKind, OrderCode, Sku, StockSource, WebhookNotice, text::one_line},
    fulfillment::{
        CancelResponse, FeedPage, FeedRow, FoundOrder, FulfillmentProvider, NewOrder, PageCursor,
        ProviderError, RowSink, Shipment, StockItem, SubmitReceipt, WebhookBodyError,
    },
    http::CallKind,
};

#[async_trait]
impl FulfillmentProvider for OmsClient {
    async fn submit_order(&self, order: &NewOrder) -> Result<SubmitReceipt, ProviderError> {
        let request = SoapRequest {
            name: "submit_order",
            operation: "AddOrder",
            kind: CallKind::Write,
            arguments: order::write_order(&self.settings, order)?,
            subject_terms: ORDER_TERMS,
            redactions: order.values_to_redact(),
        };
        match self.call(&request, None).await? {
            SoapReply::Response {
                http_response,
                element,
            } => order::receipt(&element, &order.number)
                .map(|provider_order_id| SubmitReceipt { provider_order_id })
                .map_err(|problem| http_response.malformed(problem).into()),
            SoapReply::Fault(fault) if fault.kind == SoapFaultKind::AlreadyExists => {
                Err(ProviderError::DuplicateOrder {
                    number: order.number.clone(),
                    message: fault.message,
                })
            }
            SoapReply::Fault(fault) => Err(fault.into_error()),
        }
    }

    async fn find_order(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError> {
        let Some(info) = self.fetch_order_info("find_order", number).await? else {
            return Ok(None);
        };
        if info.number != number.as_str().trim() {
            return Err(ProviderError::WrongOrder {
                requested: number.clone(),
                returned: one_line(&info.number, 80),
            });
        }
        Ok(Some(info.into_found_order(number)))
    }

    async fn stream_inventory_page(
        &self,
        page: Option<&PageCursor>,
        take: RowSink<'_, StockItem>,
    ) -> Result<Option<PageCursor>, ProviderError> {
        if self.settings.stock_source == StockSource::Products {
            return self.stream_products_page(page, take).await;
        }
        if page.is_some() {
            return Err(invalid_page_cursor());
        }
        self.stream_offers("inventory", stock::ALL_OFFERS, stock::offer_row, take)
            .await?;
        Ok(None)
    }

    async fn find_stock_item(
        &self,
        sku: &Sku,
    ) -> Result<Option<FeedRow<StockItem>>, ProviderError> {
        match self.settings.stock_source {
            StockSource::Offers => self.find_offer(sku).await,
            StockSource::Products => self.find_product("inventory_of", sku).await,
        }
    }

    async fn shipments_page(
        &self,
        since: DateTime<Utc>,
        page: Option<&PageCursor>,
    ) -> Result<FeedPage<Shipment>, ProviderError> {
        self.list_shipments(since, page).await
    }

    /// VeraCore's SOAP services send no webhooks. A middleman can send them in the format of the REST
    /// interface.
    fn parse_webhook(
        &self,
        kind: NoticeKind,
        body: &[u8],
    ) -> Result<WebhookNotice, WebhookBodyError> {
        webhooks::parse(kind, body, self.settings.timezone)
    }

    fn supports_cancellation(&self) -> bool {
        true
    }

    async fn cancel_order(&self, number: &OrderCode) -> Result<CancelResponse, ProviderError> {
        self.request_cancellation(number).await
    }
}
