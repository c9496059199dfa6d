//! One tracking run: read what VeraCore shipped, process each order.

use std::sync::atomic::Ordering;

use tracing::Instrument as _;

use super::{
    apply::parcel_label,
    parcels::{Parcel, merge_reports},
    plan::plan_fulfillments,
    read::{FetchedReports, UNSETTLED_WINDOW},
    service::TrackingSync,
    summary::{ParcelPreview, TrackingSummary},
};
use crate::{
    domain::{OrderCode, text::one_line},
    ledger::{ParcelReport, SentOrder},
    sync::{
        bounded::for_each_bounded,
        error::SyncError,
        jobs::run_once::OnProgress,
        post_send::{record_late_shipments, record_provider_cancellations},
    },
    telemetry::order_span,
    vendure::SupportedTrackingFields,
};

/// The most entries of one list that are kept with a run.
const MAX_LISTED: usize = 1000;

struct OrderWork {
    order: SentOrder,
    reports: Vec<ParcelReport>,
}

fn summarize_reports(fetched: &FetchedReports) -> TrackingSummary {
    let unknown = fetched.unknown_orders.iter().take(MAX_LISTED);
    TrackingSummary {
        shipments: fetched.parcels_seen,
        unknown_orders: fetched.unknown_orders.len() as u64,
        unknown: unknown.map(|code| one_line(code.as_str(), 80)).collect(),
        bad_rows: fetched.bad_rows,
        bad_row_examples: fetched.examples.clone(),
        polled_individually: fetched.polled_individually,
        ..TrackingSummary::default()
    }
}

impl TrackingSync {
    /// Brings what VeraCore shipped to the shop, for all orders or for one.
    pub async fn run(
        &self,
        only: Option<&OrderCode>,
        on_progress: &OnProgress,
    ) -> Result<TrackingSummary, SyncError> {
        let (fetched, work) = self.collect_work(only).await?;
        record_provider_cancellations(&self.ledger, &fetched.order_statuses).await?;
        record_late_shipments(&self.ledger, &fetched.shipped_unknown_orders).await?;
        let mut summary = summarize_reports(&fetched);
        for (code, problem) in &fetched.unanswered_orders {
            summary.orders_checked += 1;
            summary.add_failure(code, problem.clone());
        }
        let mut all_recorded = true;
        if !work.is_empty() {
            let fields = self.storefront.supported_tracking_fields().await?;
            self.warn_missing_fields_once(fields);
            all_recorded = self
                .process_orders(work, fields, &mut summary, on_progress)
                .await?;
        }
        // Only once every reported parcel is recorded: the next run would miss the others. Parcels of
        // an order that is not acknowledged yet must be reported again.
        if let Some(at) = fetched.read_started_at
            && all_recorded
        {
            let unknown: Vec<OrderCode> = fetched.unknown_orders.into_iter().collect();
            if !self.ledger.is_any_in_progress(&unknown).await? {
                self.ledger.set_shipments_cursor(at).await?;
            }
        }
        Ok(summary)
    }

    /// Processes the orders. Returns whether every reported parcel was recorded.
    async fn process_orders(
        &self,
        work: Vec<OrderWork>,
        fields: SupportedTrackingFields,
        summary: &mut TrackingSummary,
        on_progress: &OnProgress,
    ) -> Result<bool, SyncError> {
        let total = work.len() as u64;
        let (mut all_recorded, mut processed) = (true, 0);
        let process = |OrderWork { order, reports }| {
            let (service, span) = (self.clone(), order_span(&order.code));
            let work = async move {
                let outcome = service.process_order(&order, reports, fields).await;
                (order.code, outcome)
            };
            work.instrument(span)
        };
        for_each_bounded(self.settings.concurrency, &self.tasks, work, process, |done| {
            match done {
                Ok((code, Ok(outcome))) => {
                    all_recorded &= outcome.is_some();
                    summary.add_order(&code, outcome);
                }
                Ok((_, Err(error))) if error.is_ledger_unavailable() => return Err(error),
                // One order does not stop the others. Its lease expires.
                Ok((code, Err(error))) => {
                    tracing::error!(order = %code, %error, "cannot process the order's parcels from VeraCore; the next run retries");
                    // The shop is asked only after the parcels are recorded.
                    all_recorded &= matches!(error, SyncError::Storefront(_));
                    summary.orders_checked += 1;
                    summary.add_failure(&code, one_line(&error.to_string(), 300));
                }
                Err(error) => {
                    all_recorded = false;
                    tracing::error!(%error, "processing VeraCore's parcels of an order panicked");
                }
            }
            processed += 1;
            on_progress(processed, total);
            Ok(())
        })
        .await?;
        Ok(all_recorded)
    }

    /// Reads VeraCore's reports, and finds the orders to process: those reported, and in a full run
    /// those with unsettled parcels.
    async fn collect_work(
        &self,
        only: Option<&OrderCode>,
    ) -> Result<(FetchedReports, Vec<OrderWork>), SyncError> {
        let (mut fetched, codes) = match only {
            Some(code) => {
                let order = self.ledger.sent_orders(std::slice::from_ref(code)).await?;
                let order = order
                    .into_iter()
                    .next()
                    .ok_or_else(|| SyncError::NotSent(code.clone()))?;
                (self.fetch_reports_of(&order).await?, vec![code.clone()])
            }
            None => {
                let fetched = self.fetch_reports().await?;
                let since = self.clock.now() - UNSETTLED_WINDOW;
                let mut codes = self.ledger.orders_with_unsettled_shipments(since).await?;
                codes.extend(fetched.by_order.keys().cloned());
                codes.sort();
                codes.dedup();
                (fetched, codes)
            }
        };
        let orders = self.ledger.sent_orders(&codes).await?;
        let mut reports = std::mem::take(&mut fetched.by_order);
        let work = orders
            .into_iter()
            .map(|order| OrderWork {
                reports: reports.remove(&order.code).unwrap_or_default(),
                order,
            })
            .collect();
        Ok((fetched, work))
    }

    fn warn_missing_fields_once(&self, fields: SupportedTrackingFields) {
        let all = fields.tracking_code && fields.carrier && fields.ship_date;
        if !all && !self.state.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                tracking_code = fields.tracking_code,
                carrier = fields.carrier,
                ship_date = fields.ship_date,
                "Vendure lacks custom fields for VeraCore's tracking; shipments still become fulfillments. `veracore-sync check` lists the fields to add"
            );
        }
    }

    /// Reads everything that a run reads, and returns the steps that it would take.
    pub async fn preview(
        &self,
        only: Option<&OrderCode>,
    ) -> Result<(TrackingSummary, Vec<ParcelPreview>), SyncError> {
        let (fetched, work) = self.collect_work(only).await?;
        let summary = summarize_reports(&fetched);
        let mut previews = Vec::new();
        for OrderWork { order, reports } in work {
            let codes = std::slice::from_ref(&order.code);
            let recorded = self.ledger.shipments_of_orders(codes).await?;
            let parcels = merge_reports(recorded, reports);
            if parcels.iter().all(Parcel::is_idle) {
                continue;
            }
            let Some(shop) = self.fetch_progress(&order).await? else {
                continue;
            };
            let completion = self.fetch_completion(&order.code, &parcels).await;
            let steps = plan_fulfillments(&shop, &order.lines, &parcels, &completion);
            for (parcel, step) in parcels.iter().zip(steps) {
                previews.push(ParcelPreview::new(&order.code, parcel_label(parcel), step));
            }
        }
        Ok((summary, previews))
    }
}
