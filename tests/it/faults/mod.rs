//! Faults of VeraCore and of the network: nothing is lost, and nothing is sent twice.

mod breaker;
mod feed;
mod garbled;
mod lost;
mod outage;
mod poison;
mod refused;
mod shop_writes;

use veracore_sync::sandbox::{Fault, FaultKind};

use crate::harness::{Operation, Style};

/// A fault at sending orders.
fn on_sends(kind: FaultKind) -> Fault {
    Style::current().fault(Operation::Send, kind)
}

/// A fault at looking up orders.
fn on_look_ups(kind: FaultKind) -> Fault {
    Style::current().fault(Operation::LookUp, kind)
}
