//! One reconciliation: the shop's orders against the ledger, then the ledger's against both.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    compare::{compare_order, missing_in_ledger},
    findings::{OrderFacts, ReconcileLimits},
    read::LookupBudget,
    service::Reconciliation,
    summary::{MAX_LISTED, ReconcileSummary},
};
use crate::{
    clock::time_delta,
    domain::OrderRef,
    sync::{error::SyncError, jobs::run_once::OnProgress, orders::sweep_cursor::SweepCursor},
};

/// Orders of the ledger compared in one page.
const PAGE_SIZE: u32 = 200;

/// Finished orders acknowledged longer ago than this are not compared.
const LOOKBACK: TimeDelta = TimeDelta::days(30);

impl Reconciliation {
    /// Compares all orders. VeraCore should ship something of each order within `days`.
    pub async fn run(
        &self,
        days: u32,
        on_progress: &OnProgress,
    ) -> Result<ReconcileSummary, SyncError> {
        let ledger = &self.orders.ledger;
        if !ledger.has_baseline().await? {
            return Err(SyncError::NotStarted);
        }
        let now = self.orders.clock.now();
        let limits = ReconcileLimits {
            now,
            discovery_grace: time_delta(self.settings.sweep_interval * 2),
            never_shipped_days: days,
        };
        let mut summary = ReconcileSummary::default();
        let unknown = self.find_unknown_orders(&limits, &mut summary).await?;
        self.compare_known_orders(now - LOOKBACK, &limits, &mut summary, on_progress)
            .await?;
        // Last, so that an order recorded meanwhile is no finding.
        for unrecorded in ledger.unrecorded_orders(&unknown).await? {
            let order = unknown.iter().find(|order| order.id == unrecorded.id);
            let known_as = unrecorded.known_as.as_deref();
            if let Some(finding) = order.and_then(|o| missing_in_ledger(o, known_as, &limits)) {
                summary.add_finding(finding);
            }
        }
        summary.findings.sort_by_key(|finding| finding.kind);
        Ok(summary)
    }

    /// Finds the shop's orders in a trigger state that should be in the ledger, but are not.
    async fn find_unknown_orders(
        &self,
        limits: &ReconcileLimits,
        summary: &mut ReconcileSummary,
    ) -> Result<Vec<OrderRef>, SyncError> {
        let mut cursor = SweepCursor::new(self.orders.settings.sweep_page_size);
        let mut unknown = Vec::new();
        while let Some(page) = self.orders.next_sweep_page(&mut cursor).await? {
            summary.checked.in_trigger_states += page.orders.len() as u64;
            for bad in &page.unreadable {
                summary.add_failure(&bad.key, &bad.problem);
            }
            for unrecorded in self.orders.ledger.unrecorded_orders(&page.orders).await? {
                let order = page.orders.iter().find(|order| order.id == unrecorded.id);
                let known_as = unrecorded.known_as.as_deref();
                let Some(order) =
                    order.filter(|o| missing_in_ledger(o, known_as, limits).is_some())
                else {
                    continue;
                };
                if unknown.len() < MAX_LISTED {
                    unknown.push(order.clone());
                } else {
                    summary.checked.not_listed += 1;
                }
            }
        }
        Ok(unknown)
    }

    /// Compares the ledger's orders with the shop and VeraCore, page by page.
    async fn compare_known_orders(
        &self,
        since: DateTime<Utc>,
        limits: &ReconcileLimits,
        summary: &mut ReconcileSummary,
        on_progress: &OnProgress,
    ) -> Result<(), SyncError> {
        let ledger = &self.orders.ledger;
        let count = ledger.count_known_orders(since).await?;
        let mut budget = LookupBudget::new(count.open, self.settings.max_lookups, limits.now);
        let mut after = i64::MIN;
        loop {
            if self.orders.tasks.is_stopping() {
                return Err(SyncError::Stopped);
            }
            let page = ledger.known_orders(since, after, PAGE_SIZE).await?;
            let Some(last) = page.next_after else { break };
            after = last;
            for (code, error) in &page.unreadable {
                summary.add_failure(code, &error.to_string());
            }
            summary.checked.in_ledger += (page.orders.len() + page.unreadable.len()) as u64;
            let mut facts = self.load_facts(page.orders, summary).await?;
            self.look_up_at_veracore(&mut facts, &mut budget, summary)
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
        budget.finish()
    }
}
