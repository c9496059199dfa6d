//! Changes to Vendure's stock, with the calculation of each level.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::handle::Ledger;
use crate::{
    crash,
    domain::{LocationId, Units, VariantId},
    ledger::{db::error::LedgerError, jobs::runs::RunId},
    telemetry::metrics,
};

/// A stock level to write, with its calculation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockChange {
    pub variant: VariantId,
    /// Vendure's.
    pub sku: String,
    pub veracore_sku: String,
    /// Reported by VeraCore.
    pub available: Units,
    pub reserved: Option<Units>,
    pub on_hand: Option<Units>,
    pub safety_stock: Units,
    /// Units of orders that VeraCore had by then and Vendure has not fulfilled.
    pub acknowledged: u32,
    /// Units of other variants of the same SKU, allocated to orders that VeraCore does not have.
    pub waiting_elsewhere: u32,
    /// Units that Vendure fulfilled since the feed was requested, of orders that VeraCore did not have
    /// by then.
    pub gone: u32,
    /// Units allocated in Vendure.
    pub allocated: i64,
    /// Stock on hand in Vendure.
    pub before: i64,
    pub after: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum StockOutcome {
    Written,
    /// Not written.
    Refused,
    /// May have been written.
    Unknown,
}

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
    /// Absent if the process died before the outcome was known.
    pub ended_at: Option<DateTime<Utc>>,
    pub outcome: Option<String>,
    pub message: Option<String>,
}

impl Ledger {
    /// Records the changes that are about to be written. Returns their ids, in order.
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
        let optional = |of: fn(&StockChange) -> Option<Units>| -> Vec<Option<i32>> {
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
            &optional(|change| change.reserved) as &[Option<i32>],
            &optional(|change| change.on_hand) as &[Option<i32>],
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
        // Postgres assigned them in order, but may return them in another.
        ids.sort_unstable();
        Ok(ids)
    }

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
            outcome.into_str(),
            message,
        )
        .execute(&self.pool)
        .await?;
        if outcome == StockOutcome::Written {
            metrics::record_stock_changes(done.rows_affected());
        }
        Ok(())
    }

    /// The latest changes, newest first; with `sku` (Vendure's) or `run`, only of that.
    pub async fn stock_changes(
        &self,
        sku: Option<&str>,
        run: Option<i64>,
        limit: u32,
    ) -> Result<Vec<RecordedStockChange>, LedgerError> {
        Ok(sqlx::query_as!(
            RecordedStockChange,
            "select run_id as run, vendure_variant_id as variant, vendure_sku as sku, veracore_sku,
                 feed_asked_at, available, reserved, on_hand, safety_stock, acknowledged,
                 waiting_elsewhere, gone, allocated, before_on_hand as before, after_on_hand as after,
                 intended_at, ended_at, outcome, message
             from veracore_stock_change
             where ($1::text is null or vendure_sku = $1) and ($2::bigint is null or run_id = $2)
             order by id desc limit $3",
            sku,
            run,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Deletes changes from before `before`, except the last one of each variant, so that every level
    /// can be explained.
    pub async fn delete_old_stock_changes(
        &self,
        before: DateTime<Utc>,
    ) -> Result<u64, LedgerError> {
        let statement = sqlx::query!(
            "delete from veracore_stock_change c where intended_at < $1 and exists
                 (select from veracore_stock_change later
                  where later.vendure_sku = c.vendure_sku
                      and later.vendure_variant_id = c.vendure_variant_id and later.id > c.id)",
            before,
        );
        self.write("delete_old_stock_changes", statement).await
    }
}

/// Converts to the column's type. Vendure's numbers are 32-bit, too; saturation is for broken input.
fn saturating_i32(number: impl TryInto<i32> + Copy + Into<i64>) -> i32 {
    number.try_into().unwrap_or(if number.into() < 0 {
        i32::MIN
    } else {
        i32::MAX
    })
}
