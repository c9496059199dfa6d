//! The house. Orders go out, stock and tracking come in, everything that happened is in the
//! ledger. The rooms, in the order in which data meet them:
//!
//! - [`cli`]: one file a command; [`app`] turns the [`config`] into live objects, [`lifecycle`]
//!   starts and stops them, [`telemetry`] lets them speak.
//! - [`vendure`]: the shop. Orders are found there and read from there.
//! - [`sync`]: what is carried where, and every decision about it.
//! - [`ledger`]: all that is known, in Postgres; leases, attempts, outcomes.
//! - [`fulfillment`]: the warehouse, VeraCore.
//! - [`http`]: the one way out, for both ends; [`clock`]: the one source of time; [`crash`]: where
//!   tests let the process die.
//! - [`domain`]: the words and rules that all of them share.
//! - [`web`]: what others ask us.
//!
//! A module uses only what stands to its right: cli → app → web, sync → ledger, vendure,
//! fulfillment → http, clock → domain. `tests/it/house.rs` keeps watch over that.

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
