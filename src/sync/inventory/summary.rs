//! The request for an inventory run, and its result. Pure.

use serde::{Deserialize, Serialize};

use super::{
    feed::Feed,
    guard::Suspicion,
    plan::{NearMiss, SharedSku, StockPlan},
};
use crate::{
    domain::{Sku, text::one_line},
    ledger::StockChange,
};

/// The most entries of one list that are kept with a run, and logged.
pub const MAX_LISTED: usize = 1000;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InventoryRequest {
    /// Only this SKU of the shop's.
    pub sku: Option<Sku>,
    /// Nobody watches this run of one SKU: it must not take the SKU off sale. Only a full run, which
    /// checks the whole feed, may.
    pub requires_drop_check: bool,
    /// The suspicions about a quarantined feed that someone accepted.
    pub accepted_suspicions: Vec<Suspicion>,
}

/// The result of a run, stored with it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InventorySummary {
    pub rows: u64,
    #[serde(flatten)]
    pub counts: LevelCounts,
    /// Variants without inventory tracking, or matching `ORDER_SKIP_SKUS`.
    pub left_alone: u64,
    pub not_in_feed_count: u64,
    pub not_in_feed: Vec<String>,
    pub unmatched_count: u64,
    pub unmatched: Vec<String>,
    pub near_misses: Vec<NearMiss>,
    pub shared: Vec<SharedSku>,
    /// Invalid rows, variants and orders, all left out.
    pub unreadable: u64,
    /// Examples of invalid rows, with the reason.
    pub bad_rows: Vec<String>,
    #[serde(rename = "held", skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<QuarantinedFeed>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LevelCounts {
    pub unchanged: u64,
    pub written: u64,
    /// The shop answered with an error.
    pub refused: u64,
    /// The response was lost; they may be written.
    pub unknown: u64,
    /// Another process had leased the stock, or the shop was down.
    pub untried: u64,
}

/// A feed that failed the safety checks, and the changes it would have caused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QuarantinedFeed {
    pub suspicions: Vec<Suspicion>,
    pub plan_count: u64,
    /// The first of the changes.
    pub plan: Vec<StockChange>,
}

impl LevelCounts {
    /// Describes the levels that a retry may write.
    pub fn unwritten_reason(&self) -> Option<String> {
        let levels = self.untried + self.unknown;
        (levels > 0).then(|| format!("{levels} levels could not be written"))
    }

    pub fn untried(untried: u64) -> Self {
        Self {
            untried,
            ..Self::default()
        }
    }

    /// Levels that, as far as is known, are still wrong.
    pub const fn failed_count(&self) -> u64 {
        self.refused + self.unknown + self.untried
    }

    pub fn add(&mut self, other: Self) {
        self.unchanged += other.unchanged;
        self.written += other.written;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.untried += other.untried;
    }
}

impl InventorySummary {
    /// `unreadable_items`: variants and orders of the shop's that were left out.
    pub fn new(feed: &Feed, unreadable_items: u64, plan: &StockPlan<'_>) -> Self {
        let not_in_feed = plan.not_in_feed.iter().take(MAX_LISTED);
        let unmatched = plan.unmatched.iter().take(MAX_LISTED);
        Self {
            rows: feed.rows,
            counts: LevelCounts {
                unchanged: plan.unchanged,
                ..LevelCounts::default()
            },
            left_alone: plan.untracked + plan.skipped,
            not_in_feed_count: plan.not_in_feed.len() as u64,
            not_in_feed: not_in_feed.map(|sku| (*sku).to_owned()).collect(),
            unmatched_count: plan.unmatched.len() as u64,
            unmatched: unmatched.map(|sku| one_line(sku.as_str(), 80)).collect(),
            near_misses: plan.near_misses.iter().take(MAX_LISTED).cloned().collect(),
            shared: plan.shared_skus.iter().take(MAX_LISTED).cloned().collect(),
            unreadable: feed.unreadable + unreadable_items,
            bad_rows: feed.examples.iter().map(ToString::to_string).collect(),
            quarantined: None,
        }
    }

    /// Quarantines a feed that could not be read.
    pub fn unreadable_feed(message: String, is_transient: bool) -> Self {
        Self {
            quarantined: Some(QuarantinedFeed {
                suspicions: vec![Suspicion::Unreadable {
                    message,
                    is_transient,
                }],
                ..QuarantinedFeed::default()
            }),
            ..Self::default()
        }
    }

    /// The reason why the feed could not be read, if a retry may succeed.
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

    pub fn quarantine_reasons(&self) -> Option<String> {
        let suspicions = &self.quarantined.as_ref()?.suspicions;
        let reasons: Vec<String> = suspicions.iter().map(ToString::to_string).collect();
        Some(reasons.join("; "))
    }
}
