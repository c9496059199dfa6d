//! What follows when VeraCore tells of stock: a few SKUs are asked for one by one, many by one pass
//! over all, with its guards (I5). A SKU is taken off sale by such a pass only: else a feed of zeros
//! that comes piece by piece would empty the shop.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::json;

use super::worker::{Outcome, SHORTLY, Worker};
use crate::{
    domain::{News, Sku, text::one_line},
    ledger::{ClaimedNews, LedgerError, NewsEnd, Origin, RunOutcome},
    sync::{
        inventory::{self, InventoryError, InventorySync, Summary, Wish, guard::Suspicion},
        jobs::may_pass,
        passes::{self, Ran, Report, unwatched},
    },
};

/// SKUs told of within [`WINDOW`] that are asked for one by one.
const MOST_SINGLY: u64 = 10;

/// Within which SKUs are counted, and at most one pass over all is made because of webhooks.
const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// What came of asking for one SKU.
enum One {
    Settled(Outcome),
    /// It would be taken off sale.
    ForAWholePass,
}

impl Worker {
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn work_on_stock(&self, due: &[ClaimedNews]) -> Result<(), LedgerError> {
        let since = self.clock().now() - WINDOW;
        let mut left = due.iter().collect::<Vec<_>>();
        if self.ledger().skus_told_of(since).await? <= MOST_SINGLY {
            left = self.singly(left).await?;
        }
        if left.is_empty() {
            return Ok(());
        }
        let patient = left.iter().all(|news| news.attempts < 3);
        let outcome = self.all_skus(patient).await?;
        for news in left {
            self.settle(news, outcome.clone()).await?;
        }
        Ok(())
    }

    /// Asks for each SKU. Returns the webhooks that are left for a whole pass.
    async fn singly<'a>(
        &self,
        due: Vec<&'a ClaimedNews>,
    ) -> Result<Vec<&'a ClaimedNews>, LedgerError> {
        let skus: BTreeSet<&Sku> = due.iter().flat_map(|news| skus_of(news)).collect();
        let mut asked = BTreeMap::new();
        for sku in skus {
            let one = if self.tasks.stopping() {
                One::Settled(Outcome::stopped())
            } else {
                self.one_sku(sku).await?
            };
            asked.insert(sku, one);
        }
        let mut left = Vec::new();
        for news in due {
            let of_it = skus_of(news).filter_map(|sku| asked.get(sku));
            let mut worst = Outcome::done(None);
            let mut is_left = false;
            for one in of_it {
                match one {
                    One::ForAWholePass => is_left = true,
                    One::Settled(outcome) => worst = worse(worst, outcome),
                }
            }
            if is_left {
                left.push(news);
            } else {
                self.settle(news, worst).await?;
            }
        }
        Ok(left)
    }

    async fn one_sku(&self, sku: &Sku) -> Result<One, LedgerError> {
        let rules = &self.inventory.settings().rules.skus;
        let Some(in_shop) = rules.in_shop(sku) else {
            return Ok(One::Settled(no_variant(sku)));
        };
        let wish = Wish {
            sku: Some(in_shop),
            unseen: true,
            accepted: Vec::new(),
        };
        let (ledger, clock) = (self.ledger(), self.clock());
        let ran = passes::at_once(
            ledger,
            clock,
            inventory::JOB,
            Origin::Webhook,
            inventory::about(&wish),
            async |run| {
                let outcome = self.inventory.pass(run, &wish, &unwatched()).await;
                let mut report = match &outcome {
                    Ok(summary) if only_drops(summary) => {
                        done("it would be taken off sale, which is left to a pass over all stock")
                    }
                    Err(error @ (InventoryError::NoVariant(_) | InventoryError::UnknownSku(_))) => {
                        done(&error.to_string())
                    }
                    _ => InventorySync::report(run, &outcome),
                };
                report.result["sku"] = json!(sku);
                // Of all stock it says nothing.
                report.event = report
                    .event
                    .filter(|(event, _)| *event != "inventory.completed");
                (outcome, report)
            },
        );
        Ok(match ran.await? {
            Ran::Busy | Ran::Dropped => One::Settled(busy()),
            Ran::Through(_, Ok(summary)) if only_drops(&summary) => One::ForAWholePass,
            Ran::Through(_, Ok(summary)) => One::Settled(written(&summary)),
            Ran::Through(_, Err(InventoryError::Ledger(error))) if error.is_away() => {
                return Err(error);
            }
            Ran::Through(_, Err(InventoryError::NoVariant(_))) => One::Settled(no_variant(sku)),
            Ran::Through(_, Err(error)) => One::Settled(failed(&error)),
        })
    }

    /// One pass over all stock, as a scheduled one. What may pass by itself is told only when it did
    /// not, for a while.
    async fn all_skus(&self, patient: bool) -> Result<Outcome, LedgerError> {
        let now = self.clock().now();
        if let Some(last) = self.ledger().last_told_pass(inventory::JOB).await?
            && last + WINDOW > now
        {
            return Ok(Outcome::Later {
                after: last + WINDOW - now,
                why: "all stock was asked for a moment ago".into(),
            });
        }
        let (ledger, clock) = (self.ledger(), self.clock());
        let ran = passes::at_once(
            ledger,
            clock,
            inventory::JOB,
            Origin::Webhook,
            json!({}),
            async |run| {
                let outcome = self
                    .inventory
                    .pass(run, &Wish::default(), &unwatched())
                    .await;
                let report = match may_pass(&outcome).filter(|_| patient) {
                    Some(why) => Report {
                        message: Some(why),
                        ..Report::unfinished()
                    },
                    None => InventorySync::report(run, &outcome),
                };
                (outcome, report)
            },
        );
        Ok(match ran.await? {
            Ran::Busy | Ran::Dropped => busy(),
            Ran::Through(_, Err(InventoryError::Ledger(error))) if error.is_away() => {
                return Err(error);
            }
            Ran::Through(_, Err(error)) => failed(&error),
            Ran::Through(_, Ok(summary)) => match summary.unreadable_for_now() {
                Some(why) if patient => again(why.to_owned()),
                _ => written(&summary),
            },
        })
    }
}

fn skus_of(news: &ClaimedNews) -> impl Iterator<Item = &Sku> {
    let skus: &[Sku] = match &news.news {
        News::Inventory { skus } => skus,
        News::Order { .. } | News::Tracking(_) => &[],
    };
    skus.iter()
}

/// Whether a SKU would be taken off sale, and nothing else is strange about it.
fn only_drops(summary: &Summary) -> bool {
    summary.held.as_ref().is_some_and(|held| {
        let drops = |suspicion: &Suspicion| matches!(suspicion, Suspicion::Drop { .. });
        held.suspicions.iter().all(drops)
    })
}

fn done(message: &str) -> Report {
    Report {
        outcome: Some(RunOutcome::Done),
        result: json!({}),
        message: Some(one_line(message, 300)),
        event: None,
    }
}

fn written(summary: &Summary) -> Outcome {
    if let Some(reasons) = summary.reasons() {
        // Told of by the pass itself, and left to a person.
        return Outcome::done(format!("the stock feed was held: {reasons}"));
    }
    let counts = summary.counts;
    match counts.untried + counts.unknown {
        0 => Outcome::done(None),
        levels => again(format!("{levels} levels could not be written")),
    }
}

fn failed(error: &InventoryError) -> Outcome {
    match error {
        InventoryError::Stopped => Outcome::stopped(),
        InventoryError::UnknownSku(_) => Outcome::done(error.to_string()),
        error if error.may_pass() => again(error.to_string()),
        error => {
            tracing::error!(%error, "VeraCore: the stock that a webhook told of could not be brought to the shop");
            Outcome::End(NewsEnd::Failed, Some(error.to_string()))
        }
    }
}

fn no_variant(sku: &Sku) -> Outcome {
    let sku = one_line(sku.as_str(), 80);
    tracing::warn!(sku, feed = "VeraCore", "No product variant found for SKU");
    Outcome::done(format!("no product variant found for SKU {sku}"))
}

fn again(why: String) -> Outcome {
    Outcome::Again {
        why,
        at_last: NewsEnd::Failed,
    }
}

fn busy() -> Outcome {
    Outcome::Later {
        after: SHORTLY,
        why: "a pass over the stock is going on".into(),
    }
}

/// Of a webhook with several SKUs: tried again when one of them must be, else ended as the worst.
fn worse(one: Outcome, other: &Outcome) -> Outcome {
    let badness = |outcome: &Outcome| match outcome {
        Outcome::End(NewsEnd::Done, None) => 0,
        Outcome::End(NewsEnd::Done, Some(_)) => 1,
        Outcome::End(..) => 2,
        Outcome::Later { .. } => 3,
        Outcome::Again { .. } => 4,
    };
    if badness(other) > badness(&one) {
        other.clone()
    } else {
        one
    }
}
