//! One pass: read, plan, decide, write, and tell.

use std::collections::HashMap;

use serde::Serialize;

use super::{
    InventoryError, InventorySync,
    apply::split_into_batches,
    feed::Feed,
    guard::{Suspicion, find_suspicions, without_accepted},
    plan::{NearMiss, SharedSku, StockPlan, plan_levels},
    read::StockSnapshot,
};
use crate::{
    domain::{Sku, text::one_line},
    ledger::{RunId, StockChange},
    sync::jobs::run_once::OnProgress,
};

/// How many of what may come by the thousand are kept with a run, and logged.
const MAX_LISTED: usize = 1000;

/// What a pass is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InventoryRequest {
    /// Only this SKU of the shop's.
    pub sku: Option<Sku>,
    /// Nobody has that SKU in view: it is not taken off sale by itself, only by a whole pass with all
    /// its guards.
    pub requires_drop_check: bool,
    /// What a person accepted of a feed that was held.
    pub accepted_suspicions: Vec<Suspicion>,
}

/// What came of a pass; kept with its run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InventorySummary {
    /// Rows of the feed.
    pub rows: u64,
    #[serde(flatten)]
    pub counts: LevelCounts,
    /// Variants that the shop does not count, or that are not VeraCore's.
    pub left_alone: u64,
    pub not_in_feed_count: u64,
    pub not_in_feed: Vec<String>,
    pub unmatched_count: u64,
    pub unmatched: Vec<String>,
    pub near_misses: Vec<NearMiss>,
    pub shared: Vec<SharedSku>,
    /// Rows, variants and orders that could not be understood, and were left out.
    pub unreadable: u64,
    /// What is wrong with some of the feed's rows.
    pub bad_rows: Vec<String>,
    #[serde(rename = "held", skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<QuarantinedFeed>,
}

/// What became of the levels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LevelCounts {
    pub unchanged: u64,
    pub written: u64,
    /// The shop answered with an error.
    pub refused: u64,
    /// The answer was lost: they may be written.
    pub unknown: u64,
    /// Not tried: somebody else was at them, or the shop did not answer any more.
    pub untried: u64,
}

/// A feed that was not believed, and what it would have led to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantinedFeed {
    pub suspicions: Vec<Suspicion>,
    pub plan_count: u64,
    /// The first of them.
    pub plan: Vec<StockChange>,
}

impl LevelCounts {
    /// Levels that are not what they should be, as far as we know.
    pub const fn failed_count(&self) -> u64 {
        self.refused + self.unknown + self.untried
    }
}

impl InventorySummary {
    fn from_plan(read: &StockSnapshot, plan: &StockPlan<'_>) -> Self {
        let feed = &read.feed;
        let not_in_feed = plan.not_in_feed.iter().take(MAX_LISTED);
        Self {
            counts: LevelCounts {
                unchanged: plan.unchanged,
                ..LevelCounts::default()
            },
            left_alone: plan.untracked + plan.skipped,
            not_in_feed_count: plan.not_in_feed.len() as u64,
            not_in_feed: not_in_feed.map(|sku| (*sku).to_owned()).collect(),
            unmatched_count: plan.unmatched.len() as u64,
            unmatched: plan
                .unmatched
                .iter()
                .take(MAX_LISTED)
                .map(|sku| printable_sku(sku))
                .collect(),
            near_misses: plan.near_misses.iter().take(MAX_LISTED).cloned().collect(),
            shared: plan.shared_skus.iter().take(MAX_LISTED).cloned().collect(),
            unreadable: feed.unreadable + read.unreadable_items,
            ..Self::from_feed(feed)
        }
    }

    fn from_feed(feed: &Feed) -> Self {
        Self {
            rows: feed.rows,
            bad_rows: feed.examples.iter().map(ToString::to_string).collect(),
            ..Self::default()
        }
    }

    /// Why the feed could not be read, if that may be otherwise soon.
    pub fn transient_read_error(&self) -> Option<&str> {
        match self.quarantined.as_ref()?.suspicions.as_slice() {
            [
                Suspicion::Unreadable {
                    message,
                    is_transient: true,
                },
            ] => Some(message),
            _ => None,
        }
    }

    /// One line of why it was held.
    pub fn quarantine_reasons(&self) -> Option<String> {
        let held = self.quarantined.as_ref()?;
        let reasons: Vec<String> = held.suspicions.iter().map(ToString::to_string).collect();
        Some(reasons.join("; "))
    }
}

fn stock_changes<'a>(plan: &'a StockPlan<'_>) -> impl Iterator<Item = StockChange> + 'a {
    plan.changes.iter().map(StockChange::from)
}

fn printable_sku(sku: &Sku) -> String {
    one_line(sku.as_str(), 80)
}

impl InventorySync {
    /// Makes the shop's levels what they should be, unless the feed is too strange.
    pub async fn run(
        &self,
        run: RunId,
        wish: &InventoryRequest,
        on_progress: &OnProgress,
    ) -> Result<InventorySummary, InventoryError> {
        let read = match self.read_stock(wish.sku.as_ref()).await {
            Err(error) if wish.sku.is_none() && error.is_feed_error() => {
                return Ok(unreadable_feed_summary(&error));
            }
            other => other?,
        };
        self.ledger
            .close_orders(&read.acknowledged.finished_orders)
            .await?;
        let plan = plan_levels(&read.feed, read.shop_stock(), &self.settings.rules);
        let mut summary = InventorySummary::from_plan(&read, &plan);
        log_plan_warnings(&plan, &read.feed, wish.sku.is_some());
        let strange = without_accepted(
            self.feed_suspicions(wish, &read.feed, &plan),
            &wish.accepted_suspicions,
        );
        if !strange.is_empty() {
            summary.quarantined = Some(QuarantinedFeed {
                suspicions: strange,
                plan_count: plan.changes.len() as u64,
                plan: stock_changes(&plan).take(MAX_LISTED).collect(),
            });
            return Ok(summary);
        }
        let unchanged = summary.counts.unchanged;
        let batches = split_into_batches(&plan, self.settings.batch_size.max(1));
        summary.counts = self.apply_batches(run, read, batches, on_progress).await?;
        summary.counts.unchanged += unchanged;
        Ok(summary)
    }

    /// Reads everything that a pass reads, and tells what it would do.
    pub async fn preview(
        &self,
        wish: &InventoryRequest,
    ) -> Result<(InventorySummary, Vec<StockChange>), InventoryError> {
        let read = match self.read_stock(wish.sku.as_ref()).await {
            Err(error) if wish.sku.is_none() && error.is_feed_error() => {
                return Ok((unreadable_feed_summary(&error), Vec::new()));
            }
            other => other?,
        };
        let mut plan = plan_levels(&read.feed, read.shop_stock(), &self.settings.rules);
        // A person looks for names.
        plan.changes.sort_by_key(|change| change.veracore_sku);
        let mut summary = InventorySummary::from_plan(&read, &plan);
        let strange = without_accepted(
            self.feed_suspicions(wish, &read.feed, &plan),
            &wish.accepted_suspicions,
        );
        if !strange.is_empty() {
            summary.quarantined = Some(QuarantinedFeed {
                suspicions: strange,
                plan_count: plan.changes.len() as u64,
                plan: Vec::new(),
            });
        }
        Ok((summary, stock_changes(&plan).collect()))
    }

    /// A person who asks for one SKU has it in view: then a drop to zero is not strange.
    fn feed_suspicions(
        &self,
        wish: &InventoryRequest,
        feed: &Feed,
        plan: &StockPlan<'_>,
    ) -> Vec<Suspicion> {
        let max_drop = match (&wish.sku, wish.requires_drop_check) {
            (Some(_), false) => 100,
            (Some(_), true) => 0,
            (None, _) => self.settings.max_drop_percent,
        };
        find_suspicions(feed, plan, max_drop)
    }
}

fn unreadable_feed_summary(error: &InventoryError) -> InventorySummary {
    let suspicion = Suspicion::Unreadable {
        message: one_line(&error.to_string(), 300),
        is_transient: error.is_transient(),
    };
    InventorySummary {
        quarantined: Some(QuarantinedFeed {
            suspicions: vec![suspicion],
            ..QuarantinedFeed::default()
        }),
        ..InventorySummary::default()
    }
}

/// What a person may want to correct in the shop or at VeraCore.
fn log_plan_warnings(plan: &StockPlan<'_>, feed: &Feed, one_sku: bool) {
    for bad in &feed.examples {
        tracing::warn!(row = %bad, "VeraCore: a row of the stock feed makes no sense");
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
            sku = printable_sku(sku),
            nearly,
            feed = "VeraCore",
            "No product variant found for SKU"
        );
    }
    if plan.unmatched.len() > MAX_LISTED {
        let more = plan.unmatched.len() - MAX_LISTED;
        tracing::warn!(more, "VeraCore: further SKUs without a product variant");
    }
    for shared in plan.shared_skus.iter().take(MAX_LISTED) {
        let variants: Vec<String> = shared.variants.iter().map(|v| one_line(v, 80)).collect();
        tracing::warn!(
            sku = one_line(&shared.veracore_sku, 80),
            variants = variants.join(", "),
            "VeraCore: several variants share a SKU; each gets the whole level"
        );
    }
    if !plan.not_in_feed.is_empty() {
        tracing::warn!(
            count = plan.not_in_feed.len(),
            first = one_line(plan.not_in_feed[0], 80),
            "VeraCore: variants that are counted are not in the stock feed, and keep their level"
        );
    }
}
