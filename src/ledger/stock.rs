//! What was written to the shop's stock, and the arithmetic behind each number.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::handle::Ledger;
use crate::{
    crash,
    domain::{LocationId, Units, VariantId},
    ledger::{db::error::LedgerError, jobs::runs::RunId},
    telemetry::metrics,
};

/// One level that is about to be written, and why it is that one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockChange {
    pub variant: VariantId,
    /// Vendure's.
    pub sku: String,
    pub veracore_sku: String,
    /// As VeraCore told it.
    pub available: Units,
    pub reserved: Option<Units>,
    pub on_hand: Option<Units>,
    /// Kept from sale.
    pub safety_stock: Units,
    /// Units of orders that VeraCore had by then and the shop has not fulfilled.
    pub acknowledged: u32,
    /// Units of other variants of the same SKU, allocated to orders that VeraCore does not have.
    pub waiting_elsewhere: u32,
    /// Units that the shop fulfilled, since before VeraCore was asked, of orders that VeraCore did
    /// not have by then.
    pub gone: u32,
    /// Allocated in the shop in all.
    pub allocated: i64,
    /// Stock on hand in the shop.
    pub before: i64,
    pub after: u32,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum StockOutcome {
    Written,
    /// It was certainly not written.
    Refused,
    /// It may have been written.
    Unknown,
}

impl StockOutcome {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// A change in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedStockChange {
    pub run: Option<i64>,
    pub variant: String,
    pub sku: String,
    pub veracore_sku: String,
    pub feed_asked_at: DateTime<Utc>,
    pub available: i32,
    pub reserved: Option<i32>,
    pub on_hand: Option<i32>,
    pub safety_stock: i32,
    pub acknowledged: i32,
    pub waiting_elsewhere: i32,
    pub gone: i32,
    pub allocated: i32,
    pub before: i32,
    pub after: i32,
    pub intended_at: DateTime<Utc>,
    /// Absent when it is not known whether it was written: the process died.
    pub ended_at: Option<DateTime<Utc>>,
    pub outcome: Option<String>,
    pub message: Option<String>,
}

impl Ledger {
    /// Writes down what is about to be written to the shop. Returns the changes' ids, in their
    /// order.
    pub async fn record_stock_intents(
        &self,
        run: RunId,
        location: &LocationId,
        feed_asked_at: DateTime<Utc>,
        changes: &[&StockChange],
    ) -> Result<Vec<i64>, LedgerError> {
        let _write = crash::points_around("ledger", "record_stock_intents");
        let column = |of: fn(&StockChange) -> i32| -> Vec<i32> {
            changes.iter().map(|change| of(change)).collect()
        };
        let told = |of: fn(&StockChange) -> Option<Units>| -> Vec<Option<i32>> {
            let units = changes.iter().map(|change| of(change));
            units
                .map(|units| units.map(|units| saturating_i32(units.get())))
                .collect()
        };
        let text = |of: fn(&StockChange) -> &str| -> Vec<String> {
            changes.iter().map(|change| of(change).to_owned()).collect()
        };
        let mut ids = sqlx::query_scalar!(
            "insert into veracore_stock_change
                 (run_id, stock_location_id, feed_asked_at, intended_at, vendure_variant_id,
                  vendure_sku, veracore_sku, available, reserved, on_hand, safety_stock,
                  acknowledged, waiting_elsewhere, gone, allocated, before_on_hand, after_on_hand)
             select $1, $2, $3, $4, c.variant, c.sku, c.veracore_sku, c.available, c.reserved,
                 c.on_hand, c.safety_stock, c.acknowledged, c.waiting_elsewhere, c.gone,
                 c.allocated, c.before, c.after
             from unnest($5::text[], $6::text[], $7::text[], $8::int[], $9::int[], $10::int[],
                     $11::int[], $12::int[], $13::int[], $14::int[], $15::int[], $16::int[],
                     $17::int[]) with ordinality
                 c(variant, sku, veracore_sku, available, reserved, on_hand, safety_stock,
                     acknowledged, waiting_elsewhere, gone, allocated, before, after, place)
             order by c.place
             returning id",
            run.id,
            location.as_str(),
            feed_asked_at,
            self.now(),
            &text(|change| change.variant.as_str()),
            &text(|change| &change.sku),
            &text(|change| &change.veracore_sku),
            &column(|change| saturating_i32(change.available.get())),
            &told(|change| change.reserved) as &[Option<i32>],
            &told(|change| change.on_hand) as &[Option<i32>],
            &column(|change| saturating_i32(change.safety_stock.get())),
            &column(|change| saturating_i32(change.acknowledged)),
            &column(|change| saturating_i32(change.waiting_elsewhere)),
            &column(|change| saturating_i32(change.gone)),
            &column(|change| saturating_i32(change.allocated)),
            &column(|change| saturating_i32(change.before)),
            &column(|change| saturating_i32(change.after)),
        )
        .fetch_all(&self.pool)
        .await?;
        // They were given in the order of the changes.
        ids.sort_unstable();
        Ok(ids)
    }

    /// Records how writes ended.
    pub async fn record_stock_outcome(
        &self,
        changes: &[i64],
        outcome: StockOutcome,
        message: Option<&str>,
    ) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "record_stock_outcome");
        let done = sqlx::query!(
            "update veracore_stock_change set ended_at = $2, outcome = $3, message = $4
             where id = any($1) and ended_at is null",
            changes,
            self.now(),
            outcome.as_str(),
            message,
        )
        .execute(&self.pool)
        .await?;
        if outcome == StockOutcome::Written {
            metrics::record_stock_changes(done.rows_affected());
        }
        Ok(())
    }

    /// The last changes of a SKU (Vendure's), the newest first.
    pub async fn stock_changes(
        &self,
        sku: &str,
        limit: u32,
    ) -> Result<Vec<RecordedStockChange>, LedgerError> {
        Ok(sqlx::query_as!(
            RecordedStockChange,
            "select run_id as run, vendure_variant_id as variant, vendure_sku as sku, veracore_sku,
                 feed_asked_at, available, reserved, on_hand, safety_stock, acknowledged,
                 waiting_elsewhere, gone, allocated, before_on_hand as before, after_on_hand as after,
                 intended_at, ended_at, outcome, message
             from veracore_stock_change where vendure_sku = $1 order by id desc limit $2",
            sku,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Removes changes from before `before`, but for the last one of each variant, so that every
    /// level that we wrote can be explained.
    pub async fn delete_old_stock_changes(
        &self,
        before: DateTime<Utc>,
    ) -> Result<u64, LedgerError> {
        let _write = crash::points_around("ledger", "delete_old_stock_changes");
        let done = sqlx::query!(
            "delete from veracore_stock_change c where intended_at < $1 and exists
                 (select from veracore_stock_change later
                  where later.vendure_sku = c.vendure_sku
                      and later.vendure_variant_id = c.vendure_variant_id and later.id > c.id)",
            before,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

/// A column's integer. Units stay far below its bounds, and so do a shop's numbers, which are
/// 32-bit integers in its own tables.
fn saturating_i32(number: impl TryInto<i32> + Copy + Into<i64>) -> i32 {
    number.try_into().unwrap_or(if number.into() < 0 {
        i32::MIN
    } else {
        i32::MAX
    })
}
