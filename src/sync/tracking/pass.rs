//! One pass over what VeraCore shipped.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use serde::Serialize;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::{
    TrackingError, TrackingSync,
    apply::{Outcome, name_of},
    package::{Package, together},
    plan::{Step, plan},
    read::{News, PATIENCE},
};
use crate::{
    domain::{OrderCode, text::one_line},
    ledger::{SentOrder, Told},
    sync::{
        aftercare::{note_shipped, note_words},
        passes::OnProgress,
    },
    telemetry::of_order,
    vendure::TrackingFieldsKnown,
};

/// How many of what may come by the thousand are kept with a run.
const LISTED: usize = 1000;

/// What came of a pass; kept with its run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Packages that VeraCore told of, ours or not.
    pub shipments: u64,
    pub orders_checked: u64,
    /// Fulfillments that were made.
    pub fulfilled: u64,
    /// Fulfillments that were there already.
    pub recognized: u64,
    /// Packages whose goods the shop had fulfilled in another way.
    pub covered: u64,
    pub void: u64,
    pub waiting: u64,
    /// Orders whose tracking fields were written.
    pub tracking_updated: u64,
    /// Orders that somebody else works on.
    pub busy: u64,
    #[serde(skip)]
    pub busy_orders: BTreeSet<OrderCode>,
    pub problems: Vec<Problem>,
    pub failures: Vec<Problem>,
    /// Orders that VeraCore shipped and that were not sent by this installation.
    pub unknown_orders: u64,
    pub unknown: Vec<String>,
    pub bad_rows: u64,
    pub bad_row_examples: Vec<String>,
    /// VeraCore gave no list; orders were asked for one by one.
    pub singly: bool,
}

/// What is wrong with an order's package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    pub order: String,
    pub package: String,
    pub problem: String,
}

/// What a pass would do about an order's packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPreview {
    pub order: String,
    pub package: String,
    /// `fulfill`, `record`, `wait`, `nothing` or `report`.
    pub would: &'static str,
    pub detail: String,
}

/// An order to be worked on.
struct Work {
    order: SentOrder,
    told: Vec<Told>,
}

impl Summary {
    fn of(news: &News) -> Self {
        Self {
            shipments: news.shipments,
            unknown_orders: news.unknown.len() as u64,
            unknown: news
                .unknown
                .iter()
                .take(LISTED)
                .map(|code| one_line(code.as_str(), 80))
                .collect(),
            bad_rows: news.bad_rows,
            bad_row_examples: news.examples.clone(),
            singly: news.singly,
            ..Self::default()
        }
    }

    fn add(&mut self, code: &OrderCode, outcome: Option<Outcome>) {
        self.orders_checked += 1;
        let Some(outcome) = outcome else {
            self.busy += 1;
            self.busy_orders.insert(code.clone());
            return;
        };
        self.fulfilled += outcome.fulfilled;
        self.recognized += outcome.recognized;
        self.covered += outcome.covered;
        self.void += outcome.void;
        self.waiting += outcome.waiting;
        self.tracking_updated += u64::from(outcome.tracking);
        for (package, problem) in outcome.problems {
            self.problems.push(Problem {
                order: code.to_string(),
                package,
                problem,
            });
        }
        for problem in outcome.failures {
            self.failed(code, problem);
        }
    }

    fn failed(&mut self, code: &OrderCode, problem: String) {
        self.failures.push(Problem {
            order: code.to_string(),
            package: String::new(),
            problem,
        });
    }

    /// What did not go as it should.
    #[must_use]
    pub fn errors(&self) -> u64 {
        (self.problems.len() + self.failures.len()) as u64 + self.bad_rows
    }
}

impl TrackingSync {
    /// Carries what VeraCore shipped to the shop, of all orders or of one.
    ///
    /// # Errors
    /// When VeraCore's packages could not be read, or told to stop half-way.
    pub async fn pass(
        &self,
        only: Option<&OrderCode>,
        on_progress: &OnProgress,
    ) -> Result<Summary, TrackingError> {
        let (news, work) = self.gather(only).await?;
        note_words(&self.ledger, &news.words).await?;
        note_shipped(&self.ledger, &news.left_unknown).await?;
        let mut summary = Summary::of(&news);
        for (code, problem) in &news.unanswered {
            summary.orders_checked += 1;
            summary.failed(code, problem.clone());
        }
        let mut all_recorded = true;
        if !work.is_empty() {
            let known = self.storefront.tracking_fields().await?;
            self.warn_once(known);
            all_recorded = self
                .carry_all(work, known, &mut summary, on_progress)
                .await?;
        }
        // Only now, and only when each package is on record: what was told of and not recorded would
        // be missed otherwise. A package of an order whose own answer is still awaited is told of
        // again.
        if let Some(at) = news.read_from
            && all_recorded
            && !self.awaits_any(&news).await?
        {
            self.ledger.read_shipments(at).await?;
        }
        Ok(summary)
    }

    /// Works on all of it. Returns whether every package told of was recorded, whatever came of it
    /// then.
    async fn carry_all(
        &self,
        work: Vec<Work>,
        known: TrackingFieldsKnown,
        summary: &mut Summary,
        on_progress: &OnProgress,
    ) -> Result<bool, TrackingError> {
        let total = work.len() as u64;
        let mut all_recorded = true;
        let mut waiting = work.into_iter();
        let mut working = JoinSet::new();
        let mut done = 0;
        let mut failed = None;
        loop {
            while working.len() < self.settings.concurrency.max(1)
                && !self.tasks.stopping()
                && failed.is_none()
            {
                let Some(Work { order, told }) = waiting.next() else {
                    break;
                };
                let service = self.clone();
                let span = of_order(&order.code);
                let work = async move {
                    let outcome = service.carry(&order, told, known).await;
                    (order.code, outcome)
                };
                working.spawn(work.instrument(span));
            }
            match working.join_next().await {
                None => break,
                Some(Ok((code, Ok(outcome)))) => {
                    all_recorded &= outcome.is_some();
                    summary.add(&code, outcome);
                }
                // No more is begun, and what is under way comes to its end.
                Some(Ok((_, Err(TrackingError::Ledger(error))))) if error.is_away() => {
                    failed.get_or_insert(error);
                }
                // One order stops no other. Its hold runs out by itself.
                Some(Ok((code, Err(error)))) => {
                    tracing::error!(order = %code, %error, "VeraCore: the order's packages could not be seen to; the next pass tries again");
                    // The shop is asked only once they are recorded.
                    all_recorded &= matches!(error, TrackingError::Shop(_));
                    summary.orders_checked += 1;
                    summary.failed(&code, one_line(&error.to_string(), 300));
                }
                Some(Err(error)) => {
                    all_recorded = false;
                    tracing::error!(%error, "VeraCore: work on an order panicked");
                }
            }
            done += 1;
            on_progress(done, total);
        }
        if let Some(error) = failed {
            return Err(error.into());
        }
        if waiting.next().is_some() {
            return Err(TrackingError::Stopped);
        }
        Ok(all_recorded)
    }

    /// What VeraCore tells, and the orders that follow from it and from what is unsettled.
    async fn gather(&self, only: Option<&OrderCode>) -> Result<(News, Vec<Work>), TrackingError> {
        let (mut news, codes) = match only {
            Some(code) => {
                let order = self.ledger.sent_orders(std::slice::from_ref(code)).await?;
                let order = order
                    .into_iter()
                    .next()
                    .ok_or_else(|| TrackingError::NotSent(code.clone()))?;
                (self.news_of(&order).await?, vec![code.clone()])
            }
            None => {
                let news = self.news().await?;
                let since = self.clock.now() - PATIENCE;
                let mut codes = self.ledger.unsettled_shipments(since).await?;
                codes.extend(news.told.keys().cloned());
                codes.sort();
                codes.dedup();
                (news, codes)
            }
        };
        let orders = self.ledger.sent_orders(&codes).await?;
        let mut told = std::mem::take(&mut news.told);
        let work = orders
            .into_iter()
            .map(|order| Work {
                told: told.remove(&order.code).unwrap_or_default(),
                order,
            })
            .collect();
        Ok((news, work))
    }

    async fn awaits_any(&self, news: &News) -> Result<bool, TrackingError> {
        let codes: Vec<OrderCode> = news.unknown.iter().cloned().collect();
        Ok(self.ledger.awaits_any(&codes).await?)
    }

    fn warn_once(&self, known: TrackingFieldsKnown) {
        let all = known.tracking_code && known.carrier && known.ship_date;
        if !all && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                tracking_code = known.tracking_code,
                carrier = known.carrier,
                ship_date = known.ship_date,
                "Vendure's orders have not all custom fields for VeraCore's tracking; shipments are recorded as fulfillments all the same. `veracore-sync check` says which to add"
            );
        }
    }

    /// Reads everything that a pass reads, and tells what it would do. Nothing is written.
    ///
    /// # Errors
    /// When an end or the ledger does not answer.
    pub async fn preview(
        &self,
        only: Option<&OrderCode>,
    ) -> Result<(Summary, Vec<OrderPreview>), TrackingError> {
        let (news, work) = self.gather(only).await?;
        let summary = Summary::of(&news);
        let mut previews = Vec::new();
        for Work { order, told } in work {
            let codes = std::slice::from_ref(&order.code);
            let recorded = self.ledger.shipments_of(codes).await?;
            let packages = together(recorded, told);
            if packages.iter().all(Package::is_at_rest) {
                continue;
            }
            let Some(shop) = self.progress_of(&order).await? else {
                continue;
            };
            let completion = self.completion(&order.code, &packages).await;
            let steps = plan(&shop, &order.lines, &packages, &completion);
            for (package, step) in packages.iter().zip(&steps) {
                let (would, detail) = described(step);
                previews.push(OrderPreview {
                    order: order.code.to_string(),
                    package: name_of(package),
                    would,
                    detail,
                });
            }
        }
        Ok((summary, previews))
    }
}

fn described(step: &Step) -> (&'static str, String) {
    match step {
        Step::Fulfill { lines } => {
            let lines: Vec<String> = lines
                .iter()
                .map(|units| format!("{} of line {}", units.quantity, units.line))
                .collect();
            ("fulfill", lines.join(", "))
        }
        Step::Is { fulfillment, .. } => ("record", format!("it is fulfillment {fulfillment}")),
        Step::Wait { why } => ("wait", why.clone()),
        Step::Void => ("nothing", "it is void".into()),
        Step::Covered { how } => ("nothing", how.clone()),
        Step::Problem { problem } => ("report", problem.clone()),
    }
}
