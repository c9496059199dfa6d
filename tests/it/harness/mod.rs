//! What a test stands on: a world of its own (ledger database, sandbox, channel in the shop), made
//! by [`World`], and the handles to drive it: [`Service`] in this process, [`Daemon`] as another.
//!
//! Nothing is shared between tests but the shop and the cluster. Waiting is always for a
//! condition, with a limit.

mod admin;
mod api;
mod browser;
mod cart;
mod daemon;
mod database;
mod dice;
mod gate;
mod goods;
mod log;
mod mortal;
pub mod plans;
mod receiver;
mod schedule;
mod scrape;
mod service;
mod settled;
mod shop;
mod staff;
mod style;
mod wait;
mod warehouse;
mod world;

pub use admin::get;
pub use api::{Answer, Api, Shows, TOKEN};
pub use browser::Browser;
pub use cart::{Cart, PaidOrder, ann};
pub use daemon::{Daemon, DaemonBuilder, Output, command as run_program};
pub use database::{LedgerWorld, rows};
pub use dice::Dice;
pub use goods::{Level, Shipped};
pub use mortal::{Call, Fate, MortalShop};
pub use receiver::{EVENT_SECRET, Receiver};
pub use schedule::{available_upstreams, calendar, scheduler};
pub use scrape::Scrape;
pub use service::{Service, settings};
pub use settled::posts_of;
pub use shop::LEAST_PERMISSIONS;
pub use style::{Ask, Style, ZONE, oms_settings, says};
pub use wait::{PATIENCE, until};
pub use warehouse::{Sealed, Sender, WEBHOOK_SECRET};
pub use world::World;

/// A variable that `scripts/test` exports.
///
/// # Panics
/// When it is not set.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' surroundings, not the program's configuration"
)]
pub fn surroundings(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with scripts/test"))
}

/// The shop's version; what an older one cannot do is left out by its tests.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' surroundings, not the program's configuration"
)]
pub fn vendure_version() -> String {
    std::env::var("TEST_VENDURE_VERSION").unwrap_or_else(|_| "3.7.3".into())
}
