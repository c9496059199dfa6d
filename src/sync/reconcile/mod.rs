//! Reconciliation: compares every order in the shop, the ledger and VeraCore.
//!
//! `read` loads the orders page by page, `compare` returns the findings (pure), `job` runs it. Reads
//! and reports only: it changes nothing in Vendure or VeraCore.

mod compare;
pub mod findings;
mod job;
mod read;
mod run;
mod service;
mod summary;

pub use findings::{Finding, FindingKind};
pub use service::{MAX_LOOKUPS, NEVER_SHIPPED_DAYS, ReconcileSettings, Reconciliation};
pub use summary::{CheckedCounts, CompareFailure, ReconcileSummary};

use super::jobs::Job;

pub const JOB: &str = Job::Reconcile.as_str();
