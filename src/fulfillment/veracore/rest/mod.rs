//! The style `rest`: JSON over HTTPS, as CONTRACT section 6 has it.
//!
//! Owns how an order, a look-up and a list are said in that style, and what VeraCore's answers to
//! them mean. One try each: only a call that was refused for its token is made a second time.

#[doc(hidden)]
pub mod bench_support;
mod calls;
mod order;
mod token;
pub(super) mod urls;

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
use self::{calls::ApiResource, token::TokenCache, urls::BaseUrl};
use super::super::{
    CancelResponse, FeedPage, FeedRow, FoundOrder, FulfillmentProvider, NewOrder, PageCursor,
    ProviderError, RowSink, Shipment, StockItem, SubmitReceipt, WebhookBodyError,
};
use super::common::{rows, webhooks};
use crate::{
    clock::SharedClock,
    domain::{NoticeKind, OrderCode, Sku, WebhookNotice, text::one_line},
    http::{CallKind, Circuit, Upstream, UpstreamLimits},
};

const VERACORE: &str = "VeraCore";
const JSON: &str = "application/json";

/// How calls are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestAuth {
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
    pub auth: RestAuth,
    /// Of the dates that VeraCore writes without one.
    pub timezone: Tz,
    pub limits: UpstreamLimits,
}

/// Why there can be no client of these settings.
#[derive(Debug, thiserror::Error)]
pub enum ClientBuildError {
    #[error("VERACORE_API_URL must be https:// (http:// only for this machine)")]
    InsecureUrl,
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
    base_url: BaseUrl,
    company_id: String,
    authenticator: Authenticator,
    timezone: Tz,
    /// How many calls in a row were refused although their tokens were fresh.
    consecutive_unauthorized: AtomicU32,
}

enum Authenticator {
    Basic(Credentials),
    OAuth2(Box<TokenCache>),
}

impl RestClient {
    pub fn new(settings: RestSettings, clock: SharedClock) -> Result<Self, ClientBuildError> {
        let base = BaseUrl::new(settings.base_url)?;
        if settings.credentials.client_id.contains(':') {
            return Err(ClientBuildError::ColonInClientId);
        }
        let upstream = Upstream::new(VERACORE, settings.limits, clock.clone())?;
        let entry = match settings.auth {
            RestAuth::Basic => Authenticator::Basic(settings.credentials),
            RestAuth::OAuth2 => {
                let tokens = TokenCache::new(base.token(), settings.credentials, clock);
                Authenticator::OAuth2(Box::new(tokens))
            }
        };
        Ok(Self {
            upstream,
            base_url: base,
            company_id: settings.company_id,
            authenticator: entry,
            timezone: settings.timezone,
            consecutive_unauthorized: AtomicU32::new(0),
        })
    }

    /// Whether it is called at all.
    pub fn circuit(&self) -> Circuit {
        self.upstream.circuit()
    }
}

#[async_trait]
impl FulfillmentProvider for RestClient {
    async fn submit_order(&self, order: &NewOrder) -> Result<SubmitReceipt, ProviderError> {
        // An order that could not be looked up afterwards is not sent in the first place.
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
        let private = order.values_to_redact();
        let reply = self
            .send_authorized(
                "submit_order",
                CallKind::Write,
                ApiResource::Orders,
                &private,
                request,
            )
            .await?;
        let exists = match reply.response.status {
            409 => true,
            403 | 429 => false,
            status => (400..500).contains(&status) && reply.error_body.is_duplicate_order(),
        };
        if exists {
            return Err(ProviderError::DuplicateOrder {
                number: order.number.clone(),
                message: reply.error_message,
            });
        }
        let provider_order_id = reply.into_success()?.parse_json(rows::receipt)?;
        Ok(SubmitReceipt { provider_order_id })
    }

    async fn find_order(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError> {
        let url = self.base_url.order_status(number)?;
        let Some(accepted) = self
            .get_optional("find_order", ApiResource::Orders, &url)
            .await?
        else {
            return Ok(None);
        };
        let found = accepted.parse_json(|body| rows::found_order(body, self.timezone))?;
        if found.number != *number {
            return Err(ProviderError::WrongOrder {
                requested: number.clone(),
                returned: one_line(found.number.as_str(), 80),
            });
        }
        Ok(Some(found))
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
        let row = rows::stock_item;
        self.get_page("inventory", ApiResource::Inventory, url, row, take)
            .await
    }

    async fn find_stock_item(
        &self,
        sku: &Sku,
    ) -> Result<Option<FeedRow<StockItem>>, ProviderError> {
        let url = self.base_url.inventory_of(sku)?;
        let found = self
            .get_optional("inventory_of", ApiResource::Inventory, &url)
            .await?;
        let Some(accepted) = found else {
            return Ok(None);
        };
        let row = accepted.parse_json(|body| Ok(rows::stock_item(0, body)))?;
        if row.as_ref().is_ok_and(|item| item.sku != *sku) {
            let problem = "SKU is another one than the one asked for".to_owned();
            return Err(accepted.response.malformed(problem).into());
        }
        Ok(Some(row))
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
            problem: "VeraCore's style 'rest' has no call that cancels an order".into(),
        })
    }
}
