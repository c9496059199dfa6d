//! What can be done.

use async_graphql::{Context, Json, Object, Result, SimpleObject};
use serde_json::Value;

use super::{
    ACTION_COST, UPDATE_ORDERS, UPDATE_SETTINGS, UPDATE_STOCK, caller_name, errors,
    query::parse_order_id,
    services,
    settings::{ConfigInput, ConfigObject, settings_error},
    settings_service,
    stats::InventorySyncResult,
};
use crate::{
    domain::{OrderCode, Sku, text::one_line},
    sync::inventory::{InventoryRequest, InventorySummary},
    web::{
        access::Principal,
        actions::{self, UNKNOWN_ORDER, incomplete_reason},
        services::Services,
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

impl SimpleResult {
    fn of(outcome: std::result::Result<String, String>) -> Self {
        Self {
            success: outcome.is_ok(),
            message: Some(outcome.unwrap_or_else(|why| why)),
        }
    }
}

#[Object]
impl Mutation {
    /// Tries an order again now, with a fresh count of failures; what is in doubt is looked up first
    #[graphql(
        name = "retryVeracoreOrderSync",
        guard = "UPDATE_ORDERS",
        complexity = "ACTION_COST + child_complexity"
    )]
    async fn retry_order(&self, ctx: &Context<'_>, order_id: String) -> Result<SimpleResult> {
        let services = services(ctx)?;
        let Some(code) = known_order_code(services, &order_id).await? else {
            return Ok(SimpleResult::of(Err(UNKNOWN_ORDER.into())));
        };
        let told = actions::retry(services, &code, caller_name(ctx)).await;
        Ok(SimpleResult::of(told.map_err(|why| errors::action(&why))?))
    }

    /// Sends an order now and tells how it stands then; one that VeraCore has is never sent again
    #[graphql(
        name = "forceVeraCoreOrderSync",
        guard = "UPDATE_ORDERS",
        complexity = "ACTION_COST + child_complexity"
    )]
    async fn force_order(&self, ctx: &Context<'_>, order_id: String) -> Result<ForceResult> {
        let id = parse_order_id(&order_id)?;
        let told = actions::force(services(ctx)?, id, caller_name(ctx)).await;
        Ok(force_result(told.map_err(|why| errors::action(&why))?))
    }

    /// Takes an order out: it is not sent
    #[graphql(
        name = "skipVeracoreOrderSync",
        guard = "UPDATE_ORDERS",
        complexity = "ACTION_COST + child_complexity"
    )]
    async fn skip_order(&self, ctx: &Context<'_>, order_id: String) -> Result<SimpleResult> {
        let services = services(ctx)?;
        let Some(code) = known_order_code(services, &order_id).await? else {
            return Ok(SimpleResult::of(Err(UNKNOWN_ORDER.into())));
        };
        let told = actions::skip(services, &code, caller_name(ctx)).await;
        Ok(SimpleResult::of(told.map_err(|why| errors::action(&why))?))
    }

    /// A pass over the stock now; returns when it is done
    #[graphql(
        name = "forceVeracoreInventorySync",
        guard = "UPDATE_STOCK",
        complexity = "ACTION_COST + child_complexity"
    )]
    async fn force_inventory(&self, ctx: &Context<'_>) -> Result<OperationResult> {
        let outcome = run_inventory(ctx, InventoryRequest::default()).await?;
        let summary = outcome.as_ref().ok();
        let error = match &outcome {
            Ok(summary) => incomplete_reason(summary),
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
        complexity = "ACTION_COST + child_complexity"
    )]
    async fn force_inventory_briefly(&self, ctx: &Context<'_>) -> Result<ForceInventoryResult> {
        let summary = match run_inventory(ctx, InventoryRequest::default()).await? {
            Ok(summary) => summary,
            // This answer has no place for a reason.
            Err(why) => return Err(errors::unavailable(why)),
        };
        let counts = InventorySyncResult::of(&serde_json::to_value(&summary).unwrap_or_default());
        Ok(ForceInventoryResult {
            success: incomplete_reason(&summary).is_none(),
            synced_products: counts.updated,
            errors: counts.errors,
        })
    }

    /// The stock of one SKU of the shop's now
    #[graphql(
        name = "syncVeracoreInventoryForSku",
        guard = "UPDATE_STOCK",
        complexity = "ACTION_COST + child_complexity"
    )]
    async fn inventory_for_sku(&self, ctx: &Context<'_>, sku: String) -> Result<SimpleResult> {
        let sku =
            Sku::parse(sku).map_err(|problem| errors::bad_input(format!("sku: {problem}.")))?;
        let wish = InventoryRequest {
            sku: Some(sku),
            ..InventoryRequest::default()
        };
        let outcome = run_inventory(ctx, wish).await?;
        Ok(SimpleResult::of(outcome.and_then(
            |summary| match incomplete_reason(&summary) {
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
        complexity = "ACTION_COST + child_complexity"
    )]
    async fn force_tracking(&self, ctx: &Context<'_>) -> Result<OperationResult> {
        let outcome = run_tracking(ctx, None).await?;
        let error = match &outcome {
            Ok(summary) => (summary.error_count() > 0).then(|| {
                format!(
                    "{} things did not go as they should.",
                    summary.error_count()
                )
            }),
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
        complexity = "ACTION_COST + child_complexity"
    )]
    async fn tracking_for_order(
        &self,
        ctx: &Context<'_>,
        order_id: String,
    ) -> Result<SimpleResult> {
        let Some(code) = known_order_code(services(ctx)?, &order_id).await? else {
            return Ok(SimpleResult::of(Err(UNKNOWN_ORDER.into())));
        };
        let outcome = run_tracking(ctx, Some(code)).await?;
        Ok(SimpleResult::of(outcome.and_then(|summary| {
            let wrong = summary.problems.iter().chain(&summary.failures).next();
            match wrong {
                Some(wrong) => Err(wrong.problem.clone()),
                None if summary.busy > 0 => Err("Somebody works on it at this moment.".into()),
                None => Ok(format!(
                    "{} packages told of; {} fulfillments made, {} were there already, {} waiting.",
                    summary.shipments,
                    summary.fulfilled,
                    summary.linked + summary.covered,
                    summary.waiting
                )),
            }
        })))
    }

    /// Stores settings, all of them or none; every replica goes on with them within seconds
    #[graphql(
        name = "updateVeracoreConfig",
        guard = "UPDATE_SETTINGS",
        complexity = "ACTION_COST + child_complexity"
    )]
    async fn update_config(&self, ctx: &Context<'_>, input: ConfigInput) -> Result<ConfigObject> {
        let changes = input.changes()?;
        let names: Vec<String> = changes.iter().map(|(name, _)| one_line(name, 60)).collect();
        let desk = settings_service(ctx)?;
        let all = ctx.data::<Principal>()?.holds_api_token();
        desk.store(changes, all).await.map_err(settings_error)?;
        tracing::info!(
            settings = names.join(", "),
            by = caller_name(ctx),
            "settings were stored"
        );
        Ok(ConfigObject::of(desk.list().await.map_err(settings_error)?))
    }
}

/// The code of an order that the ledger knows, by the shop's id.
async fn known_order_code(services: &Services, order_id: &str) -> Result<Option<OrderCode>> {
    let id = parse_order_id(order_id)?;
    let record = services.ledger.order_by_shop_id(&id).await;
    let record = record.map_err(errors::ledger)?;
    Ok(record.and_then(|record| OrderCode::parse(record.vendure_order_code).ok()))
}

fn force_result(outcome: std::result::Result<String, String>) -> ForceResult {
    ForceResult {
        success: outcome.is_ok(),
        message: outcome.unwrap_or_else(|why| why),
    }
}

async fn run_inventory(
    ctx: &Context<'_>,
    wish: InventoryRequest,
) -> Result<std::result::Result<InventorySummary, String>> {
    let passed = actions::sync_inventory(services(ctx)?, wish, caller_name(ctx)).await;
    passed.map_err(|why| errors::action(&why))
}

async fn run_tracking(
    ctx: &Context<'_>,
    only: Option<OrderCode>,
) -> Result<std::result::Result<crate::sync::tracking::TrackingSummary, String>> {
    let passed = actions::sync_tracking(services(ctx)?, only, caller_name(ctx)).await;
    passed.map_err(|why| errors::action(&why))
}
