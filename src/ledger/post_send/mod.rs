//! Orders that VeraCore has: changes, cancellations in Vendure, cancellations at VeraCore.

pub(super) mod cancellations;
pub(super) mod changes;
pub(super) mod provider_cancellations;
