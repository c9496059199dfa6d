//! What a caller may have done, through whichever door he came: the API or the dashboard. Decides
//! nothing: it asks `sync`, or writes a person's wish into the ledger, and tells in words what came of
//! it.

use std::future::Future;

use tokio::sync::oneshot;

use super::services::Services;
use crate::{
    domain::{OrderCode, ShopOrderId, Sku, SyncStatus, text::one_line},
    ledger::{LedgerError, OperatorOutcome, RetryMode, SyncRecord, Topic},
    sync::{
        inventory::{
            DiscardOutcome, InventoryError, InventoryRequest, InventoryRunResult, InventorySummary,
        },
        jobs::run_once::{RunAttempt, ignore_progress},
        orders::{error::DiscoveryError, force_send::ForceSendOutcome},
        tracking::{self, TrackingError},
    },
};

/// What came of a wish, in words: done, or why not.
pub(super) type ActionResult = Result<String, String>;

/// Why it is not known what comes of a wish.
#[derive(Debug)]
pub(super) enum ActionError {
    Ledger(LedgerError),
    Stopping,
}

impl From<LedgerError> for ActionError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl ActionError {
    /// For people. What exactly it was is for the log.
    pub(super) fn message(&self) -> &'static str {
        match self {
            Self::Stopping => {
                "veracore-sync is stopping, or goes on with other settings; try again shortly."
            }
            Self::Ledger(error) if error.is_unavailable() => {
                "The ledger's database does not answer; try again shortly."
            }
            Self::Ledger(_) => {
                "The ledger could not be read or written; see the log of veracore-sync."
            }
        }
    }

    /// Whether it may work later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Stopping => true,
            Self::Ledger(error) => error.is_unavailable(),
        }
    }

    /// What a person must find in the log.
    pub(super) fn log(&self) {
        if let Self::Ledger(error) = self
            && !error.is_unavailable()
        {
            tracing::error!(%error, "a caller's wish could not be read from or written to the ledger");
        }
    }
}

const BUSY: &str = "A pass is going on already; try again when it is done.";
const ABANDONED: &str = "The database was away for too long; the pass was dropped half-way.";
pub(super) const UNKNOWN_ORDER: &str = "The ledger has no such order.";
const STOPPED: &str =
    "It was cancelled in Vendure and stopped at VeraCore: there is nothing to be sent.";

/// Tries an order again now.
pub(super) async fn retry(
    services: &Services,
    code: &OrderCode,
    by: &str,
) -> Result<ActionResult, ActionError> {
    let verdict = services.ledger.retry_order(code, RetryMode::Again).await?;
    if matches!(
        verdict,
        OperatorOutcome::Done | OperatorOutcome::DoneInDoubt
    ) {
        services.ledger.publish(Topic::Orders).await;
        tracing::info!(order = %code, by, "VeraCore: another try was asked for");
    }
    let done = if services.paused_reason().is_some() {
        "It is tried again as soon as work goes on."
    } else {
        "It is tried again now."
    };
    Ok(verdict_message(verdict, done))
}

/// Takes an order out.
pub(super) async fn skip(
    services: &Services,
    code: &OrderCode,
    by: &str,
) -> Result<ActionResult, ActionError> {
    let verdict = services.ledger.skip_order(code).await?;
    if matches!(
        verdict,
        OperatorOutcome::Done | OperatorOutcome::DoneInDoubt
    ) {
        tracing::info!(order = %code, by, "VeraCore: an order was taken out");
    }
    Ok(verdict_message(verdict, "It is taken out."))
}

/// Sends an order now, and tells how it stands then.
pub(super) async fn force(
    services: &Services,
    id: ShopOrderId,
    by: &str,
) -> Result<ActionResult, ActionError> {
    if let Some(why) = services.paused_reason() {
        return Ok(Err(why.into()));
    }
    tracing::info!(order_id = %id, by, "VeraCore: an order is to be sent now");
    let service = services.orders.clone();
    match run_to_completion(services, async move { service.force_send(&id).await }).await? {
        Ok(outcome) => Ok(force_message(&outcome)),
        Err(DiscoveryError::Ledger(error)) => Err(error.into()),
        Err(error) => Ok(Err(one_line(&error.to_string(), 300))),
    }
}

/// A pass over the stock now.
pub(super) async fn sync_inventory(
    services: &Services,
    wish: InventoryRequest,
    by: &str,
) -> Result<Result<InventorySummary, String>, ActionError> {
    if let Some(why) = services.paused_reason() {
        return Ok(Err(why.into()));
    }
    tracing::info!(
        by,
        sku = wish.sku.as_ref().map(Sku::as_str),
        "VeraCore: a pass over the stock was asked for"
    );
    let service = services.inventory.clone();
    let pass = async move { service.run_manually(&wish, &ignore_progress()).await };
    inventory_result(run_to_completion(services, pass).await??)
}

/// Applies what a run held, after a fresh read.
pub(super) async fn accept_quarantined_feed(
    services: &Services,
    run: i64,
    by: &str,
) -> Result<Result<InventorySummary, String>, ActionError> {
    if let Some(why) = services.paused_reason() {
        return Ok(Err(why.into()));
    }
    let service = services.inventory.clone();
    let by = by.to_owned();
    let pass = async move {
        let passed = service
            .accept_quarantined_feed(run, &ignore_progress())
            .await;
        if let Ok(Ok(RunAttempt::Completed(_, Ok(summary)))) = &passed
            && summary.quarantined.is_none()
        {
            tracing::info!(by, run, "VeraCore: a held stock feed was accepted");
        }
        passed
    };
    match run_to_completion(services, pass).await?? {
        Ok(passed) => inventory_result(passed),
        Err(why) => Ok(Err(format!("{why}."))),
    }
}

/// Leaves a held feed unapplied for good.
pub(super) async fn discard_quarantined_feed(
    services: &Services,
    run: i64,
    by: &str,
) -> Result<ActionResult, ActionError> {
    let name = one_line(by, 80);
    Ok(
        match services
            .inventory
            .discard_quarantined_feed(run, &name)
            .await?
        {
            DiscardOutcome::Discarded => {
                tracing::info!(by, run, "VeraCore: a held stock feed was discarded");
                Ok("It is discarded; the next pass reads a new one.".into())
            }
            DiscardOutcome::NotQuarantined => {
                Err("It was decided on before, or nothing of that number is held.".into())
            }
            DiscardOutcome::AlreadyRunning => Err(BUSY.into()),
        },
    )
}

/// A pass over what VeraCore shipped now.
pub(super) async fn sync_tracking(
    services: &Services,
    only: Option<OrderCode>,
    by: &str,
) -> Result<Result<tracking::TrackingSummary, String>, ActionError> {
    if let Some(why) = services.paused_reason() {
        return Ok(Err(why.into()));
    }
    tracing::info!(
        by,
        order = only.as_ref().map(OrderCode::as_str),
        "VeraCore: a pass over tracking was asked for"
    );
    let service = services.tracking.clone();
    let pass = async move {
        service
            .run_manually(only.as_ref(), &ignore_progress())
            .await
    };
    run_result(
        run_to_completion(services, pass).await??,
        |error| match error {
            TrackingError::Ledger(error) => Err(error),
            other => Ok(one_line(&other.to_string(), 300)),
        },
    )
}

/// Why not everything is as it should be after a pass over the stock.
pub(super) fn incomplete_reason(summary: &InventorySummary) -> Option<String> {
    if let Some(reasons) = summary.quarantine_reasons() {
        return Some(format!("The feed is held, nothing was written: {reasons}"));
    }
    let failed = summary.counts.failed_count();
    (failed > 0).then(|| format!("{failed} levels could not be written."))
}

fn verdict_message(verdict: OperatorOutcome, done: &str) -> ActionResult {
    match verdict {
        OperatorOutcome::Done => Ok(done.to_owned()),
        OperatorOutcome::DoneInDoubt => Ok(format!(
            "{done} It was sent before and the answer was lost: VeraCore may have it."
        )),
        OperatorOutcome::NotFound => Err(UNKNOWN_ORDER.into()),
        OperatorOutcome::AlreadySent { veracore_order_id } => {
            let id = veracore_order_id.unwrap_or_else(|| "its id is not known".into());
            Err(format!("VeraCore has it already ({id})."))
        }
        OperatorOutcome::Stopped => Err(STOPPED.into()),
        OperatorOutcome::Busy => Err("It is being worked on at this moment.".into()),
    }
}

fn force_message(outcome: &ForceSendOutcome) -> ActionResult {
    let id = |record: &SyncRecord| {
        let id = record.veracore_order_id.clone();
        id.unwrap_or_else(|| "its id is not known".into())
    };
    match outcome {
        ForceSendOutcome::NotFound => {
            Err("Neither Vendure nor the ledger has such an order.".into())
        }
        ForceSendOutcome::NotInTriggerState(state) => Err(format!(
            "Vendure has it in the state {state}, from which orders are not sent."
        )),
        ForceSendOutcome::AlreadySent(record) => {
            Ok(format!("VeraCore has it already ({}).", id(record)))
        }
        ForceSendOutcome::CancelledInShop => Err(STOPPED.into()),
        ForceSendOutcome::Busy => Err("It is being worked on at this moment.".into()),
        ForceSendOutcome::Attempted(record) => match record.sync_status {
            SyncStatus::Success => Ok(format!("VeraCore has it ({}).", id(record))),
            status => {
                let why = record
                    .error_message
                    .as_deref()
                    .unwrap_or("no reason is known");
                Err(format!("It is {status} now: {why}"))
            }
        },
    }
}

fn inventory_result(
    ran: InventoryRunResult,
) -> Result<Result<InventorySummary, String>, ActionError> {
    run_result(ran, |error| match error {
        InventoryError::Ledger(error) => Err(error),
        other => Ok(one_line(&other.to_string(), 300)),
    })
}

/// What a pass came to: a summary, or why there is none.
fn run_result<T, E>(
    ran: RunAttempt<Result<T, E>>,
    why: impl FnOnce(E) -> Result<String, LedgerError>,
) -> Result<Result<T, String>, ActionError> {
    match ran {
        RunAttempt::Completed(_, Ok(summary)) => Ok(Ok(summary)),
        RunAttempt::Completed(_, Err(error)) => Ok(Err(why(error)?)),
        RunAttempt::NotStarted => Ok(Err(BUSY.into())),
        RunAttempt::LeaseLost => Ok(Err(ABANDONED.into())),
    }
}

/// Does the work in a task of its own: it comes to its end also when the caller hangs up, and the
/// stop waits for it.
async fn run_to_completion<T: Send + 'static>(
    services: &Services,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, ActionError> {
    if services.tasks.is_stopping() {
        return Err(ActionError::Stopping);
    }
    let (tell, told) = oneshot::channel();
    services.tasks.spawn("work_on_wish", async move {
        // Nobody may be listening any more.
        let _ = tell.send(work.await);
    });
    told.await.map_err(|_| ActionError::Stopping)
}
