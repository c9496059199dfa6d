//! Outbound calls: one client builder, one send, one set of errors.
//!
//! Owns connections, timeouts, the bound on an answer's size, the rate and concurrency limits of
//! each upstream, whether it is called at all (its circuit), the repeating of reads, and the delays
//! between tries. Must not know what Vendure or VeraCore mean by their answers.

mod backoff;
mod breaker;
mod circuit;
mod error;
#[cfg(test)]
mod fuzz_tests;
mod health;
mod response;
mod retry_after;
mod upstream;

pub use backoff::Backoff;
pub use breaker::{CallKind, CircuitState, OpenReason};
pub use circuit::Circuit;
pub use error::{CallError, RequestSent};
pub use health::HealthState;
pub use response::{HttpResponse, parse_json};
pub use upstream::{Upstream, UpstreamLimits, UpstreamVerdict};
