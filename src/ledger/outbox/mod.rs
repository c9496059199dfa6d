//! Events, their delivery, and notes on Vendure's orders.

pub(super) mod deliveries;
pub(super) mod events;
pub(super) mod notes;
