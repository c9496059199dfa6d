//! One pass over all three, and what is told of it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{
    Finding, ReconcileError, Reconciliation,
    compare::{compare_order, missing_in_ledger},
    findings::{OrderFacts, ReconcileLimits},
    read::LookupBudget,
};
use crate::{
    domain::{OrderRef, text::one_line},
    fulfillment::FoundOrder,
    sync::{jobs::run_once::OnProgress, orders::sweep_cursor::SweepCursor},
};

/// How many of what may come by the thousand are kept with a run, and logged.
const MAX_LISTED: usize = 1000;

/// Orders of the ledger that are compared at once.
const PAGE_SIZE: u32 = 200;

/// Orders that were acknowledged before this and are done are at rest.
const LOOKBACK: TimeDelta = TimeDelta::days(30);

/// What came of a pass; kept with its run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconcileSummary {
    pub findings: Vec<Finding>,
    pub checked: CheckedCounts,
    pub failures: Vec<CompareFailure>,
    /// What VeraCore said of orders that are still wanted.
    #[serde(skip)]
    pub veracore_statuses: Vec<FoundOrder>,
}

/// How much was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedCounts {
    /// Orders that the shop has in a trigger state.
    pub in_trigger_states: u64,
    /// Orders of the ledger: worked on, open, or acknowledged in the last 30 days.
    pub in_ledger: u64,
    /// Of these, VeraCore was asked for so many,
    pub asked_at_veracore: u64,
    /// and so many wait for another night: there are too many for one, or VeraCore rations calls.
    pub not_asked: u64,
    /// Findings and failures beyond those that are listed.
    pub not_listed: u64,
}

/// An order that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompareFailure {
    pub order: String,
    pub problem: String,
}

impl ReconcileSummary {
    /// Whether all is as it should be, as far as it could be told.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.failures.is_empty()
    }

    pub(super) fn add_finding(&mut self, finding: Finding) {
        if self.findings.len() < MAX_LISTED {
            self.findings.push(finding);
        } else {
            self.checked.not_listed += 1;
        }
    }

    pub(super) fn add_failure(&mut self, order: &str, problem: &str) {
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

impl Reconciliation {
    /// Compares the three. `days`: after so many, something of an order should have left VeraCore.
    pub async fn run(
        &self,
        days: u32,
        on_progress: &OnProgress,
    ) -> Result<ReconcileSummary, ReconcileError> {
        let ledger = &self.orders.ledger;
        if !ledger.has_baseline().await? {
            return Err(ReconcileError::NotStarted);
        }
        let now = self.orders.clock.now();
        let sweeps = TimeDelta::from_std(self.settings.sweep_interval * 2);
        let limits = ReconcileLimits {
            now,
            discovery_grace: sweeps.unwrap_or(LOOKBACK),
            never_shipped_days: days,
        };
        let mut summary = ReconcileSummary::default();
        let strangers = self.find_unknown_orders(&limits, &mut summary).await?;
        self.compare_known_orders(now - LOOKBACK, &limits, &mut summary, on_progress)
            .await?;
        // Last, so that what was just about to be taken in is no finding.
        for stranger in ledger.unrecorded_orders(&strangers).await? {
            let order = strangers.iter().find(|order| order.id == stranger.id);
            let known_as = stranger.known_as.as_deref();
            if let Some(finding) = order.and_then(|o| missing_in_ledger(o, known_as, &limits)) {
                summary.add_finding(finding);
            }
        }
        summary.findings.sort_by_key(|finding| finding.kind);
        Ok(summary)
    }

    /// The shop's orders in a trigger state that the ledger does not have, and should.
    async fn find_unknown_orders(
        &self,
        limits: &ReconcileLimits,
        summary: &mut ReconcileSummary,
    ) -> Result<Vec<OrderRef>, ReconcileError> {
        let mut walk = SweepCursor::new(self.orders.settings.sweep_page_size);
        let mut strangers = Vec::new();
        while let Some(page) = self.orders.next_sweep_page(&mut walk).await? {
            summary.checked.in_trigger_states += page.orders.len() as u64;
            for bad in &page.unreadable {
                summary.add_failure(&bad.key, &bad.problem);
            }
            for stranger in self.orders.ledger.unrecorded_orders(&page.orders).await? {
                let order = page.orders.iter().find(|order| order.id == stranger.id);
                let known_as = stranger.known_as.as_deref();
                let Some(order) =
                    order.filter(|o| missing_in_ledger(o, known_as, limits).is_some())
                else {
                    continue;
                };
                if strangers.len() < MAX_LISTED {
                    strangers.push(order.clone());
                } else {
                    summary.checked.not_listed += 1;
                }
            }
        }
        Ok(strangers)
    }

    /// Goes through the ledger's orders.
    async fn compare_known_orders(
        &self,
        since: DateTime<Utc>,
        limits: &ReconcileLimits,
        summary: &mut ReconcileSummary,
        on_progress: &OnProgress,
    ) -> Result<(), ReconcileError> {
        let ledger = &self.orders.ledger;
        let count = ledger.count_known_orders(since).await?;
        let mut asking = LookupBudget::new(count.open, self.settings.max_lookups, limits.now);
        let mut after = i64::MIN;
        loop {
            if self.orders.tasks.is_stopping() {
                return Err(ReconcileError::Stopped);
            }
            let page = ledger.known_orders(since, after, PAGE_SIZE).await?;
            let Some(last) = page.next_after else { break };
            after = last;
            for (code, error) in &page.unreadable {
                summary.add_failure(code, &error.to_string());
            }
            summary.checked.in_ledger += (page.orders.len() + page.unreadable.len()) as u64;
            let mut facts = self.load_facts(page.orders, summary).await?;
            self.look_up_at_veracore(&mut facts, &mut asking, summary)
                .await?;
            summary.veracore_statuses.extend(
                facts
                    .iter()
                    .filter_map(OrderFacts::status_unless_cancelled)
                    .cloned(),
            );
            let rules = &self.orders.settings.mapping_rules.skus;
            for facts in &facts {
                for finding in compare_order(facts, rules, limits) {
                    summary.add_finding(finding);
                }
            }
            let done = summary.checked.in_ledger;
            on_progress(done, count.total.max(done));
        }
        on_progress(count.total, count.total);
        asking.finish()
    }
}
