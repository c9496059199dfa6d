//! The arithmetic behind the level of one SKU, as it would be done now.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{InventoryError, InventorySync, plan::targets};
use crate::{
    domain::Sku,
    ledger::{LedgerError, RecordedChange, StockChange},
};

/// How many of the last changes are shown.
const CHANGES: u32 = 10;

/// Why a SKU has the level that it has.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    pub sku: String,
    /// As it would be computed now; absent when an end could not be asked.
    pub now: Option<Arithmetic>,
    /// Why it could not be computed.
    pub problem: Option<String>,
    /// What was written before, the newest first.
    pub changes: Vec<RecordedChange>,
}

/// The arithmetic of each variant with the SKU, and those that share its goods.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Arithmetic {
    /// When VeraCore was asked.
    pub asked_at: DateTime<Utc>,
    pub variants: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Level {
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
    pub async fn explain(&self, sku: &Sku) -> Result<Explanation, LedgerError> {
        let changes = self.ledger.stock_changes(sku.as_str(), CHANGES).await?;
        let (now, problem) = match self.arithmetic(sku).await {
            Ok(Ok(now)) => (Some(now), None),
            Ok(Err(problem)) => (None, Some(problem)),
            Err(InventoryError::Ledger(error)) => return Err(error),
            Err(error) => (None, Some(error.to_string())),
        };
        Ok(Explanation {
            sku: sku.to_string(),
            now,
            problem,
            changes,
        })
    }

    async fn arithmetic(&self, sku: &Sku) -> Result<Result<Arithmetic, String>, InventoryError> {
        let read = self.read(Some(sku)).await?;
        if let Some(bad) = read.feed.examples.first() {
            return Ok(Err(format!("VeraCore's stock makes no sense: {bad}")));
        }
        let levels = targets(&read.feed, read.shop(), &self.settings.rules);
        let variants: Vec<Level> = levels
            .iter()
            .map(StockChange::from)
            .map(|numbers| {
                let orders = read.known.orders(&numbers.variant).iter();
                let orders = orders
                    .map(|(code, units)| (code.to_string(), *units))
                    .collect();
                Level { numbers, orders }
            })
            .collect();
        if variants.is_empty() {
            return Ok(Err(
                "its level is left alone: the shop does not count this variant (trackInventory), or it matches ORDER_SKIP_SKUS".into(),
            ));
        }
        let asked_at = read.feed.asked_at;
        Ok(Ok(Arithmetic { asked_at, variants }))
    }
}
