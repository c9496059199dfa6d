//! The result of a reconciliation. Pure.

use serde::Serialize;

use super::findings::Finding;
use crate::{domain::text::one_line, fulfillment::FoundOrder};

/// The most entries of one list that are kept with a run, and logged.
pub const MAX_LISTED: usize = 1000;

/// The result of a run, stored with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconcileSummary {
    pub findings: Vec<Finding>,
    pub checked: CheckedCounts,
    pub failures: Vec<CompareFailure>,
    /// VeraCore's statuses of orders that are not cancelled in the shop.
    #[serde(skip)]
    pub veracore_statuses: Vec<FoundOrder>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedCounts {
    /// Orders in a trigger state in the shop.
    pub in_trigger_states: u64,
    /// Orders of the ledger that are in progress, open, or acknowledged in the last 30 days.
    pub in_ledger: u64,
    /// Of these, orders looked up at VeraCore.
    pub asked_at_veracore: u64,
    /// Of these, orders left for another day: too many for one run, or a rate limit at VeraCore.
    pub not_asked: u64,
    /// Findings and failures beyond those listed.
    pub not_listed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompareFailure {
    pub order: String,
    pub problem: String,
}

impl ReconcileSummary {
    /// No findings, and every order could be compared.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.failures.is_empty()
    }

    pub fn add_finding(&mut self, finding: Finding) {
        if self.findings.len() < MAX_LISTED {
            self.findings.push(finding);
        } else {
            self.checked.not_listed += 1;
        }
    }

    pub fn add_failure(&mut self, order: &str, problem: &str) {
        if self.failures.len() < MAX_LISTED {
            self.failures.push(CompareFailure {
                order: one_line(order, 120),
                problem: one_line(problem, 300),
            });
        } else {
            self.checked.not_listed += 1;
        }
    }
}
