//! What is carried where: orders out, stock and tracking in, and the checks and jobs around it.
//!
//! Owns every decision about an order, a level and a package. Talks to the shop and the warehouse
//! through their traits and to the ledger; must not know SQL, the configuration's sources or, but for
//! the receiver of events, HTTP.

pub mod context;
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
