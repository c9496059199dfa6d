//! The warehouse: the [`FulfillmentProvider`] trait and the words it speaks.
//!
//! Owns how orders are handed to a provider and how stock and shipments are read from it. Must not
//! know the shop, the ledger, or what is done with the answers.

pub mod veracore;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    domain::{
        Class, Contact, CurrencyCode, ErrorCategory, Money, News, NewsKind, OrderCode,
        ProviderOrderId, Quantity, Sku, Units,
    },
    http::CallError,
};

/// A warehouse that takes orders. One call of a method is one try: nothing is repeated inside
/// except reads, and a call whose credentials had to be renewed.
#[async_trait]
pub trait FulfillmentProvider: Send + Sync {
    /// Hands over one order.
    ///
    /// # Errors
    /// See [`ProviderError`]; its class says whether the order may have arrived all the same.
    async fn submit_order(&self, order: &NewOrder) -> Result<Receipt, ProviderError>;

    /// Asks whether the provider has an order of this number; `None` when it says that it has not.
    ///
    /// # Errors
    /// When there was no clear answer either way.
    async fn find_order(&self, number: &OrderCode) -> Result<Option<FoundOrder>, ProviderError>;

    /// One page of the stock feed; the first with `None`.
    ///
    /// # Errors
    /// When the page could not be read. An error is never an empty page.
    async fn inventory(&self, page: Option<&PageRef>) -> Result<Page<StockItem>, ProviderError>;

    /// The stock of one SKU; `None` when the provider does not know it.
    ///
    /// # Errors
    /// When there was no clear answer either way.
    async fn inventory_of(&self, sku: &Sku) -> Result<Option<Row<StockItem>>, ProviderError>;

    /// One page of the shipments since a moment (a provider may give older ones too).
    ///
    /// # Errors
    /// When the page could not be read.
    async fn shipments(
        &self,
        since: DateTime<Utc>,
        page: Option<&PageRef>,
    ) -> Result<Page<Shipment>, ProviderError>;

    /// Understands the body of a webhook. Whose it is has been seen to.
    ///
    /// # Errors
    /// When it is not what the provider sends; the field is named.
    fn read_webhook(&self, kind: NewsKind, body: &[u8]) -> Result<News, BadNews>;

    /// Whether orders can be cancelled by a call at all.
    fn can_cancel(&self) -> bool;

    /// Asks that an order be cancelled. Whatever the answer, whether it is cancelled is for
    /// [`find_order`](Self::find_order) to tell.
    ///
    /// # Errors
    /// When the order was certainly not cancelled by this call: nothing was sent, or we were
    /// refused.
    async fn cancel_order(&self, number: &OrderCode) -> Result<CancelAnswer, ProviderError>;
}

/// Why the body of a webhook cannot be understood: one sentence that names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadNews(pub String);

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
    pub ship_to: Destination,
    pub bill_to: Option<Destination>,
    /// In the order of the shop's lines; two lines may have the same SKU.
    pub items: Vec<NewOrderItem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewOrderItem {
    pub sku: Sku,
    pub quantity: Quantity,
    pub unit_price: Money,
}

/// A name and a postal address. Personal data: its `Debug` shows nothing.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct Destination {
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

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination").finish_non_exhaustive()
    }
}

/// The provider took the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub provider_order_id: ProviderOrderId,
}

/// What the provider said about a cancellation that it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It says that it did it.
    Done,
    /// It says that it did not, in its own words, made safe to show.
    Refused { message: String },
    /// No clear answer came, and it may have been done.
    Unknown { problem: String },
}

/// An order that the provider has, as far as its look-up tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundOrder {
    /// As the provider spells it; the client has checked that it is the number asked for.
    pub number: OrderCode,
    pub provider_order_id: Option<ProviderOrderId>,
    /// The provider's own word, made safe to show.
    pub status: String,
    pub tracking_number: Option<String>,
    pub carrier: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
}

impl FoundOrder {
    /// Whether the provider's word says that it will not ship it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let status = self.status.to_ascii_lowercase();
        ["cancel", "void"]
            .iter()
            .any(|word| status.starts_with(word))
    }
}

/// Where the next page of a list is; only the client that gave it can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRef(pub(in crate::fulfillment) String);

/// A page of a list. Rows that cannot be understood are kept apart, so that they stop nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub rows: Vec<Row<T>>,
    pub next: Option<PageRef>,
}

/// One row of a list, or what is wrong with it.
pub type Row<T> = Result<T, BadRow>;

/// A row that cannot be understood: which one, and which field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {index}{}: {problem}", key.as_ref().map(|k| format!(" ({k})")).unwrap_or_default())]
pub struct BadRow {
    /// Counted from 0 within its page.
    pub index: usize,
    /// The row's SKU or order number, where it has a readable one.
    pub key: Option<String>,
    /// Names the field.
    pub problem: String,
    /// Whether a quantity is what is wrong with it: negative, fractional, missing, absurd. Of a
    /// stock feed that casts doubt on all the rest.
    pub in_quantity: bool,
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
    /// The provider's own word, made safe to show.
    pub status: String,
    /// What is in the package, where the provider says so.
    pub items: Option<Vec<ShipmentItem>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentItem {
    pub sku: Sku,
    pub quantity: Quantity,
}

/// What the provider, or the way to it, answered instead of doing what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is an order with this number already; whose it is must be looked up.
    #[error("VeraCore already has an order {number}: {message}")]
    Duplicate { number: OrderCode, message: String },
    /// The look-up answered with another order than the one asked for.
    #[error("VeraCore was asked for order {asked} and answered with another one, {answered}")]
    WrongOrder { asked: OrderCode, answered: String },
    /// Nothing was done: our credentials, or a token fresh from them, are refused.
    #[error(
        "VeraCore refused our credentials: {message}. Check VERACORE_CLIENT_ID and VERACORE_CLIENT_SECRET"
    )]
    Credentials { message: String },
    /// Nothing was done: it knows us, and does not let us use this operation of its service. Others it
    /// may.
    #[error("VeraCore does not let us use {operation}: {message}")]
    Forbidden {
        operation: &'static str,
        message: String,
    },
    /// The provider says that it could not do what was asked, and why: nothing was done.
    #[error("VeraCore {operation}: refused: {message}")]
    Refused {
        operation: &'static str,
        message: String,
    },
    /// No call was made: there was no token to make it with, and it is not known to be our fault.
    #[error("no VeraCore token, so nothing was sent: {0}")]
    NoToken(#[source] CallError),
    /// No call was made: this cannot be said in the provider's terms.
    #[error("not sent to VeraCore: {problem}")]
    Unsendable { problem: String },
}

impl ProviderError {
    /// What this says about a write; see [`CallError::class`].
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::Duplicate { .. } | Self::Refused { .. } | Self::Unsendable { .. } => {
                Class::Permanent
            }
            Self::WrongOrder { .. } => Class::Ambiguous,
            // However the call for a token ended, the call that it was for never began.
            Self::Credentials { .. } | Self::Forbidden { .. } | Self::NoToken(_) => {
                Class::Transient
            }
        }
    }

    #[must_use]
    pub const fn category(&self) -> ErrorCategory {
        match self {
            Self::Call(error) => error.category(),
            Self::Duplicate { .. } => ErrorCategory::Conflict,
            Self::WrongOrder { .. } => ErrorCategory::Upstream,
            Self::Credentials { .. } | Self::Forbidden { .. } => ErrorCategory::Auth,
            Self::NoToken(error) => match error.category() {
                // These speak of the token's address; of the order they would mislead.
                ErrorCategory::Validation | ErrorCategory::NotFound | ErrorCategory::Conflict => {
                    ErrorCategory::Upstream
                }
                other => other,
            },
            Self::Refused { .. } | Self::Unsendable { .. } => ErrorCategory::Validation,
        }
    }

    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(error) | Self::NoToken(error) => error.retry_after(),
            _ => None,
        }
    }

    /// What went wrong with a question about an order, without the provider's own words: they may
    /// quote a customer, whom who asks does not know enough of to leave out.
    #[must_use]
    pub fn without_its_words(&self) -> String {
        match self {
            Self::Call(CallError::Status {
                upstream,
                operation,
                status,
                ..
            }) => format!("{upstream} {operation}: HTTP {status}"),
            Self::Refused { operation, .. } => format!("VeraCore {operation}: refused"),
            Self::Forbidden { operation, .. } => {
                format!("VeraCore does not let us use {operation}")
            }
            other => other.to_string(),
        }
    }

    /// See [`CallError::parked_for`].
    #[must_use]
    pub const fn parked_for(&self) -> Option<Duration> {
        match self {
            Self::Call(error) | Self::NoToken(error) => error.parked_for(),
            _ => None,
        }
    }
}
