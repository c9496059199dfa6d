//! The house. Orders go out, stock and tracking come in, everything that happened is in the
//! ledger. The rooms, in the order in which data meet them:

pub mod clock;
pub mod config;
pub mod domain;
pub mod fulfillment;
pub mod http;
pub mod vendure;
