//! veracore-sync carries paid orders from Vendure to VeraCore, and brings stock levels and tracking
//! back. What has happened is recorded in the ledger, in Postgres.
//!
//! The modules, from the program's edge to its core:
//!
//! - [`cli`]: one file for each command.
//! - [`app`]: turns the [`config`] into live objects; the daemon and its jobs.
//! - [`web`]: HTTP in: GraphQL, dashboard, webhooks, health, metrics.
//! - [`sync`]: every decision about orders, stock levels and parcels.
//! - [`ledger`]: all SQL: orders, attempts, outcomes, leases.
//! - [`vendure`]: the [`Storefront`](vendure::Storefront) trait and the Admin API client.
//! - [`fulfillment`]: the [`FulfillmentProvider`](fulfillment::FulfillmentProvider) trait, and
//!   VeraCore in two styles.
//! - [`http`]: outbound calls: limits, timeouts, retries of reads, the circuit breaker.
//! - [`lifecycle`]: tasks, shutdown, heartbeats, the service manager.
//! - [`telemetry`]: the log and the metrics. [`clock`]: the time, passed in. [`crash`]: the points at
//!   which tests kill the process.
//! - [`domain`]: types and rules that all modules share; no I/O.
//!
//! Imports go one way: main → cli → app → web → sync → {ledger, vendure, fulfillment} → {http,
//! lifecycle} → {telemetry, clock, crash} → domain. `tests/it/house` checks this. To follow an order
//! through the code, start at `docs/architecture.md`.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crash;
pub mod domain;
pub mod fulfillment;
#[cfg(test)]
mod fuzz_tests;
pub mod http;
pub mod ledger;
pub mod lifecycle;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod sync;
pub mod telemetry;
pub mod vendure;
pub mod web;
