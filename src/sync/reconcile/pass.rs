//! One pass over all three, and what is told of it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{
    Finding, ReconcileError, Reconciliation,
    compare::{findings_of, missing_in_ledger},
    findings::{Facts, Limits},
    read::Asking,
};
use crate::{
    domain::{OrderRef, text::one_line},
    fulfillment::FoundOrder,
    ledger::RunOutcome,
    sync::{
        orders::discover::Walk,
        passes::{OnProgress, Report},
    },
};

/// How many of what may come by the thousand are kept with a run, and logged.
const LISTED: usize = 1000;

/// Orders of the ledger that are compared at once.
const PAGE: u32 = 200;

/// Orders that were acknowledged before this and are done are at rest.
const WINDOW: TimeDelta = TimeDelta::days(30);

/// What came of a pass; kept with its run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub findings: Vec<Finding>,
    pub checked: Checked,
    pub failures: Vec<Failure>,
    /// What VeraCore said of orders that are still wanted.
    #[serde(skip)]
    pub words: Vec<FoundOrder>,
}

/// How much was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
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
pub struct Failure {
    pub order: String,
    pub problem: String,
}

impl Summary {
    /// Whether all is as it should be, as far as it could be told.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.failures.is_empty()
    }

    pub(super) fn found(&mut self, finding: Finding) {
        if self.findings.len() < LISTED {
            self.findings.push(finding);
        } else {
            self.checked.not_listed += 1;
        }
    }

    pub(super) fn failed(&mut self, order: &str, problem: &str) {
        if self.failures.len() < LISTED {
            self.failures.push(Failure {
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
    ///
    /// # Errors
    /// When an end or the ledger does not answer, or told to stop half-way.
    pub async fn pass(
        &self,
        days: u32,
        on_progress: &OnProgress,
    ) -> Result<Summary, ReconcileError> {
        let ledger = &self.orders.ledger;
        if !ledger.has_baseline().await? {
            return Err(ReconcileError::NotStarted);
        }
        let now = self.orders.clock.now();
        let sweeps = TimeDelta::from_std(self.settings.sweep_interval * 2);
        let limits = Limits {
            now,
            sweeps: sweeps.unwrap_or(WINDOW),
            days,
        };
        let mut summary = Summary::default();
        let strangers = self.strangers(&limits, &mut summary).await?;
        self.compare_all(now - WINDOW, &limits, &mut summary, on_progress)
            .await?;
        // Last, so that what was just about to be taken in is no finding.
        for stranger in ledger.strangers(&strangers).await? {
            let order = strangers.iter().find(|order| order.id == stranger.id);
            let known_as = stranger.known_as.as_deref();
            if let Some(finding) = order.and_then(|o| missing_in_ledger(o, known_as, &limits)) {
                summary.found(finding);
            }
        }
        summary.findings.sort_by_key(|finding| finding.kind);
        Ok(summary)
    }

    /// The shop's orders in a trigger state that the ledger does not have, and should.
    async fn strangers(
        &self,
        limits: &Limits,
        summary: &mut Summary,
    ) -> Result<Vec<OrderRef>, ReconcileError> {
        let mut walk = Walk::of(self.orders.settings.sweep_page);
        let mut strangers = Vec::new();
        while let Some(page) = self.orders.next_page(&mut walk).await? {
            summary.checked.in_trigger_states += page.orders.len() as u64;
            for bad in &page.unreadable {
                summary.failed(&bad.key, &bad.problem);
            }
            for stranger in self.orders.ledger.strangers(&page.orders).await? {
                let order = page.orders.iter().find(|order| order.id == stranger.id);
                let known_as = stranger.known_as.as_deref();
                let Some(order) =
                    order.filter(|o| missing_in_ledger(o, known_as, limits).is_some())
                else {
                    continue;
                };
                if strangers.len() < LISTED {
                    strangers.push(order.clone());
                } else {
                    summary.checked.not_listed += 1;
                }
            }
        }
        Ok(strangers)
    }

    /// Goes through the ledger's orders.
    async fn compare_all(
        &self,
        since: DateTime<Utc>,
        limits: &Limits,
        summary: &mut Summary,
        on_progress: &OnProgress,
    ) -> Result<(), ReconcileError> {
        let ledger = &self.orders.ledger;
        let count = ledger.count_known(since).await?;
        let mut asking = Asking::of(count.open, self.settings.most_asked, limits.now);
        let mut after = i64::MIN;
        loop {
            if self.orders.tasks.stopping() {
                return Err(ReconcileError::Stopped);
            }
            let page = ledger.known_orders(since, after, PAGE).await?;
            let Some(last) = page.last else { break };
            after = last;
            for (code, error) in &page.unreadable {
                summary.failed(code, &error.to_string());
            }
            summary.checked.in_ledger += (page.orders.len() + page.unreadable.len()) as u64;
            let mut facts = self.at_shop(page.orders, summary).await?;
            self.at_warehouse(&mut facts, &mut asking, summary).await?;
            summary
                .words
                .extend(facts.iter().filter_map(Facts::still_wanted).cloned());
            let rules = &self.orders.settings.rules.skus;
            for facts in &facts {
                for finding in findings_of(facts, rules, limits) {
                    summary.found(finding);
                }
            }
            let done = summary.checked.in_ledger;
            on_progress(done, count.total.max(done));
        }
        on_progress(count.total, count.total);
        asking.end()
    }

    /// Tells of a pass that is over, and how its run is to be recorded. Why a pass failed is told by
    /// whoever ran it.
    #[must_use]
    pub fn report(outcome: &Result<Summary, ReconcileError>) -> Report {
        let summary = match outcome {
            Ok(summary) => summary,
            Err(ReconcileError::Stopped) => {
                tracing::info!("VeraCore: the reconciliation is broken off, to be taken up again");
                return Report::unfinished();
            }
            Err(error) => {
                return Report {
                    outcome: Some(RunOutcome::Failed),
                    result: serde_json::json!({}),
                    message: Some(error.to_string()),
                    event: None,
                };
            }
        };
        for finding in &summary.findings {
            tracing::warn!(
                order = finding.order,
                kind = finding.kind.as_str(),
                detail = finding.detail,
                advice = finding.advice,
                "Vendure, the ledger and VeraCore do not agree about an order"
            );
        }
        for failure in &summary.failures {
            tracing::warn!(
                order = failure.order,
                problem = failure.problem,
                "an order could not be compared between Vendure and VeraCore"
            );
        }
        let Checked {
            in_trigger_states,
            in_ledger,
            asked_at_veracore,
            not_asked,
            not_listed,
        } = summary.checked;
        let (findings, failures) = (summary.findings.len(), summary.failures.len());
        tracing::info!(
            findings,
            failures,
            not_listed,
            in_trigger_states,
            in_ledger,
            asked_at_veracore,
            not_asked,
            "Vendure, the ledger and VeraCore were compared"
        );
        let message = format!(
            "{findings} findings, {failures} orders that could not be compared; `veracore-sync reconcile` shows what is so now"
        );
        Report {
            outcome: Some(RunOutcome::Done),
            result: serde_json::to_value(summary).unwrap_or_default(),
            message: (!summary.is_clean()).then_some(message),
            event: None,
        }
    }
}
