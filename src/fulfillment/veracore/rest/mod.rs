//! The style `rest`: JSON over HTTPS, as CONTRACT section 6 has it.
//!
//! Owns how an order, a look-up and a list are said in that style, and what VeraCore's answers to
//! them mean. One try each: only a call that was refused for its token is made a second time.

mod answers;
mod calls;
pub(super) mod dates;
pub(super) mod errors;
mod token;
pub(super) mod urls;
pub(super) mod values;
pub(super) mod webhooks;
mod wire;
#[doc(hidden)]
pub mod workbench;

#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicU32;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::value::RawValue;
use url::Url;

pub use self::token::Credentials;
use self::{calls::Access, token::Tokens, urls::Base};
use super::super::{
    BadNews, CancelAnswer, FoundOrder, FulfillmentProvider, NewOrder, Page, PageRef, ProviderError,
    Receipt, Row, Shipment, StockItem, TakeRow,
};
use crate::{
    clock::SharedClock,
    domain::{News, NewsKind, OrderCode, Sku, text::one_line},
    http::{Circuit, Effect, Limits, Upstream},
};

const VERACORE: &str = "VeraCore";
const JSON: &str = "application/json";

/// How calls are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// A token by client credentials, renewed as needed.
    OAuth2,
    /// HTTP Basic with the id and the secret on each call.
    Basic,
}

/// All that this style needs to know.
#[derive(Clone)]
pub struct RestSettings {
    /// Its own path is kept.
    pub base_url: Url,
    pub company_id: String,
    pub credentials: Credentials,
    pub auth: Auth,
    /// Of the dates that VeraCore writes without one.
    pub timezone: Tz,
    pub limits: Limits,
}

/// Why there can be no client of these settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("VERACORE_API_URL must be https:// (http:// only for this machine)")]
    Insecure,
    #[error("VERACORE_API_URL must not hold a user or a password: see VERACORE_CLIENT_ID")]
    CredentialsInUrl,
    #[error("VERACORE_API_URL must end with its path: paths are appended to it, a query is not")]
    QueryInUrl,
    #[error("VERACORE_CLIENT_ID must not contain a colon, which HTTP Basic cannot carry")]
    ColonInClientId,
    #[error("HTTPS cannot be set up on this machine: {0}")]
    Tls(#[from] reqwest::Error),
}

/// VeraCore, in the style `rest`.
pub struct RestClient {
    upstream: Upstream,
    base: Base,
    company_id: String,
    entry: Entry,
    timezone: Tz,
    /// How many calls in a row were refused although their tokens were fresh.
    unwelcome: AtomicU32,
}

enum Entry {
    Basic(Credentials),
    OAuth2(Box<Tokens>),
}

impl RestClient {
    /// # Errors
    /// When the settings cannot work, or HTTPS cannot be set up here.
    pub fn new(settings: RestSettings, clock: SharedClock) -> Result<Self, BuildError> {
        let base = Base::new(settings.base_url)?;
        if settings.credentials.client_id.contains(':') {
            return Err(BuildError::ColonInClientId);
        }
        let upstream = Upstream::new(VERACORE, settings.limits, clock.clone())?;
        let entry = match settings.auth {
            Auth::Basic => Entry::Basic(settings.credentials),
            Auth::OAuth2 => {
                let tokens = Tokens::new(base.token(), settings.credentials, clock);
                Entry::OAuth2(Box::new(tokens))
            }
        };
        Ok(Self {
            upstream,
            base,
            company_id: settings.company_id,
            entry,
            timezone: settings.timezone,
            unwelcome: AtomicU32::new(0),
        })
    }

    /// Whether it is called at all.
    #[must_use]
    pub fn circuit(&self) -> Circuit {
        self.upstream.circuit()
    }
}

#[async_trait]
impl FulfillmentProvider for RestClient {
    async fn submit_order(&self, order: &NewOrder) -> Result<Receipt, ProviderError> {
        // An order that could not be looked up afterwards is not sent in the first place.
        self.base.order_status(&order.number)?;
        let url = self.base.orders();
        let body = wire::order_body(&self.company_id, order).map_err(|error| {
            ProviderError::Unsendable {
                problem: format!("the order cannot be written as JSON: {error}"),
            }
        })?;
        let request = || {
            self.upstream
                .request(Method::POST, url.clone())
                .header(CONTENT_TYPE, JSON)
                .body(body.clone())
        };
        let private = order.private_values();
        let reply = self
            .call(
                "submit_order",
                Effect::Write,
                Access::Orders,
                &private,
                request,
            )
            .await?;
        let exists = match reply.answer.status {
            409 => true,
            403 | 429 => false,
            status => (400..500).contains(&status) && reply.told.says_it_exists(),
        };
        if exists {
            return Err(ProviderError::Duplicate {
                number: order.number.clone(),
                message: reply.shown,
            });
        }
        let provider_order_id = reply.accepted()?.read(answers::receipt)?;
        Ok(Receipt { provider_order_id })
    }

    async fn find_order(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError> {
        let url = self.base.order_status(number)?;
        let Some(accepted) = self.look_up("find_order", Access::Orders, &url).await? else {
            return Ok(None);
        };
        let found = accepted.read(|body| answers::found_order(body, self.timezone))?;
        if found.number != *number {
            return Err(ProviderError::WrongOrder {
                asked: number.clone(),
                answered: one_line(found.number.as_str(), 80),
            });
        }
        Ok(Some(found))
    }

    async fn inventory(
        &self,
        page: Option<&PageRef>,
        take: TakeRow<'_, StockItem>,
    ) -> Result<Option<PageRef>, ProviderError> {
        let url = match page {
            Some(page) => self.base.page(page)?,
            None => self.base.inventory(),
        };
        let row = answers::stock_item;
        self.page("inventory", Access::Inventory, url, row, take)
            .await
    }

    async fn inventory_of(&self, sku: &Sku) -> Result<Option<Row<StockItem>>, ProviderError> {
        let url = self.base.inventory_of(sku)?;
        let found = self
            .look_up("inventory_of", Access::Inventory, &url)
            .await?;
        let Some(accepted) = found else {
            return Ok(None);
        };
        let row = accepted.read(|body| Ok(answers::stock_item(0, body)))?;
        if row.as_ref().is_ok_and(|item| item.sku != *sku) {
            let problem = "SKU is another one than the one asked for".to_owned();
            return Err(accepted.answer.malformed(problem).into());
        }
        Ok(Some(row))
    }

    async fn shipments(
        &self,
        since: DateTime<Utc>,
        page: Option<&PageRef>,
    ) -> Result<Page<Shipment>, ProviderError> {
        let url = match page {
            Some(page) => self.base.page(page)?,
            None => self.base.shipments(since),
        };
        let row = |index, raw: &RawValue| answers::shipment(index, raw, self.timezone);
        let mut rows = Vec::new();
        let next = self
            .page("shipments", Access::Shipments, url, row, &mut |row| {
                rows.push(row);
            })
            .await?;
        Ok(Page { rows, next })
    }

    fn read_webhook(&self, kind: NewsKind, body: &[u8]) -> Result<News, BadNews> {
        webhooks::read(kind, body, self.timezone)
    }

    fn can_cancel(&self) -> bool {
        false
    }

    async fn cancel_order(&self, _: &OrderCode) -> Result<CancelAnswer, ProviderError> {
        Err(ProviderError::Unsendable {
            problem: "VeraCore's style 'rest' has no call that cancels an order".into(),
        })
    }
}
