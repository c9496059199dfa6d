//! Webhooks about an order or a parcel: looks up that order at VeraCore.

use std::collections::{BTreeMap, BTreeSet};

use tracing::Instrument as _;

use super::worker::{InboxWorker, NoticeDecision};
use crate::{
    domain::{OrderCode, ParcelNotice, SyncStatus, WebhookNotice},
    ledger::{ClaimedWebhook, LedgerError, RecordedShipment, RunOrigin, WebhookOutcome},
    sync::{
        bounded::for_each_bounded,
        error::SyncError,
        jobs::{
            Job,
            run_once::{RunAttempt, Trigger, ignore_progress, run_once},
        },
        tracking::{TrackingSummary, TrackingSync, report_summary},
    },
    telemetry::order_span,
};

/// Above this number of orders, all parcels are read in one list instead of one list an order.
const MAX_SINGLE_LOOKUPS: usize = 10;

const MAX_CONCURRENT_LOOKUPS: usize = 4;

/// The tracking runs of several orders; an error decides about the order's webhooks.
type Refreshed = BTreeMap<OrderCode, Result<(), NoticeDecision>>;

impl InboxWorker {
    pub(super) async fn process_order_notices(
        &self,
        due: &[ClaimedWebhook],
    ) -> Result<(), LedgerError> {
        let mut undecided: Vec<&ClaimedWebhook> = Vec::new();
        let (mut codes, mut cancelled) = (BTreeSet::new(), BTreeSet::new());
        for webhook in due {
            match isolate_error(self.decide_from_status(webhook).await)? {
                Ok(None) => {
                    codes.extend(webhook.notice.order_code().cloned());
                    cancelled.extend(cancelled_order(&webhook.notice).cloned());
                    undecided.push(webhook);
                }
                Ok(Some(decision)) | Err(decision) => {
                    self.record_decision(webhook, decision).await?;
                }
            }
        }
        let refreshed = if codes.len() > MAX_SINGLE_LOOKUPS {
            let mut refreshed = self.refresh_all(codes).await?;
            // The list of parcels does not show cancelled orders.
            refreshed.extend(self.refresh_each(cancelled).await?);
            refreshed
        } else {
            self.refresh_each(codes).await?
        };
        for webhook in undecided {
            let code = webhook.notice.order_code();
            let decision = match code.and_then(|code| refreshed.get(code)) {
                Some(Ok(())) => match isolate_error(self.confirm_notice(webhook).await)? {
                    Ok(decision) | Err(decision) => decision,
                },
                Some(Err(decision)) => decision.clone(),
                None if self.orders.tasks.is_stopping() => NoticeDecision::stopped(),
                None => NoticeDecision::retry("the lookup panicked".into()),
            };
            self.record_decision(webhook, decision).await?;
        }
        Ok(())
    }

    /// Decides from the order's status in the ledger; `None` if VeraCore has the order and its parcels
    /// must be read.
    async fn decide_from_status(
        &self,
        webhook: &ClaimedWebhook,
    ) -> Result<Option<NoticeDecision>, LedgerError> {
        let Some(code) = webhook.notice.order_code() else {
            return Ok(Some(NoticeDecision::done(None)));
        };
        let unknown = |why| NoticeDecision::Finish(WebhookOutcome::UnknownOrder, Some(why));
        let Some(record) = self.ledger().order(code).await? else {
            return Ok(Some(unknown("the ledger has no such order".to_owned())));
        };
        let status = record.sync_status;
        let why = format!("the order is '{}' in the ledger", status.as_str());
        let is_about_parcel = matches!(webhook.notice, WebhookNotice::Tracking(_));
        Ok(Some(match status {
            SyncStatus::Success => return Ok(None),
            SyncStatus::InDoubt | SyncStatus::Retrying => {
                let quiet = self.orders.settings.quiet_period;
                // Only once: retries of this webhook must not use up the order's attempts.
                let is_expedited = webhook.attempts == 1
                    && self.ledger().expedite_order(code, webhook, quiet).await?;
                if is_about_parcel {
                    // Until a lookup shows that VeraCore has the order.
                    retry_unconfirmed(why)
                } else if is_expedited {
                    NoticeDecision::done(format!("{why}, and is looked up sooner"))
                } else {
                    NoticeDecision::done(format!("{why}, and is looked up anyway"))
                }
            }
            SyncStatus::Pending | SyncStatus::Syncing if is_about_parcel => retry_unconfirmed(why),
            // The next attempt finds the outcome.
            SyncStatus::Syncing => NoticeDecision::Retry {
                why,
                when_exhausted: WebhookOutcome::Done,
            },
            SyncStatus::Pending => NoticeDecision::done(why),
            SyncStatus::Error | SyncStatus::Skipped | SyncStatus::Cancelled => unknown(why),
        }))
    }

    /// Runs tracking for each order.
    async fn refresh_each(&self, codes: BTreeSet<OrderCode>) -> Result<Refreshed, LedgerError> {
        let mut refreshed = BTreeMap::new();
        let refresh = |code: OrderCode| {
            let (service, span) = (self.tracking.clone(), order_span(&code));
            let run = async move {
                let outcome = service.run(Some(&code), &ignore_progress()).await;
                // For the log; the ledger records no run.
                let _ = outcome.as_ref().map(report_summary);
                (code, outcome)
            };
            run.instrument(span)
        };
        let tasks = &self.orders.tasks;
        let ended = for_each_bounded(MAX_CONCURRENT_LOOKUPS, tasks, codes, refresh, |done| {
            match done {
                Ok((_, Err(error))) if error.is_ledger_unavailable() => return Err(error),
                Ok((code, outcome)) => {
                    let decision = check_refresh(&outcome, |_| true);
                    refreshed.insert(code, decision);
                }
                Err(error) => {
                    tracing::error!(%error, "VeraCore order lookup panicked; this is a defect, please report it");
                }
            }
            Ok(())
        });
        match ended.await {
            Err(SyncError::Ledger(error)) => Err(error),
            _ => Ok(refreshed),
        }
    }

    /// Runs tracking for all orders at once.
    async fn refresh_all(&self, codes: BTreeSet<OrderCode>) -> Result<Refreshed, LedgerError> {
        let trigger = Trigger::now(RunOrigin::Webhook);
        let work = async |_| self.tracking.run(None, &ignore_progress()).await;
        let report = |_, outcome: &_| TrackingSync::run_report(outcome);
        let ran = run_once(self.ledger(), Job::Tracking, trigger, work, report);
        let outcome = match ran.await? {
            RunAttempt::Completed(_, Err(SyncError::Ledger(error))) if error.is_unavailable() => {
                return Err(error);
            }
            RunAttempt::Completed(_, outcome) => outcome,
            RunAttempt::NotStarted | RunAttempt::LeaseLost => {
                let busy = NoticeDecision::busy("a tracking run is in progress");
                let decide = |code| (code, Err(busy.clone()));
                return Ok(codes.into_iter().map(decide).collect());
            }
        };
        let decide = |code: OrderCode| {
            let decision = check_refresh(&outcome, |order| order == code.as_str());
            (code, decision)
        };
        Ok(codes.into_iter().map(decide).collect())
    }

    /// Checks that tracking recorded what the webhook reported.
    async fn confirm_notice(
        &self,
        webhook: &ClaimedWebhook,
    ) -> Result<NoticeDecision, LedgerError> {
        let WebhookNotice::Tracking(parcel) = &webhook.notice else {
            return Ok(NoticeDecision::done(None));
        };
        let codes = std::slice::from_ref(&parcel.number);
        let recorded = self.ledger().shipments_of_orders(codes).await?;
        if is_recorded(&recorded, parcel) {
            return Ok(NoticeDecision::done(None));
        }
        Ok(retry_unconfirmed(
            "VeraCore does not list this parcel".into(),
        ))
    }
}

/// The order that VeraCore reports as cancelled.
fn cancelled_order(notice: &WebhookNotice) -> Option<&OrderCode> {
    let WebhookNotice::Order { number, status } = notice else {
        return None;
    };
    let status = status.to_ascii_lowercase();
    (status.starts_with("cancel") || status.starts_with("void")).then_some(number)
}

/// A parcel without an id and a number has no row; its order was read.
fn is_recorded(recorded: &[RecordedShipment], parcel: &ParcelNotice) -> bool {
    let (id, number) = (&parcel.shipment_id, &parcel.tracking_number);
    id.is_none() && number.is_none()
        || recorded.iter().any(|RecordedShipment { report, .. }| {
            id.is_some() && report.shipment_id == *id
                || number.is_some() && report.tracking_number == *number
        })
}

fn retry_unconfirmed(why: String) -> NoticeDecision {
    NoticeDecision::Retry {
        why,
        when_exhausted: WebhookOutcome::Unconfirmed,
    }
}

/// Checks a tracking run for the orders for which `is_about` holds.
fn check_refresh(
    outcome: &Result<TrackingSummary, SyncError>,
    is_about: impl Fn(&str) -> bool,
) -> Result<(), NoticeDecision> {
    let summary = match outcome {
        Ok(summary) => summary,
        Err(SyncError::Stopped) => return Err(NoticeDecision::stopped()),
        Err(error) => return Err(NoticeDecision::retry(error.to_string())),
    };
    let mut busy = summary.busy_orders.iter();
    if busy.any(|code| is_about(code.as_str())) {
        return Err(NoticeDecision::busy(
            "another process is working on the order",
        ));
    }
    let mut failures = summary.failures.iter();
    match failures.find(|failure| is_about(&failure.order)) {
        Some(failure) => Err(NoticeDecision::retry(failure.problem.clone())),
        None => Ok(()),
    }
}

/// Fails if the database is unavailable; any other error concerns one webhook.
fn isolate_error<T>(
    result: Result<T, LedgerError>,
) -> Result<Result<T, NoticeDecision>, LedgerError> {
    match result {
        Err(error) if error.is_unavailable() => Err(error),
        other => Ok(other.map_err(|error| NoticeDecision::retry(error.to_string()))),
    }
}
