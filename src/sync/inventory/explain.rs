//! The calculation behind the level of one SKU, done now without writing.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{plan::target_levels, service::InventorySync};
use crate::{
    domain::Sku,
    ledger::{LedgerError, RecordedStockChange, StockChange},
    sync::error::SyncError,
};

const RECENT_CHANGES: u32 = 10;

/// The current calculation for a SKU and its last changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockExplanation {
    pub sku: String,
    /// Absent if Vendure or VeraCore could not be read.
    pub now: Option<StockArithmetic>,
    pub problem: Option<String>,
    /// Levels written before, newest first.
    pub changes: Vec<RecordedStockChange>,
}

/// The calculation for each variant with the SKU, and for those that share its goods.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockArithmetic {
    /// The time of the request to VeraCore.
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalculationLine {
    /// `+` or `-`, `=` for a result, a space for the first line.
    pub sign: char,
    pub units: i64,
    pub label: String,
}

impl ExplainedLevel {
    /// The calculation from VeraCore's stock to what the shop can sell; terms of no units are left out.
    pub fn lines(&self) -> Vec<CalculationLine> {
        let numbers = &self.numbers;
        let orders: Vec<String> = self
            .orders
            .iter()
            .map(|(code, units)| format!("{code}: {units}"))
            .collect();
        let mut in_flight = "in flight: at VeraCore, not fulfilled in Vendure".to_owned();
        if !orders.is_empty() {
            in_flight.push_str(&format!(" ({})", orders.join(", ")));
        }
        let elsewhere = "waiting on other variants of the same product".to_owned();
        let on_hand = format!("on hand in Vendure (now: {})", numbers.before);
        let for_sale = (i64::from(numbers.after) - numbers.allocated).max(0);
        [
            (
                ' ',
                numbers.available.get().into(),
                "available at VeraCore".to_owned(),
            ),
            (
                '-',
                numbers.safety_stock.get().into(),
                "safety stock".to_owned(),
            ),
            ('+', numbers.acknowledged.into(), in_flight),
            ('-', numbers.waiting_elsewhere.into(), elsewhere),
            ('=', numbers.after.into(), on_hand),
            ('-', numbers.allocated, "allocated in Vendure".to_owned()),
            (
                '=',
                for_sale,
                "available for sale, before Vendure's own threshold".to_owned(),
            ),
        ]
        .into_iter()
        .filter(|(sign, units, _)| *sign != '-' || *units != 0)
        .map(|(sign, units, label)| CalculationLine { sign, units, label })
        .collect()
    }
}

impl InventorySync {
    /// Explains the level of one SKU of the shop's. If Vendure or VeraCore does not respond, the
    /// explanation has the earlier changes only.
    pub async fn explain(&self, sku: &Sku) -> Result<StockExplanation, LedgerError> {
        let changes = self
            .ledger
            .stock_changes(Some(sku.as_str()), None, RECENT_CHANGES)
            .await?;
        let (now, problem) = match self.compute_arithmetic(sku).await {
            Ok(Ok(now)) => (Some(now), None),
            Ok(Err(problem)) => (None, Some(problem)),
            Err(SyncError::Ledger(error)) => return Err(error),
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
    ) -> Result<Result<StockArithmetic, String>, SyncError> {
        let read = self.read_stock(Some(sku)).await?;
        if let Some(bad) = read.feed.examples.first() {
            return Ok(Err(format!("VeraCore's stock is invalid: {bad}")));
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
                "veracore-sync does not manage its level: the variant has no inventory tracking (trackInventory) in Vendure, or matches ORDER_SKIP_SKUS".into(),
            ));
        }
        let asked_at = read.feed.requested_at;
        Ok(Ok(StockArithmetic { asked_at, variants }))
    }
}
