//! Orders on their way from the shop to VeraCore: which are found, which are sent, what arrives.

mod arrive;
mod baseline;
mod changed;
mod discovery;
mod foreign;
mod invalid;
mod session;
mod stopping;
