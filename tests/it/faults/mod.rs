//! VeraCore and the way to it at their worst: nothing is lost, nothing arrives twice.

mod lost;
