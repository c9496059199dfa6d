//! Orders on their way from the shop to VeraCore: which are found, which are sent, what arrives;
//! and what is read of and written to the shop on the way back.

mod arrive;
mod baseline;
mod changed;
mod discovery;
mod foreign;
mod invalid;
mod session;
mod shop;
mod stopping;
