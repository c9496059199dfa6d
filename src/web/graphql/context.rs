//! The data that resolvers take from a request: services, caller, permissions; and the query costs.

use std::{sync::Arc, time::Duration};

use async_graphql::{Context, Guard, Result};

use super::errors;
use crate::{
    ledger::LedgerError,
    vendure::Permission,
    web::{
        access::{self, Principal},
        actions::read_ledger,
        services::Services,
        settings::SettingsService,
    },
};

/// A plain field costs 1; a field that reads the ledger or does something costs more.
pub(super) const READ_COST: usize = 20;
pub(super) const ACTION_COST: usize = 400;

const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Admits callers with one of these permissions.
pub(super) struct RequirePermission(&'static [Permission]);

pub(super) const READ_ORDERS: RequirePermission = RequirePermission(access::READ_ORDERS);
pub(super) const UPDATE_ORDERS: RequirePermission = RequirePermission(access::UPDATE_ORDERS);
pub(super) const UPDATE_STOCK: RequirePermission = RequirePermission(access::UPDATE_STOCK);
pub(super) const UPDATE_SETTINGS: RequirePermission = RequirePermission(access::UPDATE_SETTINGS);

impl Guard for RequirePermission {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        let principal: &Principal = ctx.data()?;
        if principal.has_any_permission(self.0) {
            return Ok(());
        }
        Err(errors::forbidden(self.0))
    }
}

/// The services in force when the request arrived.
pub(super) fn services<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Services>> {
    ctx.data()
}

pub(super) fn settings_service<'a>(ctx: &Context<'a>) -> Result<&'a Arc<dyn SettingsService>> {
    ctx.data()
}

/// The caller's name, for the log.
pub(super) fn caller_name<'a>(ctx: &Context<'a>) -> &'a str {
    ctx.data::<Principal>()
        .map_or("unknown", |principal| principal.name.as_str())
}

/// Reads the ledger within the timeout.
pub(super) async fn with_timeout<T>(
    work: impl Future<Output = std::result::Result<T, LedgerError>>,
) -> Result<T> {
    Ok(read_ledger(READ_TIMEOUT, work).await?)
}
