//! Manual actions of the API and the dashboard.
//!
//! Each asks `sync` or writes to the ledger, and returns a message. Nothing is decided here.

use std::{future::Future, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::services::Services;
use crate::{
    domain::{OrderCode, ShopOrderId, Sku, SyncStatus, text::one_line},
    ledger::{LedgerError, OperatorOutcome, RetryMode, SyncRecord, Topic},
    sync::{
        error::SyncError,
        inventory::{DiscardOutcome, InventoryRequest, InventorySummary},
        jobs::run_once::{RunAttempt, ignore_progress},
        orders::force_send::ForceSendOutcome,
        tracking::TrackingSummary,
    },
};

/// The outcome of an action: mostly a message for the caller.
pub(super) type ActionResult<T = String> = Result<T, ActionError>;

#[derive(Debug)]
pub(super) enum ActionError {
    /// The action is refused or failed; the message says why.
    Rejected(String),
    Ledger(LedgerError),
    /// The database takes too long.
    TimedOut,
    Stopping,
}

impl From<LedgerError> for ActionError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<SyncError> for ActionError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Ledger(error) => Self::Ledger(error),
            SyncError::Quarantine(why) => rejected(format!("{why}.")),
            other => rejected(one_line(&other.to_string(), 300)),
        }
    }
}

/// Whether the action was done, and its message; any other error than a rejection is passed on.
pub(super) fn into_message(outcome: ActionResult) -> ActionResult<(bool, String)> {
    match outcome {
        Ok(message) => Ok((true, message)),
        Err(ActionError::Rejected(reason)) => Ok((false, reason)),
        Err(error) => Err(error),
    }
}

fn rejected(message: impl Into<String>) -> ActionError {
    ActionError::Rejected(message.into())
}

impl ActionError {
    /// For the caller. Details of a ledger error are for the log only.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Rejected(reason) => reason,
            Self::Stopping => {
                "veracore-sync is restarting its jobs or stopping. Try again shortly."
            }
            Self::TimedOut => "The database takes too long to respond. Try again shortly.",
            Self::Ledger(error) if error.is_unavailable() => {
                "The database is unavailable. Try again shortly."
            }
            Self::Ledger(_) => {
                "The database could not be read or written. See the log of veracore-sync."
            }
        }
    }

    /// A retry may succeed.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Ledger(error) => error.is_unavailable(),
            Self::Rejected(_) | Self::Stopping | Self::TimedOut => true,
        }
    }

    /// Logs an unexpected ledger error.
    pub(super) fn log(&self) {
        if let Self::Ledger(error) = self
            && !error.is_unavailable()
        {
            tracing::error!(%error, "request failed: the ledger could not be read or written");
        }
    }
}

const BUSY: &str = "A run is in progress. Try again when it is done.";
const IN_PROGRESS: &str = "The order is being processed. Try again shortly.";
const UNKNOWN_ORDER: &str = "Order not found.";
const STOPPED: &str =
    "The order was cancelled in Vendure and at VeraCore. There is nothing to send.";
const LOST_ANSWER: &str = "It was sent before without a response: VeraCore may have it.";

pub(super) fn unknown_order() -> ActionError {
    rejected(UNKNOWN_ORDER)
}

fn ensure_active(services: &Services) -> ActionResult<()> {
    services
        .paused_reason()
        .map_or(Ok(()), |reason| Err(rejected(reason)))
}

/// Reads the ledger within `limit`.
pub(super) async fn read_ledger<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, LedgerError>>,
) -> ActionResult<T> {
    Ok(timeout(limit, work)
        .await
        .map_err(|_| ActionError::TimedOut)??)
}

/// Queues an order for another attempt now.
pub(super) async fn retry(services: &Services, code: &OrderCode, by: &str) -> ActionResult {
    let outcome = services.ledger.retry_order(code, RetryMode::Again).await?;
    if outcome.is_done() {
        services.ledger.publish(Topic::Orders).await;
        tracing::info!(order = %code, by, "VeraCore: order queued for retry");
    }
    let done = if services.paused_reason().is_some() {
        "Queued for retry when sync resumes."
    } else {
        "Queued for retry."
    };
    outcome_message(outcome, done)
}

/// Skips an order: it is not sent.
pub(super) async fn skip(services: &Services, code: &OrderCode, by: &str) -> ActionResult {
    let outcome = services.ledger.skip_order(code).await?;
    if outcome.is_done() {
        tracing::info!(order = %code, by, "VeraCore: order skipped");
    }
    outcome_message(outcome, "Order skipped.")
}

/// Sends an order now and reports its new status.
pub(super) async fn force(services: &Services, id: ShopOrderId, by: &str) -> ActionResult {
    ensure_active(services)?;
    tracing::info!(order_id = %id, by, "VeraCore: manual send requested");
    let service = services.orders.clone();
    let sent = run_to_completion(services, async move { service.force_send(&id).await });
    force_message(&sent.await??)
}

/// Runs an inventory sync now.
pub(super) async fn sync_inventory(
    services: &Services,
    request: InventoryRequest,
    by: &str,
) -> ActionResult<InventorySummary> {
    ensure_active(services)?;
    tracing::info!(
        by,
        sku = request.sku.as_ref().map(Sku::as_str),
        "VeraCore: manual inventory sync requested"
    );
    let service = services.inventory.clone();
    let run = async move { service.run_manually(&request, &ignore_progress()).await };
    run_result(run_to_completion(services, run).await??)
}

/// Accepts the feed that a run quarantined: reads it again and applies it.
pub(super) async fn accept_quarantined_feed(
    services: &Services,
    run: i64,
    by: &str,
) -> ActionResult<InventorySummary> {
    ensure_active(services)?;
    let service = services.inventory.clone();
    let by = by.to_owned();
    let accept = async move {
        let accepted = service
            .accept_quarantined_feed(run, &ignore_progress())
            .await;
        if let Ok(RunAttempt::Completed(_, Ok(summary))) = &accepted
            && summary.quarantined.is_none()
        {
            tracing::info!(by, run, "VeraCore: held inventory feed accepted");
        }
        accepted
    };
    run_result(run_to_completion(services, accept).await??)
}

/// Discards the feed that a run quarantined.
pub(super) async fn discard_quarantined_feed(
    services: &Services,
    run: i64,
    by: &str,
) -> ActionResult {
    let name = one_line(by, 80);
    match services
        .inventory
        .discard_quarantined_feed(run, &name)
        .await?
    {
        DiscardOutcome::Discarded => {
            tracing::info!(by, run, "VeraCore: held inventory feed discarded");
            Ok("Feed discarded. The next run reads a new one.".into())
        }
        DiscardOutcome::NotQuarantined => Err(rejected(
            "This feed is not held: it was accepted or discarded before.",
        )),
        DiscardOutcome::AlreadyRunning => Err(rejected(BUSY)),
    }
}

/// Runs a tracking sync now, for all orders or one.
pub(super) async fn sync_tracking(
    services: &Services,
    only: Option<OrderCode>,
    by: &str,
) -> ActionResult<TrackingSummary> {
    ensure_active(services)?;
    tracing::info!(
        by,
        order = only.as_ref().map(OrderCode::as_str),
        "VeraCore: manual tracking sync requested"
    );
    let service = services.tracking.clone();
    let run = async move {
        service
            .run_manually(only.as_ref(), &ignore_progress())
            .await
    };
    run_result(run_to_completion(services, run).await??)
}

/// Why an inventory run did not update everything, if so.
pub(super) fn incomplete_reason(summary: &InventorySummary) -> Option<String> {
    if let Some(reasons) = summary.quarantine_reasons() {
        return Some(format!("The feed is held; nothing was written: {reasons}"));
    }
    let failed = summary.counts.failed_count();
    (failed > 0).then(|| format!("Stock levels that could not be written: {failed}."))
}

fn outcome_message(outcome: OperatorOutcome, done: &str) -> ActionResult {
    match outcome {
        OperatorOutcome::Done => Ok(done.to_owned()),
        OperatorOutcome::DoneInDoubt => Ok(format!("{done} {LOST_ANSWER}")),
        OperatorOutcome::NotFound => Err(unknown_order()),
        OperatorOutcome::AlreadySent { veracore_order_id } => Err(rejected(format!(
            "VeraCore already has the order ({}).",
            id_or_unknown(veracore_order_id.as_deref())
        ))),
        OperatorOutcome::Stopped => Err(rejected(STOPPED)),
        OperatorOutcome::Busy => Err(rejected(IN_PROGRESS)),
    }
}

fn id_or_unknown(id: Option<&str>) -> &str {
    id.unwrap_or("ID not known")
}

fn force_message(outcome: &ForceSendOutcome) -> ActionResult {
    let id = |record: &SyncRecord| id_or_unknown(record.veracore_order_id.as_deref()).to_owned();
    match outcome {
        ForceSendOutcome::NotFound => Err(unknown_order()),
        ForceSendOutcome::NotInTriggerState(state) => Err(rejected(format!(
            "The order is in the state {state} in Vendure. Orders are not sent in this state."
        ))),
        ForceSendOutcome::AlreadySent(record) => {
            Ok(format!("VeraCore already has the order ({}).", id(record)))
        }
        ForceSendOutcome::CancelledInShop => Err(rejected(STOPPED)),
        ForceSendOutcome::Busy => Err(rejected(IN_PROGRESS)),
        ForceSendOutcome::Attempted(record) => match record.sync_status {
            SyncStatus::Success => Ok(format!("VeraCore accepted the order ({}).", id(record))),
            status => {
                let reason = record.error_message.as_deref();
                Err(rejected(format!(
                    "The order is {status}: {}",
                    reason.unwrap_or("no reason is known")
                )))
            }
        },
    }
}

fn run_result<T>(ran: RunAttempt<Result<T, SyncError>>) -> ActionResult<T> {
    match ran {
        RunAttempt::Completed(_, result) => result.map_err(Into::into),
        RunAttempt::NotStarted => Err(rejected(BUSY)),
        RunAttempt::LeaseLost => Err(rejected(
            "The database was unavailable for too long, and the run was abandoned.",
        )),
    }
}

/// Runs the work in a task of its own: it finishes even if the caller disconnects, and the stop waits
/// for it.
async fn run_to_completion<T: Send + 'static>(
    services: &Services,
    work: impl Future<Output = T> + Send + 'static,
) -> ActionResult<T> {
    if services.tasks.is_stopping() {
        return Err(ActionError::Stopping);
    }
    let (sender, result) = oneshot::channel();
    services.tasks.spawn("manual_action", async move {
        // The caller may have disconnected.
        let _ = sender.send(work.await);
    });
    result.await.map_err(|_| ActionError::Stopping)
}
