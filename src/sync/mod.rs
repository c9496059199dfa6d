//! Every decision about orders, stock and tracking, and the jobs that run them.
//!
//! Calls Vendure and VeraCore through their traits, and the ledger. Knows no SQL, no sources of the
//! configuration, and no HTTP except for the receiver of events.

mod bounded;
pub mod context;
pub mod error;
pub mod inbox;
pub mod inventory;
pub mod jobs;
pub mod leases;
mod line_changes;
pub mod orders;
pub mod outbox;
mod page_tracker;
pub mod post_send;
pub mod preflight;
pub mod reconcile;
#[cfg(test)]
mod tests;
pub mod tracking;
pub mod upstreams;
