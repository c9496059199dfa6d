//! The warehouse: the [`FulfillmentProvider`] trait and the words it speaks.
//!
//! Owns how orders are handed to a provider and how stock and shipments are read from it. Must not
//! know the shop, the ledger, or what is done with the answers.

mod error;
mod status;
pub mod veracore;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;

use self::status::is_partly_shipped_status;
pub use self::{
    error::ProviderError,
    status::{ShippedExtent, is_cancelled_status, is_complete_status, is_not_shipped_status},
};
use crate::domain::{
    Contact, CurrencyCode, Money, NoticeKind, OrderCode, ProviderOrderId, Quantity, Sku, Units,
    WebhookNotice,
};

/// A warehouse that takes orders. One call of a method is one try: nothing is repeated inside
/// except reads, and a call whose credentials had to be renewed.
///
/// `docs/adding-a-provider.md` says what each method promises and why; the tests in
/// `tests/it/providers/suite/` hold every implementation to it.
#[async_trait]
pub trait FulfillmentProvider: Send + Sync {
    /// Hands over one order.
    ///
    /// # Errors
    /// See [`ProviderError`]; its class says whether the order may have arrived all the same.
    async fn submit_order(&self, order: &NewOrder) -> Result<SubmitReceipt, ProviderError>;

    /// Asks whether the provider has an order of this number; `None` when it says that it has not.
    async fn find_order(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError>;

    /// Reads one page of the stock feed, the first with `None`: hands over its rows one by one, so
    /// that a feed of any length needs no more memory than what is made of it. Gives back the page
    /// that follows, if there is one.
    ///
    /// # Errors
    /// When the page could not be read. An error is never an empty page, and what was handed over
    /// before it is not to be believed.
    async fn stream_inventory_page(
        &self,
        page: Option<&PageCursor>,
        take: RowSink<'_, StockItem>,
    ) -> Result<Option<PageCursor>, ProviderError>;

    /// A page of the stock feed with its rows in a list, for whoever wants just one.
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

    /// The stock of one SKU; `None` when the provider does not know it.
    async fn find_stock_item(&self, sku: &Sku)
    -> Result<Option<FeedRow<StockItem>>, ProviderError>;

    /// One page of the shipments since a moment (a provider may give older ones too).
    async fn shipments_page(
        &self,
        since: DateTime<Utc>,
        page: Option<&PageCursor>,
    ) -> Result<FeedPage<Shipment>, ProviderError>;

    /// Understands the body of a webhook. Whose it is has been seen to.
    fn parse_webhook(
        &self,
        kind: NoticeKind,
        body: &[u8],
    ) -> Result<WebhookNotice, WebhookBodyError>;

    /// Whether orders can be cancelled by a call at all.
    fn supports_cancellation(&self) -> bool;

    /// Asks that an order be cancelled. Whatever the answer, whether it is cancelled is for
    /// [`find_order`](Self::find_order) to tell.
    ///
    /// # Errors
    /// When the order was certainly not cancelled by this call: nothing was sent, or we were
    /// refused.
    async fn cancel_order(&self, number: &OrderCode) -> Result<CancelResponse, ProviderError>;
}

/// Why the body of a webhook cannot be understood: one sentence that names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WebhookBodyError(pub String);

/// An order in the provider's terms, ready to be sent. Personal data inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOrder {
    /// The shop's order code; the provider refuses a second order with the same number.
    pub number: OrderCode,
    pub placed_at: DateTime<Utc>,
    pub currency: CurrencyCode,
    /// The shipping method's code after the map of `[shipping_methods]`.
    pub shipping_method: String,
    pub comments: Option<String>,
    pub customer: Contact,
    pub ship_to: PostalAddress,
    pub bill_to: Option<PostalAddress>,
    /// In the order of the shop's lines; two lines may have the same SKU.
    pub items: Vec<NewOrderItem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOrderItem {
    pub sku: Sku,
    pub quantity: Quantity,
    pub unit_price: Money,
}

impl NewOrder {
    /// What an error message about this order must not repeat: who the buyer is and how to reach
    /// them. A warehouse may quote all of it in what it answers.
    pub fn values_to_redact(&self) -> Vec<&str> {
        let buyer = &self.customer;
        let places = std::iter::once(&self.ship_to).chain(&self.bill_to);
        let of_places = places.flat_map(|to| {
            [
                &to.first_name,
                &to.last_name,
                &to.company,
                &to.address_1,
                &to.address_2,
                &to.phone,
            ]
        });
        let mut values: Vec<&str> = [
            &buyer.first_name,
            &buyer.last_name,
            &buyer.email,
            &buyer.phone,
        ]
        .into_iter()
        .chain(of_places)
        .filter_map(|value| value.as_deref())
        .collect();
        // The longest first: an address before the name that it begins with.
        values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
        values
    }
}

/// A name and a postal address. Personal data: its `Debug` shows nothing.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct PostalAddress {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub address_1: Option<String>,
    pub address_2: Option<String>,
    pub city: Option<String>,
    /// State, province or region.
    pub state: Option<String>,
    pub zip: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    pub phone: Option<String>,
}

impl std::fmt::Debug for PostalAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostalAddress").finish_non_exhaustive()
    }
}

/// The provider took the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitReceipt {
    pub provider_order_id: ProviderOrderId,
}

/// What the provider said about a cancellation that it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelResponse {
    /// It says that it did it.
    Accepted,
    /// It says that it did not, in its own words, made safe to show.
    Refused { message: String },
    /// No clear answer came, and it may have been done.
    Ambiguous { problem: String },
}

/// An order that the provider has, as far as its look-up tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundOrder {
    /// As the provider spells it; the client has checked that it is the number asked for.
    pub number: OrderCode,
    pub provider_order_id: Option<ProviderOrderId>,
    /// The provider's own word, made safe to show. One that begins with `cancel` or `void`, in any
    /// case, says that it will not be shipped; no other does.
    pub status: String,
    pub tracking_number: Option<String>,
    pub carrier: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
}

impl FoundOrder {
    /// Whether it says so beyond doubt: "cancel requested" may still be shipped. For what cannot be
    /// undone.
    pub fn is_definitely_cancelled(&self) -> bool {
        let status = self.status.to_ascii_lowercase();
        let first = status.split(|c: char| !c.is_ascii_alphabetic()).next();
        matches!(first, Some("cancelled" | "canceled" | "voided")) || status == "void"
    }

    /// Whether the provider's word says that it will not ship it.
    pub fn is_cancelled(&self) -> bool {
        is_cancelled_status(&self.status)
    }

    /// The part of the order that has left the warehouse.
    pub fn shipped_extent(&self) -> ShippedExtent {
        let has_shipment = self.tracking_number.is_some() || self.shipped_at.is_some();
        if is_complete_status(&self.status) {
            ShippedExtent::Complete
        } else if is_not_shipped_status(&self.status) {
            ShippedExtent::Nothing
        } else if has_shipment || is_partly_shipped_status(&self.status) {
            ShippedExtent::Partial
        } else {
            ShippedExtent::Nothing
        }
    }
}

/// Where the next page of a list is, in the words of the client that gave it; nobody else can read
/// it, and a client refuses one that it cannot have given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageCursor(String);

impl PageCursor {
    /// Two pages of one list must not have the same.
    pub fn new(place: impl Into<String>) -> Self {
        Self(place.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A page of a list. Rows that cannot be understood are kept apart, so that they stop nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage<T> {
    pub rows: Vec<FeedRow<T>>,
    pub next: Option<PageCursor>,
}

/// One row of a list, or what is wrong with it.
pub type FeedRow<T> = Result<T, RowError>;

/// Whoever gets the rows of a list, in their order.
pub type RowSink<'a, T> = &'a mut (dyn FnMut(FeedRow<T>) + Send);

/// The most bad rows of a list that are kept as examples.
pub const MAX_EXAMPLES: usize = 20;

/// A row that cannot be understood: which one, and which field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {index}{}: {problem}", key.as_ref().map(|k| format!(" ({k})")).unwrap_or_default())]
pub struct RowError {
    /// Counted from 0 within its page.
    pub index: usize,
    /// The row's SKU or order number, where it has a readable one.
    pub key: Option<String>,
    /// Names the field.
    pub problem: String,
    /// Whether a quantity is what is wrong with it: negative, fractional, missing, absurd. Of a
    /// stock feed that casts doubt on all the rest.
    pub is_quantity_error: bool,
}

/// The provider's stock of one SKU, in units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockItem {
    pub sku: Sku,
    /// Free to be promised: what is reserved for orders it has is already taken off.
    pub available: Units,
    pub reserved: Option<Units>,
    pub on_hand: Option<Units>,
}

/// One package that left, or is about to leave, the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// The provider's id of the package, where it gives one.
    pub id: Option<String>,
    pub order_number: OrderCode,
    pub tracking_number: Option<String>,
    pub carrier: Option<String>,
    pub service: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
    /// The provider's own word, made safe to show. One that begins with `void` or `cancel`, in any
    /// case, says that the package was taken back; `pending`, `packed`, `label` and the like
    /// (`sync/tracking/package.rs`) that it has not left.
    pub status: String,
    /// What is in the package, where the provider says so.
    pub items: Option<Vec<ShipmentItem>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentItem {
    pub sku: Sku,
    pub quantity: Quantity,
}
