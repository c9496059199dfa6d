//! The result of a tracking run. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::plan::ParcelStep;
use crate::domain::OrderCode;

/// The result of a run, stored with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrackingSummary {
    /// Parcels that VeraCore reported, of any order.
    pub shipments: u64,
    pub orders_checked: u64,
    pub fulfilled: u64,
    /// Existing fulfillments that were recognized as a parcel.
    #[serde(rename = "recognized")]
    pub linked: u64,
    /// Parcels whose goods the shop had fulfilled otherwise.
    pub covered: u64,
    pub void: u64,
    pub waiting: u64,
    pub tracking_updated: u64,
    /// Orders that another process had leased.
    pub busy: u64,
    #[serde(skip)]
    pub busy_orders: BTreeSet<OrderCode>,
    pub problems: Vec<ParcelIssue>,
    pub failures: Vec<ParcelIssue>,
    /// Shipped orders that this installation did not send.
    pub unknown_orders: u64,
    pub unknown: Vec<String>,
    pub bad_rows: u64,
    pub bad_row_examples: Vec<String>,
    /// VeraCore returned no list, so orders were looked up one by one.
    #[serde(rename = "singly")]
    pub polled_individually: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TrackingOutcome {
    pub fulfilled: u64,
    pub linked: u64,
    pub covered: u64,
    pub void: u64,
    pub waiting: u64,
    /// Parcels that need attention.
    pub problems: Vec<ParcelIssue>,
    /// The order's tracking fields were written.
    pub fields_written: bool,
    /// Failures that the next run retries.
    pub failures: Vec<String>,
    /// The shop may still be working on a write, so the leases must expire.
    pub call_in_flight: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelIssue {
    pub order: String,
    #[serde(rename = "package")]
    pub parcel: String,
    pub problem: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelPreview {
    pub order: String,
    #[serde(rename = "package")]
    pub parcel: String,
    /// `fulfill`, `record`, `wait`, `nothing` or `report`.
    pub would: &'static str,
    pub detail: String,
}

impl TrackingSummary {
    /// Adds an order's outcome; `None` if another process had leased the order.
    pub(super) fn add_order(&mut self, code: &OrderCode, outcome: Option<TrackingOutcome>) {
        self.orders_checked += 1;
        let Some(outcome) = outcome else {
            self.busy += 1;
            self.busy_orders.insert(code.clone());
            return;
        };
        self.fulfilled += outcome.fulfilled;
        self.linked += outcome.linked;
        self.covered += outcome.covered;
        self.void += outcome.void;
        self.waiting += outcome.waiting;
        self.tracking_updated += u64::from(outcome.fields_written);
        self.problems.extend(outcome.problems);
        for problem in outcome.failures {
            self.add_failure(code, problem);
        }
    }

    pub(super) fn add_failure(&mut self, code: &OrderCode, problem: String) {
        self.failures.push(ParcelIssue {
            order: code.to_string(),
            parcel: String::new(),
            problem,
        });
    }

    pub fn error_count(&self) -> u64 {
        (self.problems.len() + self.failures.len()) as u64 + self.bad_rows
    }
}

impl ParcelPreview {
    pub(super) fn new(order: &OrderCode, parcel: String, step: ParcelStep) -> Self {
        let (would, detail) = match step {
            ParcelStep::Fulfill { lines } => {
                let lines: Vec<String> = lines
                    .iter()
                    .map(|units| format!("{} of line {}", units.quantity, units.line))
                    .collect();
                ("fulfill", lines.join(", "))
            }
            ParcelStep::Existing { fulfillment, .. } => {
                ("record", format!("already fulfillment {fulfillment}"))
            }
            ParcelStep::Wait { reason } => ("wait", reason),
            ParcelStep::Void => ("nothing", "void".into()),
            ParcelStep::Covered { reason } => ("nothing", reason),
            ParcelStep::Problem { problem } => ("report", problem),
        };
        Self {
            order: order.to_string(),
            parcel,
            would,
            detail,
        }
    }
}
