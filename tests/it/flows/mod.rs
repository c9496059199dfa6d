//! Orders on their way from the shop to VeraCore: which are found, which are sent, what arrives;
//! stock and tracking on their way back.

mod aftercare;
mod arrive;
mod baseline;
mod changed;
mod discovery;
mod foreign;
mod invalid;
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
