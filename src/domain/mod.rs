//! The types and rules that all modules share: orders, SKUs, quantities, money, states, failures.
//!
//! Owns what is true without a network, a database or a clock. Must not do any I/O, hold any SQL
//! or know any wire format.

mod address;
mod cancel_status;
mod choices;
mod credentials;
mod failure;
#[cfg(test)]
mod fuzz_tests;
mod ids;
mod money;
mod notice;
mod order;
mod quantity;
mod safety_stock;
mod sealed;
mod ship_via;
mod sku_rules;
mod sync_status;
pub mod text;
mod veracore_options;

pub use address::{Address, Contact};
pub use cancel_status::CancelStatus;
pub use choices::{ExistingOrdersPolicy, LineFormat, PriceBasis};
pub use credentials::VendureCredentials;
pub use failure::{ErrorCategory, FailureClass};
pub use ids::{
    FulfillmentId, InvalidIdentifier, LineId, LocationId, OrderCode, OrderState, ProviderOrderId,
    ShippingMethodCode, ShopOrderId, Sku, VariantId,
};
pub use money::{CurrencyCode, Money};
pub use notice::{NoticeKind, ParcelNotice, WebhookNotice};
pub use order::{LineUnits, Order, OrderLine, OrderRef};
pub use quantity::{InvalidQuantity, Quantity, Units};
pub use safety_stock::SafetyStock;
pub use sealed::SealedText;
pub use ship_via::ShipVia;
pub use sku_rules::SkuRules;
pub use sync_status::SyncStatus;
pub use veracore_options::{CancelProtocol, RestAuth, StockSource, UnmappedFreight};
