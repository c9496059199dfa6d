//! The jobs: when each is due, and how one runs once across all replicas.

pub mod calendar;
pub(super) mod daily;
pub mod due;
pub mod maintenance;
pub mod run_once;
pub mod scheduler;
pub mod service_job;
pub mod status;
