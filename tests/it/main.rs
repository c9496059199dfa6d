//! The integration tests: the real thing between a real Vendure shop and the sandbox in VeraCore's
//! place. `harness/` makes a world for each test; run them with `scripts/test`, which starts what
//! they share (one shop, one Postgres cluster).
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

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
