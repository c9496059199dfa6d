//! The dry run of `sync orders`: reads everything, writes nothing.

use serde::Serialize;

use super::{
    OrderSync,
    error::DiscoveryError,
    mapping::{MappingDecision, map_order},
};
use crate::domain::{OrderCode, OrderRef, SyncStatus};

/// The planned action for one order.
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
    ) -> Result<Vec<SendPreview>, DiscoveryError> {
        let (orders, _) = self.list_triggered_orders().await?;
        let orders: Vec<OrderRef> = orders
            .into_iter()
            .filter(|order| only.is_none_or(|code| order.code == *code))
            .collect();
        let first = !self.ledger.has_baseline().await?;
        let standing = self.ledger.known_statuses(&orders).await?;
        let mut previews = Vec::new();
        for order in &orders {
            let would = match standing.get(order.id.as_str()) {
                None if first
                    && self.settings.existing_orders == super::ExistingOrdersPolicy::Skip =>
                {
                    (
                        "skip",
                        "it was there before the first start (ORDER_SYNC_EXISTING=skip)".to_owned(),
                    )
                }
                None => self.preview_order(order).await,
                Some(known) if known.is_in_progress() => match known.status {
                    _ if known.in_doubt => (
                        "ask",
                        "its response was lost: VeraCore would be asked for it".to_owned(),
                    ),
                    SyncStatus::Syncing => ("wait", "another worker is processing it".to_owned()),
                    _ => self.preview_order(order).await,
                },
                Some(known) if known.is_revivable() => self.preview_order(order).await,
                Some(_) => continue,
            };
            previews.push(SendPreview {
                order: order.code.clone(),
                would: would.0,
                detail: would.1,
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
        match map_order(
            &order,
            &self.settings.trigger_states,
            &self.settings.mapping_rules,
        ) {
            MappingDecision::Cancelled => ("cancel", "cancelled in Vendure".into()),
            MappingDecision::Skip { message, .. } => ("skip", message),
            MappingDecision::Invalid { problems } => ("fail", problems.join("; ")),
            MappingDecision::Send { order, .. } => {
                match self.provider.find_order(&order.number).await {
                    Err(error) => ("wait", error.to_string()),
                    Ok(Some(found)) => (
                        "fail",
                        format!(
                            "VeraCore has an order with this number, status {}",
                            found.status
                        ),
                    ),
                    Ok(None) => {
                        let items: Vec<String> = order
                            .items
                            .iter()
                            .map(|item| format!("{} × {}", item.quantity.get(), item.sku))
                            .collect();
                        let detail = format!("by {}: {}", order.shipping_method, items.join(", "));
                        ("send", detail)
                    }
                }
            }
        }
    }
}
