//! Queries.

use async_graphql::{Context, Object, Result};

use super::{
    context::{READ_COST, READ_ORDERS, services, settings_service, with_timeout},
    errors,
    input::{parse_order_id, parse_search, parse_status},
    orders::{OrderSyncConnection, OrderSyncStatus},
    paging,
    settings::ConfigObject,
    stats::{InventorySyncStats, OrderSyncStats, TrackingSyncStats},
};
use crate::{
    domain::{OrderCode, SyncStatus},
    ledger::{OrderFilter, SyncRecord},
};

const MAX_FAILED_ORDERS: u32 = 500;
const MAX_RECENT_ERRORS: u32 = 10;

pub(super) struct Query;

#[Object]
impl Query {
    /// Where the order with this Vendure id stands; null when it is not known here
    #[graphql(guard = "READ_ORDERS", complexity = "READ_COST + child_complexity")]
    async fn veracore_order_sync_status(
        &self,
        ctx: &Context<'_>,
        order_id: String,
    ) -> Result<Option<OrderSyncStatus>> {
        let id = parse_order_id(&order_id)?;
        let found = with_timeout(services(ctx)?.ledger.order_by_shop_id(&id)).await?;
        Ok(found.map(OrderSyncStatus::from))
    }

    /// Where the order with this code stands; null when it is not known here
    #[graphql(guard = "READ_ORDERS", complexity = "READ_COST + child_complexity")]
    async fn vera_core_order_sync_status(
        &self,
        ctx: &Context<'_>,
        order_code: String,
    ) -> Result<Option<OrderSyncStatus>> {
        let code = OrderCode::parse(order_code)
            .map_err(|problem| errors::bad_input(format!("orderCode: {problem}.")))?;
        let found = with_timeout(services(ctx)?.ledger.order(&code)).await?;
        Ok(found.map(OrderSyncStatus::from))
    }

    /// How many orders stand where
    #[graphql(guard = "READ_ORDERS", complexity = "READ_COST + child_complexity")]
    async fn veracore_order_sync_stats(&self, ctx: &Context<'_>) -> Result<OrderSyncStats> {
        let ledger = &services(ctx)?.ledger;
        let counts = with_timeout(ledger.count_by_status()).await?;
        let of = |statuses: &[SyncStatus]| {
            let sum: u64 = statuses.iter().filter_map(|s| counts.get(s)).sum();
            i32::try_from(sum).unwrap_or(i32::MAX)
        };
        let recent = with_timeout(ledger.orders(&failed_filter(MAX_RECENT_ERRORS))).await?;
        Ok(OrderSyncStats {
            total_synced: of(&[SyncStatus::Success]),
            total_failed: of(&[SyncStatus::Error]),
            total_pending: of(&[
                SyncStatus::Pending,
                SyncStatus::Syncing,
                SyncStatus::InDoubt,
                SyncStatus::Retrying,
            ]),
            recent_errors: statuses(recent),
        })
    }

    /// Orders that need a person, newest first, 500 at most; veracoreOrderSyncs has pages
    #[graphql(guard = "READ_ORDERS", complexity = "READ_COST * 5 + child_complexity")]
    async fn veracore_failed_order_syncs(&self, ctx: &Context<'_>) -> Result<Vec<OrderSyncStatus>> {
        let filter = failed_filter(MAX_FAILED_ORDERS);
        let orders = with_timeout(services(ctx)?.ledger.orders(&filter)).await?;
        Ok(statuses(orders))
    }

    /// A page of orders, newest first
    #[graphql(
        guard = "READ_ORDERS",
        complexity = "READ_COST + paging::size(first).unwrap_or(1) as usize * child_complexity"
    )]
    async fn veracore_order_syncs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in this status")] status: Option<String>,
        #[graphql(desc = "Only those whose code or VeraCore id holds this")] search: Option<String>,
        #[graphql(desc = "How many, 1 to 100; 50 without it")] first: Option<i32>,
        #[graphql(desc = "The endCursor of the page before")] after: Option<String>,
    ) -> Result<OrderSyncConnection> {
        let size = paging::size(first).ok_or_else(|| {
            errors::bad_input(format!("first: use 1 to {}.", paging::MAX_PAGE_SIZE))
        })?;
        let before = match &after {
            None => None,
            Some(cursor) => Some(paging::decode_cursor(cursor).ok_or_else(|| {
                errors::bad_input("after: not an endCursor of veracoreOrderSyncs.")
            })?),
        };
        let filter = OrderFilter {
            status: status.as_deref().map(parse_status).transpose()?,
            search: search.as_deref().map(parse_search).transpose()?.flatten(),
            before_id: before,
            limit: size + 1,
            ..OrderFilter::default()
        };
        let ledger = &services(ctx)?.ledger;
        let records = with_timeout(ledger.orders(&filter)).await?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            with_timeout(ledger.count_orders(&filter)).await?
        } else {
            0
        };
        Ok(OrderSyncConnection::of(records, size as usize, total))
    }

    /// How stock is kept
    #[graphql(guard = "READ_ORDERS", complexity = "READ_COST + child_complexity")]
    async fn veracore_inventory_sync_stats(&self, ctx: &Context<'_>) -> Result<InventorySyncStats> {
        with_timeout(InventorySyncStats::of(services(ctx)?)).await
    }

    /// How tracking is kept
    #[graphql(guard = "READ_ORDERS", complexity = "READ_COST + child_complexity")]
    async fn veracore_tracking_sync_stats(&self, ctx: &Context<'_>) -> Result<TrackingSyncStats> {
        with_timeout(TrackingSyncStats::of(services(ctx)?)).await
    }

    /// Every setting, secrets masked, and where its value is from
    #[graphql(guard = "READ_ORDERS", complexity = "READ_COST + child_complexity")]
    async fn veracore_config(&self, ctx: &Context<'_>) -> Result<ConfigObject> {
        Ok(ConfigObject::of(settings_service(ctx)?.list().await?))
    }
}

fn failed_filter(limit: u32) -> OrderFilter {
    OrderFilter {
        status: Some(SyncStatus::Error),
        limit,
        ..OrderFilter::default()
    }
}

fn statuses(records: Vec<SyncRecord>) -> Vec<OrderSyncStatus> {
    records.into_iter().map(OrderSyncStatus::from).collect()
}
