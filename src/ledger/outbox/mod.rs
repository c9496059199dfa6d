//! Events, their delivery, and notes on the orders of the shop.

pub(super) mod deliveries;
pub(super) mod events;
pub(super) mod notes;
