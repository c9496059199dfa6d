//! Sent orders: cancelled in Vendure, cancelled by VeraCore, or edited in Vendure.
//!
//! `check` reads Vendure and `changes` compares; `cancel` takes the steps of a cancellation at
//! VeraCore, planned by `cancel_plan`; `provider_cancellations` cancels in Vendure what VeraCore
//! cancelled. These modules never send an order.

mod cancel;
mod cancel_plan;
pub mod changes;
mod check;
mod provider_cancellations;
mod worker;

pub use check::{MAX_CHECKED_ORDERS, PostSendSummary};
pub(super) use provider_cancellations::{record_late_shipments, record_provider_cancellations};
pub use worker::watch_sent_orders;
