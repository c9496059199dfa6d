//! The warehouse: the [`FulfillmentProvider`] trait and its types.

mod error;
mod feed;
mod orders;
mod status;
pub mod veracore;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

pub use self::{
    error::ProviderError,
    feed::{
        FeedPage, FeedRow, MAX_EXAMPLES, PageCursor, RowError, RowSink, Shipment, ShipmentItem,
        StockItem,
    },
    orders::{CancelResponse, FoundOrder, NewOrder, NewOrderItem, PostalAddress, SubmitReceipt},
    status::{ShippedExtent, is_cancelled_status, is_complete_status, is_not_shipped_status},
};
use crate::domain::{NoticeKind, OrderCode, Sku, WebhookNotice};

/// A warehouse that fulfills orders. A method repeats only reads, and a call whose credentials it
/// had to renew.
///
/// `docs/adding-a-provider.md` documents what each method guarantees; the tests in
/// `tests/it/providers/suite/` check every implementation.
#[async_trait]
pub trait FulfillmentProvider: Send + Sync {
    /// Sends one order. The error's class says whether it may have arrived anyway.
    async fn submit_order(&self, order: &NewOrder) -> Result<SubmitReceipt, ProviderError>;

    /// Looks up an order; `None` when the provider says that it does not have it.
    async fn find_order(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError>;

    /// Reads one page of the stock feed, the first one for `None`. Passes its rows to `take` one by
    /// one, so that a long feed is never in memory, and returns the cursor of the next page.
    ///
    /// # Errors
    /// The page could not be read: discard its rows. An error is never an empty page.
    async fn stream_inventory_page(
        &self,
        page: Option<&PageCursor>,
        take: RowSink<'_, StockItem>,
    ) -> Result<Option<PageCursor>, ProviderError>;

    /// Reads one page of the stock feed into a list.
    async fn inventory_page(
        &self,
        page: Option<&PageCursor>,
    ) -> Result<FeedPage<StockItem>, ProviderError> {
        let mut rows = Vec::new();
        let next = self
            .stream_inventory_page(page, &mut |row| rows.push(row))
            .await?;
        Ok(FeedPage { rows, next })
    }

    /// Reads the stock of one SKU; `None` when the provider does not know it.
    async fn find_stock_item(&self, sku: &Sku)
    -> Result<Option<FeedRow<StockItem>>, ProviderError>;

    /// Reads one page of the shipments since `since`. A provider may include older ones.
    async fn shipments_page(
        &self,
        since: DateTime<Utc>,
        page: Option<&PageCursor>,
    ) -> Result<FeedPage<Shipment>, ProviderError>;

    /// Parses the body of a webhook, which the caller has authenticated.
    fn parse_webhook(
        &self,
        kind: NoticeKind,
        body: &[u8],
    ) -> Result<WebhookNotice, WebhookBodyError>;

    fn supports_cancellation(&self) -> bool;

    /// Requests the cancellation of an order. Only [`find_order`](Self::find_order) says whether it is
    /// cancelled.
    ///
    /// # Errors
    /// This call certainly did not cancel the order: nothing was sent, or our credentials were refused.
    async fn cancel_order(&self, number: &OrderCode) -> Result<CancelResponse, ProviderError>;
}

/// An invalid webhook body: one sentence that names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WebhookBodyError(pub String);
