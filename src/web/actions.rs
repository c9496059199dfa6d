//! What a caller may have done, through whichever door he came: the API or the dashboard. Decides
//! nothing: it asks `sync`, or writes a person's wish into the ledger, and tells in words what came of
//! it.

use std::future::Future;

use tokio::sync::oneshot;

use super::live::Services;
use crate::{
    domain::{OrderCode, ShopOrderId, Sku, SyncStatus, text::one_line},
    ledger::{LedgerError, RetryMode, SyncRecord, Verdict, Word},
    sync::{
        inventory::{Discarded, InventoryError, Passed, Summary, Wish},
        orders::{discover::DiscoverError, force::Forced},
        passes::{Ran, unwatched},
        tracking::{self, TrackingError},
    },
};

/// What came of a wish, in words: done, or why not.
pub(super) type Told = Result<String, String>;

/// Why it is not known what comes of a wish.
#[derive(Debug)]
pub(super) enum Failure {
    Ledger(LedgerError),
    Stopping,
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl Failure {
    /// For people. What exactly it was is for the log.
    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Self::Stopping => {
                "veracore-sync is stopping, or goes on with other settings; try again shortly."
            }
            Self::Ledger(error) if error.is_away() => {
                "The ledger's database does not answer; try again shortly."
            }
            Self::Ledger(_) => {
                "The ledger could not be read or written; see the log of veracore-sync."
            }
        }
    }

    /// Whether it may work later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Stopping => true,
            Self::Ledger(error) => error.is_away(),
        }
    }

    /// What a person must find in the log.
    pub(super) fn log(&self) {
        if let Self::Ledger(error) = self
            && !error.is_away()
        {
            tracing::error!(%error, "a caller's wish could not be read from or written to the ledger");
        }
    }
}

const BUSY: &str = "A pass is going on already; try again when it is done.";
const DROPPED: &str = "The database was away for too long; the pass was dropped half-way.";
pub(super) const NOT_KNOWN: &str = "The ledger has no such order.";
const STOPPED: &str =
    "It was cancelled in Vendure and stopped at VeraCore: there is nothing to be sent.";

/// Tries an order again now.
pub(super) async fn retry(
    services: &Services,
    code: &OrderCode,
    by: &str,
) -> Result<Told, Failure> {
    let verdict = services.ledger.retry_order(code, RetryMode::Again).await?;
    if matches!(verdict, Verdict::Done | Verdict::DoneInDoubt) {
        services.ledger.tell(Word::Orders).await;
        tracing::info!(order = %code, by, "VeraCore: another try was asked for");
    }
    let done = if services.stands_still().is_some() {
        "It is tried again as soon as work goes on."
    } else {
        "It is tried again now."
    };
    Ok(in_words(verdict, done))
}

/// Takes an order out.
pub(super) async fn skip(services: &Services, code: &OrderCode, by: &str) -> Result<Told, Failure> {
    let verdict = services.ledger.skip_order(code).await?;
    if matches!(verdict, Verdict::Done | Verdict::DoneInDoubt) {
        tracing::info!(order = %code, by, "VeraCore: an order was taken out");
    }
    Ok(in_words(verdict, "It is taken out."))
}

/// Sends an order now, and tells how it stands then.
pub(super) async fn force(services: &Services, id: ShopOrderId, by: &str) -> Result<Told, Failure> {
    if let Some(why) = services.stands_still() {
        return Ok(Err(why.into()));
    }
    tracing::info!(order_id = %id, by, "VeraCore: an order is to be sent now");
    let service = services.orders.clone();
    match to_its_end(services, async move { service.force(&id).await }).await? {
        Ok(outcome) => Ok(forced(&outcome)),
        Err(DiscoverError::Ledger(error)) => Err(error.into()),
        Err(error) => Ok(Err(one_line(&error.to_string(), 300))),
    }
}

/// A pass over the stock now.
pub(super) async fn sync_inventory(
    services: &Services,
    wish: Wish,
    by: &str,
) -> Result<Result<Summary, String>, Failure> {
    if let Some(why) = services.stands_still() {
        return Ok(Err(why.into()));
    }
    tracing::info!(
        by,
        sku = wish.sku.as_ref().map(Sku::as_str),
        "VeraCore: a pass over the stock was asked for"
    );
    let service = services.inventory.clone();
    let pass = async move { service.pass_on_wish(&wish, &unwatched()).await };
    inventory_passed(to_its_end(services, pass).await??)
}

/// Applies what a run held, after a fresh read.
pub(super) async fn accept_held(
    services: &Services,
    run: i64,
    by: &str,
) -> Result<Result<Summary, String>, Failure> {
    if let Some(why) = services.stands_still() {
        return Ok(Err(why.into()));
    }
    let service = services.inventory.clone();
    let by = by.to_owned();
    let pass = async move {
        let passed = service.pass_on_held(run, &unwatched()).await;
        if let Ok(Ok(Ran::Through(_, Ok(summary)))) = &passed
            && summary.held.is_none()
        {
            tracing::info!(by, run, "VeraCore: a held stock feed was accepted");
        }
        passed
    };
    match to_its_end(services, pass).await?? {
        Ok(passed) => inventory_passed(passed),
        Err(why) => Ok(Err(format!("{why}."))),
    }
}

/// Leaves a held feed unapplied for good.
pub(super) async fn discard_held(services: &Services, run: i64, by: &str) -> Result<Told, Failure> {
    let name = one_line(by, 80);
    Ok(match services.inventory.discard_held(run, &name).await? {
        Discarded::Done => {
            tracing::info!(by, run, "VeraCore: a held stock feed was discarded");
            Ok("It is discarded; the next pass reads a new one.".into())
        }
        Discarded::NotHeld => {
            Err("It was decided on before, or nothing of that number is held.".into())
        }
        Discarded::Busy => Err(BUSY.into()),
    })
}

/// A pass over what VeraCore shipped now.
pub(super) async fn sync_tracking(
    services: &Services,
    only: Option<OrderCode>,
    by: &str,
) -> Result<Result<tracking::Summary, String>, Failure> {
    if let Some(why) = services.stands_still() {
        return Ok(Err(why.into()));
    }
    tracing::info!(
        by,
        order = only.as_ref().map(OrderCode::as_str),
        "VeraCore: a pass over tracking was asked for"
    );
    let service = services.tracking.clone();
    let pass = async move { service.pass_on_wish(only.as_ref(), &unwatched()).await };
    passed(to_its_end(services, pass).await??, |error| match error {
        TrackingError::Ledger(error) => Err(error),
        other => Ok(one_line(&other.to_string(), 300)),
    })
}

/// Why not everything is as it should be after a pass over the stock.
pub(super) fn not_all(summary: &Summary) -> Option<String> {
    if let Some(reasons) = summary.reasons() {
        return Some(format!("The feed is held, nothing was written: {reasons}"));
    }
    let failed = summary.counts.failed();
    (failed > 0).then(|| format!("{failed} levels could not be written."))
}

fn in_words(verdict: Verdict, done: &str) -> Told {
    match verdict {
        Verdict::Done => Ok(done.to_owned()),
        Verdict::DoneInDoubt => Ok(format!(
            "{done} It was sent before and the answer was lost: VeraCore may have it."
        )),
        Verdict::Unknown => Err(NOT_KNOWN.into()),
        Verdict::AlreadyThere { veracore_order_id } => {
            let id = veracore_order_id.unwrap_or_else(|| "its id is not known".into());
            Err(format!("VeraCore has it already ({id})."))
        }
        Verdict::Stopped => Err(STOPPED.into()),
        Verdict::Busy => Err("It is being worked on at this moment.".into()),
    }
}

fn forced(outcome: &Forced) -> Told {
    let id = |record: &SyncRecord| {
        let id = record.veracore_order_id.clone();
        id.unwrap_or_else(|| "its id is not known".into())
    };
    match outcome {
        Forced::Unknown => Err("Neither Vendure nor the ledger has such an order.".into()),
        Forced::NotInTriggerState(state) => Err(format!(
            "Vendure has it in the state {state}, from which orders are not sent."
        )),
        Forced::AlreadyThere(record) => Ok(format!("VeraCore has it already ({}).", id(record))),
        Forced::Stopped => Err(STOPPED.into()),
        Forced::Busy => Err("It is being worked on at this moment.".into()),
        Forced::Tried(record) => match record.sync_status {
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

fn inventory_passed(ran: Passed) -> Result<Result<Summary, String>, Failure> {
    passed(ran, |error| match error {
        InventoryError::Ledger(error) => Err(error),
        other => Ok(one_line(&other.to_string(), 300)),
    })
}

/// What a pass came to: a summary, or why there is none.
fn passed<T, E>(
    ran: Ran<Result<T, E>>,
    why: impl FnOnce(E) -> Result<String, LedgerError>,
) -> Result<Result<T, String>, Failure> {
    match ran {
        Ran::Through(_, Ok(summary)) => Ok(Ok(summary)),
        Ran::Through(_, Err(error)) => Ok(Err(why(error)?)),
        Ran::Busy => Ok(Err(BUSY.into())),
        Ran::Dropped => Ok(Err(DROPPED.into())),
    }
}

/// Does the work in a task of its own: it comes to its end also when the caller hangs up, and the
/// stop waits for it.
async fn to_its_end<T: Send + 'static>(
    services: &Services,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Failure> {
    if services.tasks.stopping() {
        return Err(Failure::Stopping);
    }
    let (tell, told) = oneshot::channel();
    services.tasks.spawn("work_on_wish", async move {
        // Nobody may be listening any more.
        let _ = tell.send(work.await);
    });
    told.await.map_err(|_| Failure::Stopping)
}
