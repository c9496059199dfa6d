//! VeraCore and the way to it at their worst: nothing is lost, nothing arrives twice.

mod back;
mod breaker;
mod feed;
mod garbled;
mod lost;
mod outage;
mod poison;
mod refused;

use veracore_sync::sandbox::{Fault, FaultKind};

use crate::harness::{Operation, Style};

/// A fault on orders being sent.
fn on_sends(kind: FaultKind) -> Fault {
    Style::current().fault(Operation::Send, kind)
}

/// A fault on orders being looked up.
fn on_look_ups(kind: FaultKind) -> Fault {
    Style::current().fault(Operation::LookUp, kind)
}
