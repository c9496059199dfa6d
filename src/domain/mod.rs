//! Pure words and rules of the business: orders, SKUs, quantities, money, states and failures.
//!
//! Owns what is true without a network, a database or a clock. Must not do any I/O, hold any SQL
//! or know any wire format.

mod address;
mod cancellation;
mod failure;
mod freight;
#[cfg(test)]
mod fuzz_tests;
mod ids;
mod money;
mod news;
mod order;
mod quantity;
mod sealed;
mod skus;
mod status;
mod stock;
pub mod text;

pub use address::{Address, Contact};
pub use cancellation::CancelStatus;
pub use failure::{ErrorCategory, FailureClass};
pub use freight::ShipVia;
pub use ids::{
    FulfillmentId, InvalidIdentifier, LineId, LocationId, OrderCode, OrderState, ProviderOrderId,
    ShippingMethodCode, ShopOrderId, Sku, VariantId,
};
pub use money::{CurrencyCode, Money};
pub use news::{NoticeKind, ParcelNotice, WebhookNotice};
pub use order::{Order, OrderLine, OrderRef};
pub use quantity::{InvalidQuantity, Quantity, Units};
pub use sealed::SealedText;
pub use skus::SkuRules;
pub use status::SyncStatus;
pub use stock::SafetyStock;
