//! Outbound calls: one client builder, one send, one set of errors.
//!
//! Owns connections, timeouts, the bound on an answer's size, the rate and concurrency limits of
//! each upstream, and the delays between tries. Must not know what Vendure or VeraCore mean by
//! their answers.

mod backoff;
mod error;
mod health;
mod retry_after;
mod upstream;

pub use backoff::Backoff;
pub use error::{CallError, Sent};
pub use health::{Health, HealthState};
pub use upstream::{Answer, Limits, Upstream, parse_json};
