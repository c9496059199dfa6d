//! Summary of a sent order, for everybody who may read orders.

use serde::{Deserialize, Serialize};

use crate::ledger::{db::error::LedgerError, handle::Ledger};

/// The order as it was last sent, with a masked address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentSummary {
    /// VeraCore's, after the mapping.
    pub shipping_method: String,
    /// ISO 4217.
    pub currency: String,
    /// The masked address lines; empty after the retention period.
    #[serde(default)]
    pub ship_to: Vec<String>,
    pub items: Vec<SentItem>,
}

/// A line, with VeraCore's SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentItem {
    pub sku: String,
    pub quantity: u32,
    /// In the major unit of the currency, exact: `12.50`.
    pub unit_price: String,
}

impl Ledger {
    /// Returns the summary; `None` if the order was not sent, or by a version without summaries.
    pub async fn sent_summary(&self, order: i64) -> Result<Option<SentSummary>, LedgerError> {
        let summary = sqlx::query_scalar!(
            "select sent_summary from veracore_order_sync where id = $1",
            order,
        )
        .fetch_optional(&self.pool)
        .await?
        .flatten();
        Ok(summary.and_then(|summary| serde_json::from_value(summary).ok()))
    }
}
