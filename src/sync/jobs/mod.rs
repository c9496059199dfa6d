//! The jobs: when each is due, and how one runs once across all replicas.
//!
//! `calendar` and `due` are pure. Every run, scheduled or on request, goes through `run_once`.

pub mod calendar;
pub mod due;
mod job;
pub mod maintenance;
pub mod run_once;
pub mod scheduler;
pub mod status;

pub use job::Job;
