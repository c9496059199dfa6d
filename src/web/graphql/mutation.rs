//! Mutations.

use async_graphql::{Context, Json, Object, Result, SimpleObject};
use serde::Serialize;
use serde_json::Value;

use super::{
    context::{
        ACTION_COST, UPDATE_ORDERS, UPDATE_SETTINGS, UPDATE_STOCK, caller_name, services,
        settings_service,
    },
    errors,
    input::parse_order_id,
    settings::{ConfigInput, ConfigObject},
    stats::InventorySyncResult,
};
use crate::{
    domain::{OrderCode, Sku, text::one_line},
    sync::inventory::InventoryRequest,
    web::{
        access::Principal,
        actions::{
            self, ActionError, ActionResult, incomplete_reason, into_message, unknown_order,
        },
    },
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

impl ForceResult {
    fn of(outcome: ActionResult) -> Result<Self> {
        let (success, message) = into_message(outcome)?;
        Ok(Self { success, message })
    }
}

impl SimpleResult {
    fn of(outcome: ActionResult) -> Result<Self> {
        let (success, message) = into_message(outcome)?;
        let message = Some(message);
        Ok(Self { success, message })
    }
}

impl OperationResult {
    fn of<T: Serialize>(
        ran: ActionResult<T>,
        problem: impl FnOnce(&T) -> Option<String>,
    ) -> Result<Self> {
        let (error, result) = match ran {
            Ok(summary) => {
                let result = serde_json::to_value(&summary).unwrap_or_default();
                (problem(&summary), Some(Json(result)))
            }
            Err(ActionError::Rejected(reason)) => (Some(reason), None),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            success: error.is_none(),
            error,
            result,
        })
    }
}

#[Object]
impl Mutation {
    /// Tries an order again now, with a fresh count of failures; what is in doubt is looked up first
    #[graphql(guard = "UPDATE_ORDERS", complexity = "ACTION_COST + child_complexity")]
    async fn retry_veracore_order_sync(
        &self,
        ctx: &Context<'_>,
        order_id: String,
    ) -> Result<SimpleResult> {
        let Some(code) = known_order_code(ctx, &order_id).await? else {
            return SimpleResult::of(Err(unknown_order()));
        };
        SimpleResult::of(actions::retry(services(ctx)?, &code, caller_name(ctx)).await)
    }

    /// Sends an order now and tells how it stands then; one that VeraCore has is never sent again
    #[graphql(guard = "UPDATE_ORDERS", complexity = "ACTION_COST + child_complexity")]
    async fn force_vera_core_order_sync(
        &self,
        ctx: &Context<'_>,
        order_id: String,
    ) -> Result<ForceResult> {
        let id = parse_order_id(&order_id)?;
        ForceResult::of(actions::force(services(ctx)?, id, caller_name(ctx)).await)
    }

    /// Takes an order out: it is not sent
    #[graphql(guard = "UPDATE_ORDERS", complexity = "ACTION_COST + child_complexity")]
    async fn skip_veracore_order_sync(
        &self,
        ctx: &Context<'_>,
        order_id: String,
    ) -> Result<SimpleResult> {
        let Some(code) = known_order_code(ctx, &order_id).await? else {
            return SimpleResult::of(Err(unknown_order()));
        };
        SimpleResult::of(actions::skip(services(ctx)?, &code, caller_name(ctx)).await)
    }

    /// A pass over the stock now; returns when it is done
    #[graphql(guard = "UPDATE_STOCK", complexity = "ACTION_COST + child_complexity")]
    async fn force_veracore_inventory_sync(&self, ctx: &Context<'_>) -> Result<OperationResult> {
        let request = InventoryRequest::default();
        let ran = actions::sync_inventory(services(ctx)?, request, caller_name(ctx)).await;
        OperationResult::of(ran, incomplete_reason)
    }

    /// The same as forceVeracoreInventorySync, with less of an answer
    #[graphql(guard = "UPDATE_STOCK", complexity = "ACTION_COST + child_complexity")]
    async fn force_vera_core_inventory_sync(
        &self,
        ctx: &Context<'_>,
    ) -> Result<ForceInventoryResult> {
        let request = InventoryRequest::default();
        // This result has no field for a reason: a rejection is an error.
        let summary = actions::sync_inventory(services(ctx)?, request, caller_name(ctx)).await?;
        let counts = InventorySyncResult::of(&summary);
        Ok(ForceInventoryResult {
            success: incomplete_reason(&summary).is_none(),
            synced_products: counts.updated,
            errors: counts.errors,
        })
    }

    /// The stock of one SKU of the shop's now
    #[graphql(guard = "UPDATE_STOCK", complexity = "ACTION_COST + child_complexity")]
    async fn sync_veracore_inventory_for_sku(
        &self,
        ctx: &Context<'_>,
        sku: String,
    ) -> Result<SimpleResult> {
        let sku =
            Sku::parse(sku).map_err(|problem| errors::bad_input(format!("sku: {problem}.")))?;
        let request = InventoryRequest {
            sku: Some(sku),
            ..InventoryRequest::default()
        };
        let ran = actions::sync_inventory(services(ctx)?, request, caller_name(ctx)).await;
        SimpleResult::of(ran.and_then(|summary| match incomplete_reason(&summary) {
            Some(reason) => Err(ActionError::Rejected(reason)),
            None if summary.counts.written > 0 => Ok("Stock level updated.".into()),
            None => Ok("Stock level already correct.".into()),
        }))
    }

    /// A pass over what VeraCore shipped now; returns when it is done
    #[graphql(guard = "UPDATE_ORDERS", complexity = "ACTION_COST + child_complexity")]
    async fn force_veracore_tracking_sync(&self, ctx: &Context<'_>) -> Result<OperationResult> {
        let ran = actions::sync_tracking(services(ctx)?, None, caller_name(ctx)).await;
        OperationResult::of(ran, |summary| {
            let errors = summary.error_count();
            (errors > 0).then(|| format!("Errors: {errors}."))
        })
    }

    /// What VeraCore shipped of one order now
    #[graphql(guard = "UPDATE_ORDERS", complexity = "ACTION_COST + child_complexity")]
    async fn sync_veracore_tracking_for_order(
        &self,
        ctx: &Context<'_>,
        order_id: String,
    ) -> Result<SimpleResult> {
        let Some(code) = known_order_code(ctx, &order_id).await? else {
            return SimpleResult::of(Err(unknown_order()));
        };
        let ran = actions::sync_tracking(services(ctx)?, Some(code), caller_name(ctx)).await;
        SimpleResult::of(ran.and_then(|summary| {
            let failure = summary.problems.iter().chain(&summary.failures).next();
            match failure {
                Some(failure) => Err(ActionError::Rejected(failure.problem.clone())),
                None if summary.busy > 0 => Err(ActionError::Rejected(
                    "The order is being processed. Try again shortly.".into(),
                )),
                None => Ok(format!(
                    "Parcels reported: {}; fulfillments created: {}, already there: {}; waiting: {}.",
                    summary.shipments,
                    summary.fulfilled,
                    summary.linked + summary.covered,
                    summary.waiting
                )),
            }
        }))
    }

    /// Stores settings, all of them or none; every replica goes on with them within seconds
    #[graphql(
        guard = "UPDATE_SETTINGS",
        complexity = "ACTION_COST + child_complexity"
    )]
    async fn update_veracore_config(
        &self,
        ctx: &Context<'_>,
        input: ConfigInput,
    ) -> Result<ConfigObject> {
        let changes = input.changes()?;
        let names: Vec<String> = changes.iter().map(|(name, _)| one_line(name, 60)).collect();
        let settings = settings_service(ctx)?;
        let all = ctx.data::<Principal>()?.holds_api_token();
        settings.store(changes, all).await?;
        tracing::info!(
            settings = names.join(", "),
            by = caller_name(ctx),
            "settings stored"
        );
        Ok(ConfigObject::of(settings.list().await?))
    }
}

/// The code of an order in the ledger, by its id in Vendure.
async fn known_order_code(ctx: &Context<'_>, order_id: &str) -> Result<Option<OrderCode>> {
    let id = parse_order_id(order_id)?;
    let record = services(ctx)?.ledger.order_by_shop_id(&id).await;
    let record = record.map_err(ActionError::from)?;
    Ok(record.and_then(|record| OrderCode::parse(record.vendure_order_code).ok()))
}
