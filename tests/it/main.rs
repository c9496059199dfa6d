//! The integration tests: veracore-sync between a real Vendure shop and the VeraCore sandbox.
//!
//! Run them with `scripts/test`, which starts the shared shop and Postgres. `harness/` gives each
//! test its own database, sandbox and channel in the shop.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod documents;
mod events;
mod faults;
mod flows;
mod harness;
mod house;
mod ledger;
mod packages;
mod process;
mod providers;
mod schema;
mod simulation;
mod web;
mod webhooks;
