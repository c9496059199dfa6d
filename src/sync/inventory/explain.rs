//! The arithmetic behind the level of one SKU, as it would be done now.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{InventoryError, InventorySync, plan::target_levels};
use crate::{
    domain::Sku,
    ledger::{LedgerError, RecordedStockChange, StockChange},
};

/// How many of the last changes are shown.
const RECENT_CHANGES: u32 = 10;

/// Why a SKU has the level that it has.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockExplanation {
    pub sku: String,
    /// As it would be computed now; absent when an end could not be asked.
    pub now: Option<StockArithmetic>,
    /// Why it could not be computed.
    pub problem: Option<String>,
    /// What was written before, the newest first.
    pub changes: Vec<RecordedStockChange>,
}

/// The arithmetic of each variant with the SKU, and those that share its goods.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockArithmetic {
    /// When VeraCore was asked.
    pub asked_at: DateTime<Utc>,
    pub variants: Vec<ExplainedLevel>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedLevel {
    #[serde(flatten)]
    pub numbers: StockChange,
    /// The orders behind `acknowledged`.
    pub orders: Vec<(String, u32)>,
}

impl InventorySync {
    /// Shows the arithmetic of one SKU of the shop's. Nothing is written. When an end does not
    /// answer, what is known from before is shown all the same.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn explain(&self, sku: &Sku) -> Result<StockExplanation, LedgerError> {
        let changes = self
            .ledger
            .stock_changes(sku.as_str(), RECENT_CHANGES)
            .await?;
        let (now, problem) = match self.compute_arithmetic(sku).await {
            Ok(Ok(now)) => (Some(now), None),
            Ok(Err(problem)) => (None, Some(problem)),
            Err(InventoryError::Ledger(error)) => return Err(error),
            Err(error) => (None, Some(error.to_string())),
        };
        Ok(StockExplanation {
            sku: sku.to_string(),
            now,
            problem,
            changes,
        })
    }

    async fn compute_arithmetic(
        &self,
        sku: &Sku,
    ) -> Result<Result<StockArithmetic, String>, InventoryError> {
        let read = self.read_stock(Some(sku)).await?;
        if let Some(bad) = read.feed.examples.first() {
            return Ok(Err(format!("VeraCore's stock makes no sense: {bad}")));
        }
        let levels = target_levels(&read.feed, read.shop_stock(), &self.settings.rules);
        let variants: Vec<ExplainedLevel> = levels
            .iter()
            .map(StockChange::from)
            .map(|numbers| {
                let orders = read.acknowledged.orders(&numbers.variant).iter();
                let orders = orders
                    .map(|(code, units)| (code.to_string(), *units))
                    .collect();
                ExplainedLevel { numbers, orders }
            })
            .collect();
        if variants.is_empty() {
            return Ok(Err(
                "its level is left alone: the shop does not count this variant (trackInventory), or it matches ORDER_SKIP_SKUS".into(),
            ));
        }
        let asked_at = read.feed.requested_at;
        Ok(Ok(StockArithmetic { asked_at, variants }))
    }
}
