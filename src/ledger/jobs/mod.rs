//! Runs of the jobs, quarantined feeds, and the leases on jobs.

pub(super) mod leases;
pub(super) mod runs;
