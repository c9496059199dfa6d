//! What was sent, as it may be shown to whoever may read orders.

use serde::{Deserialize, Serialize};

use crate::ledger::{db::error::LedgerError, handle::Ledger};

/// What was last sent of an order. Nothing in it tells who lives where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentSummary {
    /// After the map of shipping methods.
    pub shipping_method: String,
    /// ISO 4217.
    pub currency: String,
    /// The address line by line, masked; empty once its time was over.
    #[serde(default)]
    pub ship_to: Vec<String>,
    pub items: Vec<SentItem>,
}

/// A line of it, in VeraCore's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentItem {
    pub sku: String,
    pub quantity: u32,
    /// In the major unit of the currency, exact: `12.50`.
    pub unit_price: String,
}

impl Ledger {
    /// What was last sent of an order; `None` when nothing was, or before this was kept.
    pub async fn sent_summary(&self, order: i64) -> Result<Option<SentSummary>, LedgerError> {
        let summary = sqlx::query_scalar!(
            "select sent_summary from veracore_order_sync where id = $1",
            order,
        )
        .fetch_optional(&self.pool)
        .await?
        .flatten();
        // What cannot be read any more is not shown.
        Ok(summary.and_then(|summary| serde_json::from_value(summary).ok()))
    }
}
