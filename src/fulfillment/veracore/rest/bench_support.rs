//! The row readers for `benches/pure`. Not used by the program itself.

use chrono_tz::Tz;
use serde_json::value::RawValue;

use super::super::common::{fields::ParseProblem, rows};
use crate::{
    fulfillment::{RowSink, Shipment, StockItem},
    http::parse_json,
};

/// Reads a page of the stock feed.
pub fn read_stock_page(body: &[u8], take: RowSink<'_, StockItem>) -> Result<(), ParseProblem> {
    let body: &RawValue = parse_json(body)?;
    rows::list(body, |index, row| take(rows::stock_item(index, row))).map(drop)
}

/// Reads a page of shipments.
pub fn read_shipments_page(body: &[u8], take: RowSink<'_, Shipment>) -> Result<(), ParseProblem> {
    let body: &RawValue = parse_json(body)?;
    let row = |index, row: &RawValue| rows::shipment(index, row, Tz::UTC);
    rows::list(body, |index, raw| take(row(index, raw))).map(drop)
}
