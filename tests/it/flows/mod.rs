//! Orders from the shop to VeraCore (which are discovered, which are sent, with what content), and
//! stock and tracking back to the shop.

mod arrive;
mod baseline;
mod changed;
mod discovery;
mod foreign;
mod invalid;
mod post_send;
mod private;
mod reconcile;
mod session;
mod shop;
mod slips;
mod stock;
mod stopping;
mod tracking;
mod warehouses;
mod wire;
