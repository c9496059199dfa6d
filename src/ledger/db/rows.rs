//! Parsing of column values, with errors that name the row.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::LedgerError;
use crate::domain::{OrderCode, ShopOrderId, text::one_line};

/// The row that is being parsed.
#[derive(Clone, Copy)]
pub(crate) struct RowRef {
    table: &'static str,
    id: i64,
}

impl RowRef {
    pub(crate) const fn new(table: &'static str, id: i64) -> Self {
        Self { table, id }
    }

    pub(crate) const fn order(id: i64) -> Self {
        Self::new("veracore_order_sync", id)
    }

    pub(crate) fn parse<T>(
        self,
        column: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, LedgerError> {
        parse(text).ok_or_else(|| self.invalid(column, text))
    }

    pub(crate) fn json<T: DeserializeOwned>(
        self,
        column: &'static str,
        value: Value,
    ) -> Result<T, LedgerError> {
        serde_json::from_value(value).map_err(|error| self.invalid(column, &error.to_string()))
    }

    pub(crate) fn parse_optional<T>(
        self,
        column: &'static str,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, LedgerError> {
        text.map(|text| self.parse(column, text, parse)).transpose()
    }

    pub(crate) fn optional_json<T: DeserializeOwned>(
        self,
        column: &'static str,
        value: Option<Value>,
    ) -> Result<Option<T>, LedgerError> {
        value.map(|value| self.json(column, value)).transpose()
    }

    pub(crate) fn order_code(self, text: &str) -> Result<OrderCode, LedgerError> {
        self.parse("vendure_order_code", text, |text| {
            OrderCode::parse(text).ok()
        })
    }

    pub(crate) fn shop_order_id(self, text: &str) -> Result<ShopOrderId, LedgerError> {
        self.parse("vendure_order_id", text, |text| {
            ShopOrderId::parse(text).ok()
        })
    }

    fn invalid(self, column: &'static str, value: &str) -> LedgerError {
        LedgerError::BadRow {
            table: self.table,
            column,
            row: self.id,
            value: one_line(value, 100),
        }
    }
}

/// Converts a count from Postgres, which has no unsigned integers.
pub(crate) fn to_count<N, T: TryFrom<N> + Default>(number: N) -> T {
    T::try_from(number).unwrap_or_default()
}

/// Drops unreadable rows, so that they do not block the others. The reconciliation reports them.
pub(crate) fn skip_unreadable<T>(rows: impl Iterator<Item = Result<T, LedgerError>>) -> Vec<T> {
    rows.filter_map(|row| {
        row.inspect_err(|error| tracing::debug!(%error, "unreadable row skipped"))
            .ok()
    })
    .collect()
}
