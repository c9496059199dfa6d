//! One inventory run: read, plan, check, write.

use std::collections::HashMap;

use super::{
    apply::split_into_batches,
    feed::Feed,
    guard::{Suspicion, find_suspicions, without_accepted},
    plan::{StockPlan, plan_levels},
    read::StockSnapshot,
    service::InventorySync,
    summary::{InventoryRequest, InventorySummary, MAX_LISTED, QuarantinedFeed},
};
use crate::{
    domain::text::one_line,
    ledger::{RunId, StockChange},
    sync::{error::SyncError, jobs::run_once::OnProgress},
};

fn stock_changes<'a>(plan: &'a StockPlan<'_>) -> impl Iterator<Item = StockChange> + 'a {
    plan.changes.iter().map(StockChange::from)
}

impl InventorySync {
    /// Writes the levels that the shop should have, unless the feed fails the safety checks.
    pub async fn run(
        &self,
        run: RunId,
        request: &InventoryRequest,
        on_progress: &OnProgress,
    ) -> Result<InventorySummary, SyncError> {
        let snapshot = match self.read_or_quarantine(request).await? {
            Ok(snapshot) => snapshot,
            Err(summary) => return Ok(summary),
        };
        self.ledger
            .close_orders(&snapshot.acknowledged.finished_orders)
            .await?;
        let plan = plan_levels(&snapshot.feed, snapshot.shop_stock(), &self.settings.rules);
        let mut summary = self.assess(request, &snapshot, &plan);
        log_plan_warnings(&plan, &snapshot.feed, request.sku.is_some());
        if let Some(quarantined) = &mut summary.quarantined {
            quarantined.plan = stock_changes(&plan).take(MAX_LISTED).collect();
            return Ok(summary);
        }
        let batches = split_into_batches(&plan, self.settings.batch_size.max(1));
        let written = self
            .apply_batches(run, snapshot, batches, on_progress)
            .await?;
        summary.counts.add(written);
        Ok(summary)
    }

    /// Reads everything that a run reads, and returns the changes that it would write.
    pub async fn preview(
        &self,
        request: &InventoryRequest,
    ) -> Result<(InventorySummary, Vec<StockChange>), SyncError> {
        let snapshot = match self.read_or_quarantine(request).await? {
            Ok(snapshot) => snapshot,
            Err(summary) => return Ok((summary, Vec::new())),
        };
        let mut plan = plan_levels(&snapshot.feed, snapshot.shop_stock(), &self.settings.rules);
        plan.changes.sort_by_key(|change| change.veracore_sku);
        let summary = self.assess(request, &snapshot, &plan);
        Ok((summary, stock_changes(&plan).collect()))
    }

    /// The snapshot, or the summary of a run whose whole feed could not be read.
    async fn read_or_quarantine(
        &self,
        request: &InventoryRequest,
    ) -> Result<Result<StockSnapshot, InventorySummary>, SyncError> {
        match self.read_stock(request.sku.as_ref()).await {
            Err(error) if request.sku.is_none() && error.is_feed_error() => {
                let message = one_line(&error.to_string(), 300);
                Ok(Err(InventorySummary::unreadable_feed(
                    message,
                    error.is_transient(),
                )))
            }
            other => other.map(Ok),
        }
    }

    /// Summarizes a plan. Quarantines the feed for suspicions that nobody accepted.
    fn assess(
        &self,
        request: &InventoryRequest,
        snapshot: &StockSnapshot,
        plan: &StockPlan<'_>,
    ) -> InventorySummary {
        let mut summary = InventorySummary::new(&snapshot.feed, snapshot.unreadable_items, plan);
        let suspicions = without_accepted(
            self.feed_suspicions(request, &snapshot.feed, plan),
            &request.accepted_suspicions,
        );
        if !suspicions.is_empty() {
            summary.quarantined = Some(QuarantinedFeed {
                suspicions,
                plan_count: plan.changes.len() as u64,
                plan: Vec::new(),
            });
        }
        summary
    }

    fn feed_suspicions(
        &self,
        request: &InventoryRequest,
        feed: &Feed,
        plan: &StockPlan<'_>,
    ) -> Vec<Suspicion> {
        let max_drop = match (&request.sku, request.requires_drop_check) {
            // The operator who asks for one SKU sees its drop to zero.
            (Some(_), false) => 100,
            (Some(_), true) => 0,
            (None, _) => self.settings.max_drop_percent,
        };
        find_suspicions(feed, plan, max_drop)
    }
}

/// Logs what an operator may want to correct in the shop or at VeraCore.
fn log_plan_warnings(plan: &StockPlan<'_>, feed: &Feed, one_sku: bool) {
    for bad in &feed.examples {
        tracing::warn!(row = %bad, "invalid row in VeraCore's stock feed");
    }
    if one_sku {
        return;
    }
    let near: HashMap<&str, &str> = plan
        .near_misses
        .iter()
        .map(|near| (near.veracore_sku.as_str(), near.vendure_sku.as_str()))
        .collect();
    for sku in plan.unmatched.iter().take(MAX_LISTED) {
        let nearly = near.get(sku.as_str()).map(|near| one_line(near, 80));
        tracing::warn!(
            sku = one_line(sku.as_str(), 80),
            nearly,
            feed = "VeraCore",
            "No product variant found for SKU"
        );
    }
    if plan.unmatched.len() > MAX_LISTED {
        let more = plan.unmatched.len() - MAX_LISTED;
        tracing::warn!(more, "more VeraCore SKUs without a product variant");
    }
    for shared in plan.shared_skus.iter().take(MAX_LISTED) {
        let variants: Vec<String> = shared.variants.iter().map(|v| one_line(v, 80)).collect();
        tracing::warn!(
            sku = one_line(&shared.veracore_sku, 80),
            variants = variants.join(", "),
            "several variants share a VeraCore SKU; each gets the full level"
        );
    }
    if !plan.not_in_feed.is_empty() {
        tracing::warn!(
            count = plan.not_in_feed.len(),
            first = one_line(plan.not_in_feed[0], 80),
            "tracked variants are missing from VeraCore's stock feed and keep their level"
        );
    }
}
