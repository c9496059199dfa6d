//! One pass over what VeraCore shipped.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use serde::Serialize;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::{
    TrackingError, TrackingSync,
    apply::{TrackingOutcome, parcel_label},
    parcels::{Parcel, merge_reports},
    plan::{ParcelStep, plan_fulfillments},
    read::{FetchedReports, UNSETTLED_WINDOW},
};
use crate::{
    domain::{OrderCode, text::one_line},
    ledger::{ParcelReport, SentOrder},
    sync::{
        jobs::run_once::OnProgress,
        post_send::{record_late_shipments, record_provider_cancellations},
    },
    telemetry::order_span,
    vendure::SupportedTrackingFields,
};

/// How many of what may come by the thousand are kept with a run.
const MAX_LISTED: usize = 1000;

/// What came of a pass; kept with its run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrackingSummary {
    /// Packages that VeraCore told of, ours or not.
    pub shipments: u64,
    pub orders_checked: u64,
    /// Fulfillments that were made.
    pub fulfilled: u64,
    /// Fulfillments that were there already.
    #[serde(rename = "recognized")]
    pub linked: u64,
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
    pub problems: Vec<ParcelIssue>,
    pub failures: Vec<ParcelIssue>,
    /// Orders that VeraCore shipped and that were not sent by this installation.
    pub unknown_orders: u64,
    pub unknown: Vec<String>,
    pub bad_rows: u64,
    pub bad_row_examples: Vec<String>,
    /// VeraCore gave no list; orders were asked for one by one.
    #[serde(rename = "singly")]
    pub polled_individually: bool,
}

/// What is wrong with an order's package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelIssue {
    pub order: String,
    #[serde(rename = "package")]
    pub parcel: String,
    pub problem: String,
}

/// What a pass would do about an order's packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelPreview {
    pub order: String,
    #[serde(rename = "package")]
    pub parcel: String,
    /// `fulfill`, `record`, `wait`, `nothing` or `report`.
    pub would: &'static str,
    pub detail: String,
}

/// An order to be worked on.
struct OrderWork {
    order: SentOrder,
    reports: Vec<ParcelReport>,
}

impl TrackingSummary {
    fn from_reports(news: &FetchedReports) -> Self {
        Self {
            shipments: news.parcels_seen,
            unknown_orders: news.unknown_orders.len() as u64,
            unknown: news
                .unknown_orders
                .iter()
                .take(MAX_LISTED)
                .map(|code| one_line(code.as_str(), 80))
                .collect(),
            bad_rows: news.bad_rows,
            bad_row_examples: news.examples.clone(),
            polled_individually: news.polled_individually,
            ..Self::default()
        }
    }

    fn add_order(&mut self, code: &OrderCode, outcome: Option<TrackingOutcome>) {
        self.orders_checked += 1;
        let Some(outcome) = outcome else {
            self.busy += 1;
            self.busy_orders.insert(code.clone());
            return;
        };
        self.fulfilled += outcome.fulfilled;
        self.linked += outcome.linked;
        self.covered += outcome.covered;
        self.void += outcome.void;
        self.waiting += outcome.waiting;
        self.tracking_updated += u64::from(outcome.fields_written);
        for (package, problem) in outcome.problems {
            self.problems.push(ParcelIssue {
                order: code.to_string(),
                parcel: package,
                problem,
            });
        }
        for problem in outcome.failures {
            self.add_failure(code, problem);
        }
    }

    fn add_failure(&mut self, code: &OrderCode, problem: String) {
        self.failures.push(ParcelIssue {
            order: code.to_string(),
            parcel: String::new(),
            problem,
        });
    }

    /// What did not go as it should.
    pub fn error_count(&self) -> u64 {
        (self.problems.len() + self.failures.len()) as u64 + self.bad_rows
    }
}

impl TrackingSync {
    /// Carries what VeraCore shipped to the shop, of all orders or of one.
    pub async fn run(
        &self,
        only: Option<&OrderCode>,
        on_progress: &OnProgress,
    ) -> Result<TrackingSummary, TrackingError> {
        let (news, work) = self.collect_work(only).await?;
        record_provider_cancellations(&self.ledger, &news.order_statuses).await?;
        record_late_shipments(&self.ledger, &news.shipped_unknown_orders).await?;
        let mut summary = TrackingSummary::from_reports(&news);
        for (code, problem) in &news.unanswered_orders {
            summary.orders_checked += 1;
            summary.add_failure(code, problem.clone());
        }
        let mut all_recorded = true;
        if !work.is_empty() {
            let known = self.storefront.supported_tracking_fields().await?;
            self.warn_missing_fields_once(known);
            all_recorded = self
                .process_orders(work, known, &mut summary, on_progress)
                .await?;
        }
        // Only now, and only when each package is on record: what was told of and not recorded would
        // be missed otherwise. A package of an order whose own answer is still awaited is told of
        // again.
        if let Some(at) = news.read_started_at
            && all_recorded
            && !self.has_unacknowledged_orders(&news).await?
        {
            self.ledger.set_shipments_cursor(at).await?;
        }
        Ok(summary)
    }

    /// Works on all of it. Returns whether every package told of was recorded, whatever came of it
    /// then.
    async fn process_orders(
        &self,
        work: Vec<OrderWork>,
        known: SupportedTrackingFields,
        summary: &mut TrackingSummary,
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
                && !self.tasks.is_stopping()
                && failed.is_none()
            {
                let Some(OrderWork {
                    order,
                    reports: told,
                }) = waiting.next()
                else {
                    break;
                };
                let service = self.clone();
                let span = order_span(&order.code);
                let work = async move {
                    let outcome = service.process_order(&order, told, known).await;
                    (order.code, outcome)
                };
                working.spawn(work.instrument(span));
            }
            match working.join_next().await {
                None => break,
                Some(Ok((code, Ok(outcome)))) => {
                    all_recorded &= outcome.is_some();
                    summary.add_order(&code, outcome);
                }
                // No more is begun, and what is under way comes to its end.
                Some(Ok((_, Err(TrackingError::Ledger(error))))) if error.is_unavailable() => {
                    failed.get_or_insert(error);
                }
                // One order stops no other. Its hold runs out by itself.
                Some(Ok((code, Err(error)))) => {
                    tracing::error!(order = %code, %error, "VeraCore: the order's packages could not be seen to; the next pass tries again");
                    // The shop is asked only once they are recorded.
                    all_recorded &= matches!(error, TrackingError::Shop(_));
                    summary.orders_checked += 1;
                    summary.add_failure(&code, one_line(&error.to_string(), 300));
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
    async fn collect_work(
        &self,
        only: Option<&OrderCode>,
    ) -> Result<(FetchedReports, Vec<OrderWork>), TrackingError> {
        let (mut news, codes) = match only {
            Some(code) => {
                let order = self.ledger.sent_orders(std::slice::from_ref(code)).await?;
                let order = order
                    .into_iter()
                    .next()
                    .ok_or_else(|| TrackingError::NotSent(code.clone()))?;
                (self.fetch_reports_of(&order).await?, vec![code.clone()])
            }
            None => {
                let news = self.fetch_reports().await?;
                let since = self.clock.now() - UNSETTLED_WINDOW;
                let mut codes = self.ledger.orders_with_unsettled_shipments(since).await?;
                codes.extend(news.by_order.keys().cloned());
                codes.sort();
                codes.dedup();
                (news, codes)
            }
        };
        let orders = self.ledger.sent_orders(&codes).await?;
        let mut told = std::mem::take(&mut news.by_order);
        let work = orders
            .into_iter()
            .map(|order| OrderWork {
                reports: told.remove(&order.code).unwrap_or_default(),
                order,
            })
            .collect();
        Ok((news, work))
    }

    async fn has_unacknowledged_orders(
        &self,
        news: &FetchedReports,
    ) -> Result<bool, TrackingError> {
        let codes: Vec<OrderCode> = news.unknown_orders.iter().cloned().collect();
        Ok(self.ledger.is_any_in_progress(&codes).await?)
    }

    fn warn_missing_fields_once(&self, known: SupportedTrackingFields) {
        let all = known.tracking_code && known.carrier && known.ship_date;
        if !all && !self.missing_fields_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                tracking_code = known.tracking_code,
                carrier = known.carrier,
                ship_date = known.ship_date,
                "Vendure's orders have not all custom fields for VeraCore's tracking; shipments are recorded as fulfillments all the same. `veracore-sync check` says which to add"
            );
        }
    }

    /// Reads everything that a pass reads, and tells what it would do. Nothing is written.
    pub async fn preview(
        &self,
        only: Option<&OrderCode>,
    ) -> Result<(TrackingSummary, Vec<ParcelPreview>), TrackingError> {
        let (news, work) = self.collect_work(only).await?;
        let summary = TrackingSummary::from_reports(&news);
        let mut previews = Vec::new();
        for OrderWork {
            order,
            reports: told,
        } in work
        {
            let codes = std::slice::from_ref(&order.code);
            let recorded = self.ledger.shipments_of_orders(codes).await?;
            let packages = merge_reports(recorded, told);
            if packages.iter().all(Parcel::is_idle) {
                continue;
            }
            let Some(shop) = self.fetch_progress(&order).await? else {
                continue;
            };
            let completion = self.fetch_completion(&order.code, &packages).await;
            let steps = plan_fulfillments(&shop, &order.lines, &packages, &completion);
            for (package, step) in packages.iter().zip(&steps) {
                let (would, detail) = describe_step(step);
                previews.push(ParcelPreview {
                    order: order.code.to_string(),
                    parcel: parcel_label(package),
                    would,
                    detail,
                });
            }
        }
        Ok((summary, previews))
    }
}

fn describe_step(step: &ParcelStep) -> (&'static str, String) {
    match step {
        ParcelStep::Fulfill { lines } => {
            let lines: Vec<String> = lines
                .iter()
                .map(|units| format!("{} of line {}", units.quantity, units.line))
                .collect();
            ("fulfill", lines.join(", "))
        }
        ParcelStep::Existing { fulfillment, .. } => {
            ("record", format!("it is fulfillment {fulfillment}"))
        }
        ParcelStep::Wait { reason: why } => ("wait", why.clone()),
        ParcelStep::Void => ("nothing", "it is void".into()),
        ParcelStep::Covered { reason: how } => ("nothing", how.clone()),
        ParcelStep::Problem { problem } => ("report", problem.clone()),
    }
}
