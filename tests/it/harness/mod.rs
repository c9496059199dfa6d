//! The test harness: [`World`] gives a test its own ledger database, sandbox and channel in the
//! shop. [`Service`] runs the program's services in this process, [`Daemon`] the real program.
//!
//! Tests share only the shop and the Postgres cluster. They never sleep for a fixed time: they wait
//! for a condition, with a limit.

mod admin;
mod api;
mod browser;
mod cart;
mod daemon;
mod database;
mod faulty_shop;
mod log;
pub mod plans;
mod proxy;
mod receiver;
mod rng;
mod schedule;
mod scrape;
mod service;
mod settled;
mod shop;
mod staff;
mod stock;
mod style;
mod wait;
mod webhook_sender;
mod world;

pub use admin::get;
pub use api::{Answer, Api, Credential, TOKEN};
pub use browser::Browser;
pub use cart::{Cart, PaidOrder, ann};
pub use daemon::{Daemon, DaemonBuilder, Output, command as run_program};
pub use database::{LedgerWorld, rows};
pub use faulty_shop::{FaultyShop, ShopCall, ShopFault};
pub use receiver::{EVENT_SECRET, Receiver};
pub use rng::SeededRng;
pub use schedule::{available_upstreams, calendar, scheduler};
pub use scrape::Scrape;
pub use service::{Service, settings};
pub use settled::sends_of;
pub use shop::REQUIRED_PERMISSIONS;
pub use stock::{ShopFulfillment, ShopStock};
pub use style::{Operation, Style, ZONE, error_response, oms_settings};
pub use wait::{WAIT_LIMIT, until};
pub use webhook_sender::{SignedWebhook, WEBHOOK_SECRET, WebhookSender};
pub use world::World;

/// An environment variable that `scripts/test` exports.
///
/// # Panics
/// If it is not set.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' environment, not the program's configuration"
)]
pub fn test_env(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with scripts/test"))
}

/// The shop's version; tests skip what an older one does not support.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' environment, not the program's configuration"
)]
pub fn vendure_version() -> String {
    std::env::var("TEST_VENDURE_VERSION").unwrap_or_else(|_| "3.7.3".into())
}
