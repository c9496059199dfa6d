//! Webhooks about an order or a parcel: asks VeraCore about that order.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::worker::{BUSY_RETRY_DELAY, InboxWorker, NoticeDecision};
use crate::{
    domain::{OrderCode, ParcelNotice, SyncStatus, WebhookNotice},
    ledger::{ClaimedWebhook, LedgerError, RecordedShipment, RunOrigin, WebhookOutcome},
    sync::{
        jobs::{
            Job,
            run_once::{RunAttempt, Trigger, ignore_progress, run_once},
        },
        tracking::{self, TrackingError, TrackingSync},
    },
    telemetry::order_span,
};

/// With more orders than this at once, all packages are read in one list, rather than one list an
/// order.
const MAX_SINGLE_LOOKUPS: usize = 10;

/// Orders asked about at the same time.
const MAX_CONCURRENT_LOOKUPS: usize = 4;

/// How it went with an order's packages.
enum RefreshOutcome {
    Complete,
    /// Not so well, and for which reason.
    Incomplete(NoticeDecision),
}

impl InboxWorker {
    pub(super) async fn process_order_notices(
        &self,
        due: &[ClaimedWebhook],
    ) -> Result<(), LedgerError> {
        let mut asking: Vec<&ClaimedWebhook> = Vec::new();
        let (mut codes, mut revoked) = (BTreeSet::new(), BTreeSet::new());
        for news in due {
            match isolate_notice_error(self.decide_from_status(news).await)? {
                Ok(None) => {
                    codes.extend(news.notice.order_code().cloned());
                    revoked.extend(cancelled_order(&news.notice).cloned());
                    asking.push(news);
                }
                Ok(Some(outcome)) => self.record_decision(news, outcome).await?,
                Err(problem) => self.record_decision(news, problem).await?,
            }
        }
        let mut asked = if codes.len() > MAX_SINGLE_LOOKUPS {
            let mut asked = self.refresh_all(codes).await?;
            // The list of packages does not tell of cancelled orders.
            asked.extend(self.refresh_each(revoked).await?);
            asked
        } else {
            self.refresh_each(codes).await?
        };
        for news in asking {
            let found = news
                .notice
                .order_code()
                .and_then(|code| asked.get_mut(code));
            let outcome = match found {
                Some(RefreshOutcome::Complete) => {
                    match isolate_notice_error(self.confirm_notice(news).await)? {
                        Ok(outcome) | Err(outcome) => outcome,
                    }
                }
                Some(RefreshOutcome::Incomplete(outcome)) => outcome.clone(),
                None if self.tasks.is_stopping() => NoticeDecision::stopped(),
                None => retry_failing("asking about it panicked".into()),
            };
            self.record_decision(news, outcome).await?;
        }
        Ok(())
    }

    /// What follows from how the order stands here; nothing when VeraCore has it, and is to be asked
    /// about its packages.
    async fn decide_from_status(
        &self,
        news: &ClaimedWebhook,
    ) -> Result<Option<NoticeDecision>, LedgerError> {
        let Some(code) = news.notice.order_code() else {
            return Ok(Some(NoticeDecision::done(None)));
        };
        let Some(record) = self.ledger().order(code).await? else {
            let why = "no such order is known here".to_owned();
            return Ok(Some(NoticeDecision::Finish(
                WebhookOutcome::UnknownOrder,
                Some(why),
            )));
        };
        let status = record.sync_status;
        let here = format!("the order is '{}' here", status.as_str());
        let of_a_package = matches!(news.notice, WebhookNotice::Tracking(_));
        Ok(Some(match status {
            SyncStatus::Success => return Ok(None),
            SyncStatus::InDoubt | SyncStatus::Retrying => {
                let quiet = self.orders.settings().quiet_period;
                // Only once: further tries of this webhook must not use up the order's.
                let hastened =
                    news.attempts == 1 && self.ledger().expedite_order(code, news, quiet).await?;
                if of_a_package {
                    // As soon as it turns out that VeraCore has it.
                    retry_unconfirmed(here)
                } else if hastened {
                    NoticeDecision::done(format!("{here}, and is looked into sooner"))
                } else {
                    NoticeDecision::done(format!("{here}, and is looked into anyway"))
                }
            }
            SyncStatus::Pending | SyncStatus::Syncing if of_a_package => retry_unconfirmed(here),
            // By the time of the next try it is known what became of it.
            SyncStatus::Syncing => NoticeDecision::Retry {
                why: here,
                when_exhausted: WebhookOutcome::Done,
            },
            SyncStatus::Pending => NoticeDecision::done(here),
            SyncStatus::Error | SyncStatus::Skipped | SyncStatus::Cancelled => {
                NoticeDecision::Finish(WebhookOutcome::UnknownOrder, Some(here))
            }
        }))
    }

    async fn refresh_each(
        &self,
        codes: BTreeSet<OrderCode>,
    ) -> Result<BTreeMap<OrderCode, RefreshOutcome>, LedgerError> {
        let mut waiting = codes.into_iter();
        let mut asking = JoinSet::new();
        let mut asked = BTreeMap::new();
        let mut away = None;
        loop {
            while asking.len() < MAX_CONCURRENT_LOOKUPS
                && away.is_none()
                && !self.tasks.is_stopping()
            {
                let Some(code) = waiting.next() else { break };
                let service = self.tracking.clone();
                let span = order_span(&code);
                let pass = async move {
                    let outcome = service.run(Some(&code), &ignore_progress()).await;
                    // For the log; a run it is not.
                    let _ = TrackingSync::run_report(&outcome);
                    (code, outcome)
                };
                asking.spawn(pass.instrument(span));
            }
            match asking.join_next().await {
                None => return away.map_or(Ok(asked), Err),
                // No more is begun, and what is under way comes to its end.
                Some(Ok((_, Err(TrackingError::Ledger(error))))) if error.is_unavailable() => {
                    away.get_or_insert(error);
                }
                Some(Ok((code, outcome))) => {
                    asked.insert(code, refresh_outcome(&outcome));
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "VeraCore order lookup panicked; this is a defect, please report it");
                }
            }
        }
    }

    async fn refresh_all(
        &self,
        codes: BTreeSet<OrderCode>,
    ) -> Result<BTreeMap<OrderCode, RefreshOutcome>, LedgerError> {
        let trigger = Trigger::Now {
            origin: RunOrigin::Webhook,
            details: serde_json::json!({}),
        };
        let ran = run_once(self.ledger(), Job::Tracking, trigger, async |_| {
            let outcome = self.tracking.run(None, &ignore_progress()).await;
            let result = TrackingSync::run_report(&outcome);
            (outcome, result)
        });
        let outcome = match ran.await? {
            RunAttempt::Completed(_, Err(TrackingError::Ledger(error)))
                if error.is_unavailable() =>
            {
                return Err(error);
            }
            RunAttempt::Completed(_, outcome) => outcome,
            RunAttempt::NotStarted | RunAttempt::LeaseLost => {
                let later = || {
                    RefreshOutcome::Incomplete(NoticeDecision::Postpone {
                        after: BUSY_RETRY_DELAY,
                        why: "a pass over all packages is going on".into(),
                    })
                };
                return Ok(codes.into_iter().map(|code| (code, later())).collect());
            }
        };
        let failed: BTreeMap<String, String> = match &outcome {
            Ok(summary) => summary
                .failures
                .iter()
                .map(|failure| (failure.order.clone(), failure.problem.clone()))
                .collect(),
            Err(_) => BTreeMap::new(),
        };
        let is_busy = |code: &OrderCode| {
            let busy = outcome.as_ref().map(|summary| &summary.busy_orders);
            busy.is_ok_and(|busy| busy.contains(code))
        };
        let judge = |code: OrderCode| {
            let asked = match (&outcome, failed.get(code.as_str())) {
                _ if is_busy(&code) => RefreshOutcome::Incomplete(NoticeDecision::Postpone {
                    after: BUSY_RETRY_DELAY,
                    why: "somebody works on the order".into(),
                }),
                (Ok(_), Some(problem)) => {
                    RefreshOutcome::Incomplete(retry_failing(problem.clone()))
                }
                (Ok(_), None) => RefreshOutcome::Complete,
                (Err(_), _) => refresh_outcome(&outcome),
            };
            (code, asked)
        };
        Ok(codes.into_iter().map(judge).collect())
    }

    /// Whether what was told of is known here, after VeraCore was asked.
    async fn confirm_notice(&self, news: &ClaimedWebhook) -> Result<NoticeDecision, LedgerError> {
        let WebhookNotice::Tracking(package) = &news.notice else {
            return Ok(NoticeDecision::done(None));
        };
        let known = self
            .ledger()
            .shipments_of_orders(std::slice::from_ref(&package.number))
            .await?;
        if is_recorded(&known, package) {
            return Ok(NoticeDecision::done(None));
        }
        Ok(retry_unconfirmed(
            "VeraCore was asked, and does not tell of this package".into(),
        ))
    }
}

/// The order of which it is told that it was cancelled.
fn cancelled_order(news: &WebhookNotice) -> Option<&OrderCode> {
    let WebhookNotice::Order { number, status } = news else {
        return None;
    };
    let status = status.to_ascii_lowercase();
    (status.starts_with("cancel") || status.starts_with("void")).then_some(number)
}

/// A package without any name is on no record, and the order was asked about.
fn is_recorded(known: &[RecordedShipment], package: &ParcelNotice) -> bool {
    let same = |ours: Option<&String>, told: Option<&String>| told.is_some() && ours == told;
    let (id, number) = (
        package.shipment_id.as_ref(),
        package.tracking_number.as_ref(),
    );
    id.is_none() && number.is_none()
        || known.iter().any(|shipment| {
            same(shipment.report.shipment_id.as_ref(), id)
                || same(shipment.report.tracking_number.as_ref(), number)
        })
}

fn retry_unconfirmed(why: String) -> NoticeDecision {
    NoticeDecision::Retry {
        why,
        when_exhausted: WebhookOutcome::Unconfirmed,
    }
}

fn retry_failing(why: String) -> NoticeDecision {
    NoticeDecision::Retry {
        why,
        when_exhausted: WebhookOutcome::Failed,
    }
}

fn refresh_outcome(outcome: &Result<tracking::TrackingSummary, TrackingError>) -> RefreshOutcome {
    match outcome {
        Ok(summary) if summary.busy > 0 => RefreshOutcome::Incomplete(NoticeDecision::Postpone {
            after: BUSY_RETRY_DELAY,
            why: "somebody else works on the order".into(),
        }),
        Ok(summary) => match summary.failures.first() {
            Some(failure) => RefreshOutcome::Incomplete(retry_failing(failure.problem.clone())),
            None => RefreshOutcome::Complete,
        },
        Err(TrackingError::Stopped) => RefreshOutcome::Incomplete(NoticeDecision::stopped()),
        Err(error) => RefreshOutcome::Incomplete(retry_failing(error.to_string())),
    }
}

/// A database that is away is so for all; any other trouble is that of one webhook.
fn isolate_notice_error<T>(
    found: Result<T, LedgerError>,
) -> Result<Result<T, NoticeDecision>, LedgerError> {
    match found {
        Ok(found) => Ok(Ok(found)),
        Err(error) if error.is_unavailable() => Err(error),
        Err(error) => Ok(Err(retry_failing(error.to_string()))),
    }
}
