//! The dry run of `sync orders`: reads everything, writes nothing.

use serde::Serialize;

use super::{
    OrderSync,
    mapping::{MappingDecision, map_order},
};
use crate::{
    domain::{ExistingOrdersPolicy, OrderCode, OrderRef, SyncStatus},
    fulfillment::NewOrder,
    sync::error::SyncError,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SendPreview {
    pub order: OrderCode,
    /// `send`, `skip`, `cancel`, `fail`, `ask` (in doubt), or `wait`.
    pub would: &'static str,
    pub detail: String,
}

impl OrderSync {
    /// Reads everything that a run reads, and returns the planned actions. A failure that concerns
    /// one order is reported in its preview.
    pub async fn preview_sends(
        &self,
        only: Option<&OrderCode>,
    ) -> Result<Vec<SendPreview>, SyncError> {
        let (mut orders, _) = self.list_triggered_orders().await?;
        orders.retain(|order| only.is_none_or(|code| order.code == *code));
        let skips_existing = self.settings.existing_orders == ExistingOrdersPolicy::Skip
            && !self.ledger.has_baseline().await?;
        let known_statuses = self.ledger.known_statuses(&orders).await?;
        let mut previews = Vec::new();
        for order in &orders {
            let known = known_statuses.get(order.id.as_str());
            let (would, detail) = match known {
                None if skips_existing => (
                    "skip",
                    "it existed before the first start (ORDER_SYNC_EXISTING=skip)".to_owned(),
                ),
                Some(known) if known.status.is_in_progress() && known.in_doubt => (
                    "ask",
                    "its response was lost: VeraCore would be asked for it".to_owned(),
                ),
                Some(known)
                    if known.status.is_in_progress() && known.status == SyncStatus::Syncing =>
                {
                    ("wait", "another worker is processing it".to_owned())
                }
                Some(known) if !known.status.is_in_progress() && !known.is_revivable() => continue,
                _ => self.preview_order(order).await,
            };
            let order = order.code.clone();
            previews.push(SendPreview {
                order,
                would,
                detail,
            });
        }
        Ok(previews)
    }

    async fn preview_order(&self, order: &OrderRef) -> (&'static str, String) {
        let order = match self.storefront.order(&order.id).await {
            Ok(Some(order)) => order,
            Ok(None) => return ("fail", "Vendure no longer has it".into()),
            Err(error) => return ("wait", error.to_string()),
        };
        let settings = &self.settings;
        match map_order(&order, &settings.trigger_states, &settings.mapping_rules) {
            MappingDecision::Cancelled => ("cancel", "cancelled in Vendure".into()),
            MappingDecision::Skip { message, .. } => ("skip", message),
            MappingDecision::Invalid { problems } => ("fail", problems.join("; ")),
            MappingDecision::Send { order, .. } => self.preview_send(&order).await,
        }
    }

    async fn preview_send(&self, order: &NewOrder) -> (&'static str, String) {
        match self.provider.find_order(&order.number).await {
            Err(error) => ("wait", error.to_string()),
            Ok(Some(found)) => {
                let status = found.status;
                let detail = format!("VeraCore has an order with this number, status {status}");
                ("fail", detail)
            }
            Ok(None) => {
                let items = order.items.iter();
                let items: Vec<String> = items
                    .map(|item| format!("{} × {}", item.quantity.get(), item.sku))
                    .collect();
                let detail = format!("by {}: {}", order.shipping_method, items.join(", "));
                ("send", detail)
            }
        }
    }
}
