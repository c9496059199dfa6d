//! The sync record of each order: discovery, leases, outcomes, operator actions, queries.

pub(super) mod attempts;
pub(super) mod backlog;
pub(super) mod discovery;
pub(super) mod leases;
pub(super) mod operator;
pub(super) mod outcome;
pub(super) mod queries;
pub(super) mod reconcile;
