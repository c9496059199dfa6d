//! Webhooks that arrived, and the work that they trigger.

pub(super) mod webhooks;
