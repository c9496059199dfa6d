//! Vendure: the [`Storefront`] trait, its values and errors, and the client of the Admin API.
//!
//! Owns sessions, channels and every operation of the Admin API. Must not know the warehouse or
//! the ledger, and makes no decision about an order.

#[doc(hidden)]
pub mod bench_support;
mod caller;
mod client;
mod error;
mod fulfillments;
#[cfg(test)]
mod fuzz_tests;
mod model;
mod operations;
mod order_changes;
mod orders;
mod profile;
mod raw_list;
mod response;
mod session;
mod stock;
mod storefront;
#[cfg(test)]
mod tests;
mod transport;

pub use caller::{Caller, Permission};
pub use client::VendureClient;
pub use error::StorefrontError;
pub use model::*;
pub use session::LoginOutcome;
pub use storefront::*;
pub use transport::{Credential, VendureSettings};

pub use crate::domain::VendureCredentials;
