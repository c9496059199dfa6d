//! VeraCore and the way to it at their worst: nothing is lost, nothing arrives twice.

mod back;
mod breaker;
mod feed;
mod garbled;
mod lost;
mod outage;
mod poison;
mod refused;

/// Where orders are sent to.
const ORDERS: &str = "/api/orders";

/// Where they are looked up.
const LOOK_UPS: &str = "/api/orders/*/status";
