//! Tracking: from VeraCore's parcels to the shop's fulfillments.
//!
//! `parcels` combines what VeraCore reports with what is known, and `plan` decides which parcel
//! becomes which fulfillment: both pure. `read` asks VeraCore, `apply` processes one order at a time
//! under its lease, and `order_fields` is what customers see. Never fulfills a parcel twice.

mod apply;
mod job;
mod order_fields;
pub mod parcels;
pub mod plan;
mod read;
mod run;
mod service;
mod summary;

pub(super) use job::report_summary;
pub use service::{TrackingSettings, TrackingSync};
pub use summary::{ParcelIssue, ParcelPreview, TrackingSummary};

use super::jobs::Job;

pub const JOB: &str = Job::Tracking.as_str();
