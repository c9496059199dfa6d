//! What is carried where: orders out, and the checks and jobs around it.
//!
//! Owns every decision about an order. Talks to the shop and the warehouse through their traits
//! and to the ledger; must not know HTTP, SQL or the configuration's sources.

pub mod due;
pub mod housekeeping;
pub mod orders;
pub mod preflight;
pub mod runner;
pub mod schedule;
pub mod scheduler;
