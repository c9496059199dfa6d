//! One pass: read, plan, decide, write, and tell.

use std::collections::HashMap;

use serde::Serialize;

use super::{
    InventoryError, InventorySync,
    apply::batches,
    feed::Feed,
    guard::{Suspicion, not_accepted, suspicions},
    plan::{NearMiss, Plan, Shared, plan},
    read::Read,
};
use crate::{
    domain::{Sku, text::one_line},
    ledger::{RunId, StockChange},
    sync::passes::OnProgress,
};

/// How many of what may come by the thousand are kept with a run, and logged.
const LISTED: usize = 1000;

/// What a pass is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Only this SKU of the shop's.
    pub sku: Option<Sku>,
    /// Nobody has that SKU in view: it is not taken off sale by itself, only by a whole pass with all
    /// its guards.
    pub unseen: bool,
    /// What a person accepted of a feed that was held.
    pub accepted: Vec<Suspicion>,
}

/// What came of a pass; kept with its run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Rows of the feed.
    pub rows: u64,
    #[serde(flatten)]
    pub counts: Counts,
    /// Variants that the shop does not count, or that are not VeraCore's.
    pub left_alone: u64,
    pub not_in_feed_count: u64,
    pub not_in_feed: Vec<String>,
    pub unmatched_count: u64,
    pub unmatched: Vec<String>,
    pub near_misses: Vec<NearMiss>,
    pub shared: Vec<Shared>,
    /// Rows, variants and orders that could not be understood, and were left out.
    pub unreadable: u64,
    /// What is wrong with some of the feed's rows.
    pub bad_rows: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// What became of the levels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
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
pub struct Held {
    pub suspicions: Vec<Suspicion>,
    pub plan_count: u64,
    /// The first of them.
    pub plan: Vec<StockChange>,
}

impl Counts {
    /// Levels that are not what they should be, as far as we know.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.refused + self.unknown + self.untried
    }
}

impl Summary {
    fn of(read: &Read, plan: &Plan<'_>) -> Self {
        let feed = &read.feed;
        let not_in_feed = plan.not_in_feed.iter().take(LISTED);
        Self {
            counts: Counts {
                unchanged: plan.unchanged,
                ..Counts::default()
            },
            left_alone: plan.untracked + plan.skipped,
            not_in_feed_count: plan.not_in_feed.len() as u64,
            not_in_feed: not_in_feed.map(|sku| (*sku).to_owned()).collect(),
            unmatched_count: plan.unmatched.len() as u64,
            unmatched: plan
                .unmatched
                .iter()
                .take(LISTED)
                .map(|sku| shown(sku))
                .collect(),
            near_misses: plan.near_misses.iter().take(LISTED).cloned().collect(),
            shared: plan.shared.iter().take(LISTED).cloned().collect(),
            unreadable: feed.unreadable + read.unreadable,
            ..Self::of_feed(feed)
        }
    }

    fn of_feed(feed: &Feed) -> Self {
        Self {
            rows: feed.rows,
            bad_rows: feed.examples.iter().map(ToString::to_string).collect(),
            ..Self::default()
        }
    }

    /// Why the feed could not be read, if that may be otherwise soon.
    #[must_use]
    pub fn unreadable_for_now(&self) -> Option<&str> {
        match self.held.as_ref()?.suspicions.as_slice() {
            [
                Suspicion::Unreadable {
                    message,
                    may_pass: true,
                },
            ] => Some(message),
            _ => None,
        }
    }

    /// One line of why it was held.
    #[must_use]
    pub fn reasons(&self) -> Option<String> {
        let held = self.held.as_ref()?;
        let reasons: Vec<String> = held.suspicions.iter().map(ToString::to_string).collect();
        Some(reasons.join("; "))
    }
}

fn changes<'a>(plan: &'a Plan<'_>) -> impl Iterator<Item = StockChange> + 'a {
    plan.changes.iter().map(StockChange::from)
}

fn shown(sku: &Sku) -> String {
    one_line(sku.as_str(), 80)
}

impl InventorySync {
    /// Makes the shop's levels what they should be, unless the feed is too strange.
    ///
    /// # Errors
    /// When something could not be read; then nothing was written. Also when told to stop half-way.
    pub async fn pass(
        &self,
        run: RunId,
        wish: &Wish,
        on_progress: &OnProgress,
    ) -> Result<Summary, InventoryError> {
        let read = match self.read(wish.sku.as_ref()).await {
            Err(error) if wish.sku.is_none() && error.is_about_the_feed() => {
                return Ok(unreadable(&error));
            }
            other => other?,
        };
        self.ledger.close_orders(&read.known.done).await?;
        let plan = plan(&read.feed, read.shop(), &self.settings.rules);
        let mut summary = Summary::of(&read, &plan);
        tell(&plan, &read.feed, wish.sku.is_some());
        let strange = not_accepted(self.strange(wish, &read.feed, &plan), &wish.accepted);
        if !strange.is_empty() {
            summary.held = Some(Held {
                suspicions: strange,
                plan_count: plan.changes.len() as u64,
                plan: changes(&plan).take(LISTED).collect(),
            });
            return Ok(summary);
        }
        let unchanged = summary.counts.unchanged;
        let batches = batches(&plan, self.settings.batch.max(1));
        summary.counts = self.apply(run, read, batches, on_progress).await?;
        summary.counts.unchanged += unchanged;
        Ok(summary)
    }

    /// Reads everything that a pass reads, and tells what it would do.
    ///
    /// # Errors
    /// When something could not be read.
    pub async fn preview(
        &self,
        wish: &Wish,
    ) -> Result<(Summary, Vec<StockChange>), InventoryError> {
        let read = match self.read(wish.sku.as_ref()).await {
            Err(error) if wish.sku.is_none() && error.is_about_the_feed() => {
                return Ok((unreadable(&error), Vec::new()));
            }
            other => other?,
        };
        let mut plan = plan(&read.feed, read.shop(), &self.settings.rules);
        // A person looks for names.
        plan.changes.sort_by_key(|change| change.veracore_sku);
        let mut summary = Summary::of(&read, &plan);
        let strange = not_accepted(self.strange(wish, &read.feed, &plan), &wish.accepted);
        if !strange.is_empty() {
            summary.held = Some(Held {
                suspicions: strange,
                plan_count: plan.changes.len() as u64,
                plan: Vec::new(),
            });
        }
        Ok((summary, changes(&plan).collect()))
    }

    /// A person who asks for one SKU has it in view: then a drop to zero is not strange.
    fn strange(&self, wish: &Wish, feed: &Feed, plan: &Plan<'_>) -> Vec<Suspicion> {
        let max_drop = match (&wish.sku, wish.unseen) {
            (Some(_), false) => 100,
            (Some(_), true) => 0,
            (None, _) => self.settings.max_drop_percent,
        };
        suspicions(feed, plan, max_drop)
    }
}

fn unreadable(error: &InventoryError) -> Summary {
    let suspicion = Suspicion::Unreadable {
        message: one_line(&error.to_string(), 300),
        may_pass: error.may_pass(),
    };
    Summary {
        held: Some(Held {
            suspicions: vec![suspicion],
            ..Held::default()
        }),
        ..Summary::default()
    }
}

/// What a person may want to correct in the shop or at VeraCore.
fn tell(plan: &Plan<'_>, feed: &Feed, one_sku: bool) {
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
    for sku in plan.unmatched.iter().take(LISTED) {
        let nearly = near.get(sku.as_str()).map(|near| one_line(near, 80));
        tracing::warn!(
            sku = shown(sku),
            nearly,
            feed = "VeraCore",
            "No product variant found for SKU"
        );
    }
    if plan.unmatched.len() > LISTED {
        let more = plan.unmatched.len() - LISTED;
        tracing::warn!(more, "VeraCore: further SKUs without a product variant");
    }
    for shared in plan.shared.iter().take(LISTED) {
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
