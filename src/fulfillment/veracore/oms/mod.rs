//! The style `oms`: VeraCore's own SOAP services (`oms.asmx`, and the older `order.asmx`).
//!
//! Owns how an order, a look-up and a list are said in that style, and what VeraCore's answers to
//! them mean. What is known of these services, how surely, and which setting covers what is not, is
//! in `docs/veracore-oms.md`. One try each; only a read whose connection broke is made again.

#[doc(hidden)]
pub mod bench_support;
mod calls;
mod cancel;
mod faults;
mod order;
mod order_info;
mod order_info_cache;
mod shipments;
mod soap;
mod stock;
mod xml;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use url::Url;

use self::{
    calls::{SoapReply, SoapRequest},
    cancel::CancelEndpoint,
    faults::SoapFaultKind,
    order::OrderWriter,
    order_info_cache::OrderInfoCache,
};
use super::{
    super::{
        CancelResponse, FeedPage, FeedRow, FoundOrder, FulfillmentProvider, NewOrder, PageCursor,
        ProviderError, RowSink, Shipment, StockItem, SubmitReceipt, WebhookBodyError,
    },
    common::webhooks,
    rest::{ClientBuildError, Credentials, urls},
};
use crate::{
    clock::SharedClock,
    domain::{NoticeKind, OrderCode, ShipVia, Sku, WebhookNotice, text::one_line},
    http::{CallKind, Circuit, Upstream, UpstreamLimits},
};

const VERACORE: &str = "VeraCore";

/// What becomes of an order whose way of shipping the table `[freight]` does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnmappedFreight {
    /// It is sent without one, for VeraCore's own rules to choose.
    Send,
    /// It waits for a person.
    Refuse,
}

/// Where stock is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockSource {
    /// `GetOffers`: what can be ordered, all warehouses together.
    Offers,
    /// `GetProductAvailabilities`: warehouse by warehouse, a question for each product.
    Products,
}

/// How an order's cancellation is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OmsCancelSettings {
    pub protocol: CancelProtocol,
    /// Of the elements, in the style `soap`.
    pub namespace: String,
    /// The whole `SOAPAction`; else namespace and operation.
    pub soap_action: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelProtocol {
    Soap,
    Json,
}

/// All that this style needs to know.
#[derive(Clone)]
pub struct OmsSettings {
    /// Used as it is.
    pub url: Url,
    /// The services' XML namespace; else what belongs to the URL.
    pub namespace: Option<String>,
    /// Whose products; needed where several owners share part numbers.
    pub owner: Option<String>,
    /// The web-service user and its password.
    pub credentials: Credentials,
    /// Of all dates: VeraCore writes and reads them without one.
    pub timezone: Tz,
    pub limits: UpstreamLimits,
    /// By VeraCore's name of the shipping method, or Vendure's code where that has no other name.
    pub freight: BTreeMap<String, ShipVia>,
    pub unmapped_freight: UnmappedFreight,
    /// The longest order number that is sent.
    pub max_order_id_length: usize,
    pub stock_source: StockSource,
    /// Whose levels count, in [`StockSource::Products`]; empty: all.
    pub warehouses: BTreeSet<String>,
    /// What the fault for an unknown order says, where that is another sentence than expected.
    pub order_not_found_text: Option<String>,
    pub cancel: OmsCancelSettings,
}

/// VeraCore, in the style `oms`.
pub struct OmsClient {
    upstream: Upstream,
    url: Url,
    namespace: String,
    owner: Option<String>,
    credentials: Credentials,
    timezone: Tz,
    order_writer: OrderWriter,
    stock_source: StockSource,
    warehouses: BTreeSet<String>,
    /// How many products are asked for at a time.
    max_parallel_lookups: usize,
    order_not_found_text: Option<String>,
    cancel_endpoint: CancelEndpoint,
    order_info_cache: OrderInfoCache,
    clock: SharedClock,
}

impl OmsClient {
    pub fn new(settings: OmsSettings, clock: SharedClock) -> Result<Self, ClientBuildError> {
        let url = urls::check_base_url(settings.url)?;
        let lanes = settings
            .limits
            .max_concurrency
            .clamp(1, stock::MAX_PARALLEL_LOOKUPS);
        let upstream = Upstream::new(VERACORE, settings.limits, clock.clone())?;
        let namespace = settings
            .namespace
            .unwrap_or_else(|| default_namespace(&url));
        Ok(Self {
            upstream,
            namespace,
            owner: settings.owner,
            credentials: settings.credentials,
            timezone: settings.timezone,
            order_writer: OrderWriter {
                freight: settings.freight,
                unmapped_freight: settings.unmapped_freight,
                max_order_id_length: settings.max_order_id_length,
                timezone: settings.timezone,
            },
            stock_source: settings.stock_source,
            warehouses: settings.warehouses,
            max_parallel_lookups: lanes,
            order_not_found_text: settings.order_not_found_text,
            cancel_endpoint: CancelEndpoint::new(&url, settings.cancel),
            order_info_cache: OrderInfoCache::default(),
            clock,
            url,
        })
    }

    /// Whether it is called at all.
    pub fn circuit(&self) -> Circuit {
        self.upstream.circuit()
    }
}

/// The older service has a namespace of its own.
fn default_namespace(url: &Url) -> String {
    let path = url.path().trim_end_matches('/').to_ascii_lowercase();
    if path.ends_with("/order.asmx") {
        "http://sma-promail/".into()
    } else {
        "http://omscom/".into()
    }
}

#[async_trait]
impl FulfillmentProvider for OmsClient {
    async fn submit_order(&self, order: &NewOrder) -> Result<SubmitReceipt, ProviderError> {
        let question = SoapRequest {
            name: "submit_order",
            operation: "AddOrder",
            effect: CallKind::Write,
            arguments: self.order_writer.write_order(order)?,
            subject_terms: calls::ORDER_TERMS,
            redactions: order.values_to_redact(),
        };
        match self.call(&question, None).await? {
            SoapReply::Response { answer, response } => {
                let receipt = order::receipt(&response, &order.number);
                let receipt = receipt.map(|provider_order_id| SubmitReceipt { provider_order_id });
                receipt.map_err(|problem| answer.malformed(problem).into())
            }
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
        if self.stock_source == StockSource::Products {
            return self.stream_products_page(page, take).await;
        }
        if page.is_some() {
            return Err(invalid_page_cursor());
        }
        let everything = stock::ALL_OFFERS;
        self.stream_offers("inventory", everything, stock::offer_row, take)
            .await?;
        Ok(None)
    }

    async fn find_stock_item(
        &self,
        sku: &Sku,
    ) -> Result<Option<FeedRow<StockItem>>, ProviderError> {
        match self.stock_source {
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

    /// These services send none of themselves; what a merchant lets a middleman send has the form
    /// that the style `rest` fixes.
    fn parse_webhook(
        &self,
        kind: NoticeKind,
        body: &[u8],
    ) -> Result<WebhookNotice, WebhookBodyError> {
        webhooks::parse(kind, body, self.timezone)
    }

    fn supports_cancellation(&self) -> bool {
        true
    }

    async fn cancel_order(&self, number: &OrderCode) -> Result<CancelResponse, ProviderError> {
        self.request_cancellation(number).await
    }
}

fn invalid_page_cursor() -> ProviderError {
    ProviderError::NotSendable {
        problem: "the page asked for is none of this VeraCore's".into(),
    }
}
