//! Outbound calls: one client builder, one send, one set of errors.
//!
//! Owns connections, timeouts, the bound on a response's size, the rate and concurrency limits and
//! the circuit of each upstream, retries of reads, and the delays between attempts. Must not know
//! what the responses of Vendure or VeraCore mean.

mod backoff;
mod breaker;
mod circuit;
mod error;
#[cfg(test)]
mod fuzz_tests;
mod health;
mod mac;
mod response;
mod retry_after;
mod upstream;

pub use backoff::Backoff;
pub use breaker::{CallKind, CircuitState};
pub use circuit::{Circuit, UpstreamVerdict};
pub use error::{CallError, CallErrorKind, OpenReason, RequestSent};
pub use health::HealthState;
pub use mac::hmac_sha256;
pub use response::{HttpResponse, parse_json};
pub use upstream::{Upstream, UpstreamLimits};
