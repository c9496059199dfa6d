//! What can be done.

use std::future::Future;

use async_graphql::{Context, Json, Object, Result, SimpleObject};
use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    UPDATE_ORDERS, UPDATE_SETTINGS, UPDATE_STOCK, WORK, caller, desk, errors,
    query::order_id_of,
    services,
    settings::{Config, ConfigInput, refused},
    stats::InventorySyncResult,
};
use crate::{
    domain::{OrderCode, Sku, SyncStatus, text::one_line},
    ledger::{LedgerError, RetryMode, SyncRecord, Verdict},
    sync::{
        inventory::{InventoryError, Summary, Wish},
        orders::{discover::DiscoverError, force::Forced},
        passes::{Ran, unwatched},
        tracking::TrackingError,
    },
    web::{access::Admitted, live::Services},
};

pub(super) struct Mutation;

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreSimpleResult")]
struct SimpleResult {
    success: bool,
    message: Option<String>,
}

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreForceResult")]
struct ForceResult {
    success: bool,
    message: String,
}

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreForceInventoryResult")]
struct ForceInventoryResult {
    success: bool,
    synced_products: i32,
    errors: i32,
}

#[derive(SimpleObject)]
#[graphql(name = "VeraCoreOperationResult")]
struct OperationResult {
    success: bool,
    error: Option<String>,
    result: Option<Json<Value>>,
}

impl SimpleResult {
    fn of(outcome: std::result::Result<String, String>) -> Self {
        Self {
            success: outcome.is_ok(),
            message: Some(outcome.unwrap_or_else(|why| why)),
        }
    }
}

const BUSY: &str = "A pass is going on already; try again when it is done.";
const DROPPED: &str = "The database was away for too long; the pass was dropped half-way.";
const STOPPING: &str =
    "veracore-sync is stopping, or goes on with other settings; try again shortly.";

#[Object]
impl Mutation {
    /// Tries an order again now, with a fresh count of failures; what is in doubt is looked up first
    #[graphql(
        name = "retryVeracoreOrderSync",
        guard = "UPDATE_ORDERS",
        complexity = "WORK + child_complexity"
    )]
    async fn retry_order(&self, ctx: &Context<'_>, order_id: String) -> Result<SimpleResult> {
        let services = services(ctx)?;
        let Some(code) = known(services, &order_id).await? else {
            return Ok(SimpleResult::of(Err(NOT_KNOWN.into())));
        };
        let verdict = services.ledger.retry_order(&code, RetryMode::Again).await;
        let verdict = verdict.map_err(|error| errors::ledger(&error))?;
        services.bells.due.notify_one();
        tracing::info!(order = %code, by = caller(ctx), "VeraCore: another try was asked for");
        Ok(SimpleResult::of(in_words(
            verdict,
            "It is tried again now.",
        )))
    }

    /// Sends an order now and tells how it stands then; one that VeraCore has is never sent again
    #[graphql(
        name = "forceVeraCoreOrderSync",
        guard = "UPDATE_ORDERS",
        complexity = "WORK + child_complexity"
    )]
    async fn force_order(&self, ctx: &Context<'_>, order_id: String) -> Result<ForceResult> {
        let id = order_id_of(&order_id)?;
        let services = services(ctx)?;
        if let Some(why) = services.stands_still() {
            return Ok(forced(Err(why.into())));
        }
        tracing::info!(order_id = %id, by = caller(ctx), "VeraCore: an order is to be sent now");
        let service = services.orders.clone();
        let outcome = to_its_end(services, async move { service.force(&id).await }).await?;
        match outcome {
            Ok(outcome) => Ok(forced(told(&outcome))),
            Err(DiscoverError::Ledger(error)) => Err(errors::ledger(&error)),
            Err(error) => Ok(forced(Err(one_line(&error.to_string(), 300)))),
        }
    }

    /// Takes an order out: it is not sent
    #[graphql(
        name = "skipVeracoreOrderSync",
        guard = "UPDATE_ORDERS",
        complexity = "WORK + child_complexity"
    )]
    async fn skip_order(&self, ctx: &Context<'_>, order_id: String) -> Result<SimpleResult> {
        let services = services(ctx)?;
        let Some(code) = known(services, &order_id).await? else {
            return Ok(SimpleResult::of(Err(NOT_KNOWN.into())));
        };
        let verdict = services.ledger.skip_order(&code).await;
        let verdict = verdict.map_err(|error| errors::ledger(&error))?;
        tracing::info!(order = %code, by = caller(ctx), "VeraCore: an order was taken out");
        Ok(SimpleResult::of(in_words(verdict, "It is taken out.")))
    }

    /// A pass over the stock now; returns when it is done
    #[graphql(
        name = "forceVeracoreInventorySync",
        guard = "UPDATE_STOCK",
        complexity = "WORK + child_complexity"
    )]
    async fn force_inventory(&self, ctx: &Context<'_>) -> Result<OperationResult> {
        let outcome = inventory(ctx, Wish::default()).await?;
        let summary = outcome.as_ref().ok();
        let error = match &outcome {
            Ok(summary) => not_all(summary),
            Err(why) => Some(why.clone()),
        };
        Ok(OperationResult {
            success: error.is_none(),
            error,
            result: summary.map(|summary| Json(serde_json::to_value(summary).unwrap_or_default())),
        })
    }

    /// The same as forceVeracoreInventorySync, with less of an answer
    #[graphql(
        name = "forceVeraCoreInventorySync",
        guard = "UPDATE_STOCK",
        complexity = "WORK + child_complexity"
    )]
    async fn force_inventory_briefly(&self, ctx: &Context<'_>) -> Result<ForceInventoryResult> {
        let summary = match inventory(ctx, Wish::default()).await? {
            Ok(summary) => summary,
            // This answer has no place for a reason.
            Err(why) => return Err(errors::away(why)),
        };
        let counts = InventorySyncResult::of(&serde_json::to_value(&summary).unwrap_or_default());
        Ok(ForceInventoryResult {
            success: not_all(&summary).is_none(),
            synced_products: counts.updated,
            errors: counts.errors,
        })
    }

    /// The stock of one SKU of the shop's now
    #[graphql(
        name = "syncVeracoreInventoryForSku",
        guard = "UPDATE_STOCK",
        complexity = "WORK + child_complexity"
    )]
    async fn inventory_for_sku(&self, ctx: &Context<'_>, sku: String) -> Result<SimpleResult> {
        let sku =
            Sku::parse(sku).map_err(|problem| errors::bad_input(format!("sku: {problem}.")))?;
        let wish = Wish {
            sku: Some(sku),
            ..Wish::default()
        };
        let outcome = inventory(ctx, wish).await?;
        Ok(SimpleResult::of(outcome.and_then(
            |summary| match not_all(&summary) {
                Some(why) => Err(why),
                None if summary.counts.written > 0 => Ok("Its level was written.".into()),
                None => Ok("Its level was right already.".into()),
            },
        )))
    }

    /// A pass over what VeraCore shipped now; returns when it is done
    #[graphql(
        name = "forceVeracoreTrackingSync",
        guard = "UPDATE_ORDERS",
        complexity = "WORK + child_complexity"
    )]
    async fn force_tracking(&self, ctx: &Context<'_>) -> Result<OperationResult> {
        let outcome = tracking(ctx, None).await?;
        let error = match &outcome {
            Ok(summary) => (summary.errors() > 0)
                .then(|| format!("{} things did not go as they should.", summary.errors())),
            Err(why) => Some(why.clone()),
        };
        Ok(OperationResult {
            success: error.is_none(),
            error,
            result: outcome
                .ok()
                .map(|summary| Json(serde_json::to_value(summary).unwrap_or_default())),
        })
    }

    /// What VeraCore shipped of one order now
    #[graphql(
        name = "syncVeracoreTrackingForOrder",
        guard = "UPDATE_ORDERS",
        complexity = "WORK + child_complexity"
    )]
    async fn tracking_for_order(
        &self,
        ctx: &Context<'_>,
        order_id: String,
    ) -> Result<SimpleResult> {
        let Some(code) = known(services(ctx)?, &order_id).await? else {
            return Ok(SimpleResult::of(Err(NOT_KNOWN.into())));
        };
        let outcome = tracking(ctx, Some(code)).await?;
        Ok(SimpleResult::of(outcome.and_then(|summary| {
            let wrong = summary.problems.iter().chain(&summary.failures).next();
            match wrong {
                Some(wrong) => Err(wrong.problem.clone()),
                None if summary.busy > 0 => Err("Somebody works on it at this moment.".into()),
                None => Ok(format!(
                    "{} packages told of; {} fulfillments made, {} were there already, {} waiting.",
                    summary.shipments,
                    summary.fulfilled,
                    summary.recognized + summary.covered,
                    summary.waiting
                )),
            }
        })))
    }

    /// Stores settings, all of them or none; every replica goes on with them within seconds
    #[graphql(
        name = "updateVeracoreConfig",
        guard = "UPDATE_SETTINGS",
        complexity = "WORK + child_complexity"
    )]
    async fn update_config(&self, ctx: &Context<'_>, input: ConfigInput) -> Result<Config> {
        let changes = input.changes()?;
        let names: Vec<String> = changes.iter().map(|(name, _)| one_line(name, 60)).collect();
        let desk = desk(ctx)?;
        let all = ctx.data::<Admitted>()?.holds_api_token();
        desk.store(changes, all).await.map_err(refused)?;
        tracing::info!(
            settings = names.join(", "),
            by = caller(ctx),
            "settings were stored"
        );
        Ok(Config::of(desk.show().await.map_err(refused)?))
    }
}

const NOT_KNOWN: &str = "The ledger has no such order.";
const STOPPED: &str =
    "It was cancelled in Vendure and stopped at VeraCore: there is nothing to be sent.";

/// The code of an order that the ledger knows, by the shop's id.
async fn known(services: &Services, order_id: &str) -> Result<Option<OrderCode>> {
    let id = order_id_of(order_id)?;
    let record = services.ledger.order_of_shop(&id).await;
    let record = record.map_err(|error| errors::ledger(&error))?;
    Ok(record.and_then(|record| OrderCode::parse(record.vendure_order_code).ok()))
}

fn in_words(verdict: Verdict, done: &str) -> std::result::Result<String, String> {
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

fn forced(outcome: std::result::Result<String, String>) -> ForceResult {
    ForceResult {
        success: outcome.is_ok(),
        message: outcome.unwrap_or_else(|why| why),
    }
}

fn told(outcome: &Forced) -> std::result::Result<String, String> {
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

/// Why not everything is as it should be after a pass.
fn not_all(summary: &Summary) -> Option<String> {
    if let Some(reasons) = summary.reasons() {
        return Some(format!("The feed is held, nothing was written: {reasons}"));
    }
    let failed = summary.counts.failed();
    (failed > 0).then(|| format!("{failed} levels could not be written."))
}

async fn inventory(ctx: &Context<'_>, wish: Wish) -> Result<std::result::Result<Summary, String>> {
    let services = services(ctx)?;
    if let Some(why) = services.stands_still() {
        return Ok(Err(why.into()));
    }
    tracing::info!(
        by = caller(ctx),
        sku = wish.sku.as_ref().map(Sku::as_str),
        "VeraCore: a pass over the stock was asked for"
    );
    let service = services.inventory.clone();
    let pass = async move { service.pass_on_wish(&wish, &unwatched()).await };
    through(to_its_end(services, pass).await?, |error| match error {
        InventoryError::Ledger(error) => Err(error),
        other => Ok(one_line(&other.to_string(), 300)),
    })
}

async fn tracking(
    ctx: &Context<'_>,
    only: Option<OrderCode>,
) -> Result<std::result::Result<crate::sync::tracking::Summary, String>> {
    let services = services(ctx)?;
    if let Some(why) = services.stands_still() {
        return Ok(Err(why.into()));
    }
    tracing::info!(
        by = caller(ctx),
        order = only.as_ref().map(OrderCode::as_str),
        "VeraCore: a pass over tracking was asked for"
    );
    let service = services.tracking.clone();
    let pass = async move { service.pass_on_wish(only.as_ref(), &unwatched()).await };
    through(to_its_end(services, pass).await?, |error| match error {
        TrackingError::Ledger(error) => Err(error),
        other => Ok(one_line(&other.to_string(), 300)),
    })
}

/// What a pass came to: a summary, or why there is none.
fn through<T, E>(
    ran: std::result::Result<Ran<std::result::Result<T, E>>, LedgerError>,
    why: impl FnOnce(E) -> std::result::Result<String, LedgerError>,
) -> Result<std::result::Result<T, String>> {
    match ran.map_err(|error| errors::ledger(&error))? {
        Ran::Through(_, Ok(summary)) => Ok(Ok(summary)),
        Ran::Through(_, Err(error)) => Ok(Err(why(error).map_err(|error| errors::ledger(&error))?)),
        Ran::Busy => Ok(Err(BUSY.into())),
        Ran::Dropped => Ok(Err(DROPPED.into())),
    }
}

/// Does the work in a task of its own: it comes to its end also when the caller hangs up, and the
/// stop waits for it.
async fn to_its_end<T: Send + 'static>(
    services: &Services,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T> {
    if services.tasks.stopping() {
        return Err(errors::away(STOPPING));
    }
    let (tell, told) = oneshot::channel();
    services.tasks.spawn("work_on_wish", async move {
        // Nobody may be listening any more.
        let _ = tell.send(work.await);
    });
    told.await.map_err(|_| errors::away(STOPPING))
}
