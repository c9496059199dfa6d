//! The style `oms`: VeraCore's own SOAP services (`oms.asmx`, and the older `order.asmx`).
//!
//! Owns how an order, a look-up and a list are said in that style, and what VeraCore's answers to
//! them mean. What is known of these services, how surely, and which setting covers what is not, is
//! in `docs/veracore-oms.md`. One try each; only a read whose connection broke is made again.

mod calls;
mod cancel;
mod contents;
mod faults;
mod info;
mod order;
mod ranges;
mod shipped;
mod soap;
mod stock;
#[doc(hidden)]
pub mod workbench;
mod xml;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use url::Url;

use self::{
    calls::{Question, Reply},
    cancel::CancelService,
    contents::Contents,
    faults::Kind,
    order::Form,
};
use super::{
    super::{
        BadNews, CancelAnswer, FoundOrder, FulfillmentProvider, NewOrder, Page, PageRef,
        ProviderError, Receipt, Row, Shipment, StockItem, TakeRow,
    },
    rest::{BuildError, Credentials, urls, webhooks},
};
use crate::{
    clock::SharedClock,
    domain::{Freight, News, NewsKind, OrderCode, Sku, text::one_line},
    http::{Circuit, Effect, Limits, Upstream},
};

const VERACORE: &str = "VeraCore";

/// What becomes of an order whose way of shipping the table `[freight]` does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmapped {
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
pub struct CancelSettings {
    pub style: CancelStyle,
    /// Of the elements, in the style `soap`.
    pub namespace: String,
    /// The whole `SOAPAction`; else namespace and operation.
    pub action: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelStyle {
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
    pub limits: Limits,
    /// By VeraCore's name of the shipping method, or Vendure's code where that has no other name.
    pub freight: BTreeMap<String, Freight>,
    pub unmapped: Unmapped,
    /// The longest order number that is sent.
    pub max_order_id: usize,
    pub stock: StockSource,
    /// Whose levels count, in [`StockSource::Products`]; empty: all.
    pub warehouses: BTreeSet<String>,
    /// What the fault for an unknown order says, where that is another sentence than expected.
    pub missing_text: Option<String>,
    pub cancel: CancelSettings,
}

/// VeraCore, in the style `oms`.
pub struct OmsClient {
    upstream: Upstream,
    url: Url,
    namespace: String,
    owner: Option<String>,
    credentials: Credentials,
    timezone: Tz,
    form: Form,
    stock: StockSource,
    warehouses: BTreeSet<String>,
    /// How many products are asked for at a time.
    lanes: usize,
    missing_text: Option<String>,
    cancel: CancelService,
    contents: Contents,
    clock: SharedClock,
}

impl OmsClient {
    /// # Errors
    /// When the settings cannot work, or HTTPS cannot be set up here.
    pub fn new(settings: OmsSettings, clock: SharedClock) -> Result<Self, BuildError> {
        let url = urls::checked(settings.url)?;
        let lanes = settings.limits.max_concurrency.clamp(1, stock::LANES);
        let upstream = Upstream::new(VERACORE, settings.limits, clock.clone())?;
        let namespace = settings.namespace.unwrap_or_else(|| namespace_of(&url));
        Ok(Self {
            upstream,
            namespace,
            owner: settings.owner,
            credentials: settings.credentials,
            timezone: settings.timezone,
            form: Form {
                freight: settings.freight,
                unmapped: settings.unmapped,
                max_order_id: settings.max_order_id,
                timezone: settings.timezone,
            },
            stock: settings.stock,
            warehouses: settings.warehouses,
            lanes,
            missing_text: settings.missing_text,
            cancel: CancelService::new(&url, settings.cancel),
            contents: Contents::default(),
            clock,
            url,
        })
    }

    /// Whether it is called at all.
    #[must_use]
    pub fn circuit(&self) -> Circuit {
        self.upstream.circuit()
    }
}

/// The older service has a namespace of its own.
fn namespace_of(url: &Url) -> String {
    let path = url.path().trim_end_matches('/').to_ascii_lowercase();
    if path.ends_with("/order.asmx") {
        "http://sma-promail/".into()
    } else {
        "http://omscom/".into()
    }
}

#[async_trait]
impl FulfillmentProvider for OmsClient {
    async fn submit_order(&self, order: &NewOrder) -> Result<Receipt, ProviderError> {
        let question = Question {
            name: "submit_order",
            operation: "AddOrder",
            effect: Effect::Write,
            arguments: self.form.write(order)?,
            about: calls::ORDER,
            private: order.private_values(),
        };
        match self.ask(&question, None).await? {
            Reply::Response { answer, response } => {
                let receipt = order::receipt(&response, &order.number);
                let receipt = receipt.map(|provider_order_id| Receipt { provider_order_id });
                receipt.map_err(|problem| answer.malformed(problem).into())
            }
            Reply::Fault(fault) if fault.kind == Kind::Exists => Err(ProviderError::Duplicate {
                number: order.number.clone(),
                message: fault.message,
            }),
            Reply::Fault(fault) => Err(fault.error()),
        }
    }

    async fn find_order(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError> {
        let Some(info) = self.order_info("find_order", number).await? else {
            return Ok(None);
        };
        if info.number != number.as_str().trim() {
            return Err(ProviderError::WrongOrder {
                asked: number.clone(),
                answered: one_line(&info.number, 80),
            });
        }
        Ok(Some(info.found(number)))
    }

    async fn inventory(
        &self,
        page: Option<&PageRef>,
        take: TakeRow<'_, StockItem>,
    ) -> Result<Option<PageRef>, ProviderError> {
        if self.stock == StockSource::Products {
            return self.products(page, take).await;
        }
        if page.is_some() {
            return Err(foreign_page());
        }
        let everything = stock::EVERYTHING;
        self.offers("inventory", everything, stock::offer_row, take)
            .await?;
        Ok(None)
    }

    async fn inventory_of(&self, sku: &Sku) -> Result<Option<Row<StockItem>>, ProviderError> {
        match self.stock {
            StockSource::Offers => self.offer(sku).await,
            StockSource::Products => self.product("inventory_of", sku).await,
        }
    }

    async fn shipments(
        &self,
        since: DateTime<Utc>,
        page: Option<&PageRef>,
    ) -> Result<Page<Shipment>, ProviderError> {
        self.shipped(since, page).await
    }

    /// These services send none of themselves; what a merchant lets a middleman send has the form
    /// that the style `rest` fixes.
    fn read_webhook(&self, kind: NewsKind, body: &[u8]) -> Result<News, BadNews> {
        webhooks::read(kind, body, self.timezone)
    }

    fn can_cancel(&self) -> bool {
        true
    }

    async fn cancel_order(&self, number: &OrderCode) -> Result<CancelAnswer, ProviderError> {
        self.cancel_at_veracore(number).await
    }
}

fn foreign_page() -> ProviderError {
    ProviderError::Unsendable {
        problem: "the page asked for is none of this VeraCore's".into(),
    }
}
