//! The response readers for `benches/pure`. Not used by the program itself.

use chrono_tz::Tz;

use super::{
    super::common::fields::ParseProblem,
    shipments::charge::ShippingCharge,
    soap::{self, ExpectedResponse},
    stock,
    xml::Element,
};
use crate::fulfillment::{RowSink, StockItem};

/// Reads a response of `GetOffers`.
pub fn read_offers_page(body: &[u8], take: RowSink<'_, StockItem>) -> Result<(), ParseProblem> {
    rows(body, "GetOffers", |index, element| {
        take(stock::offer_row(index, element));
    })
}

/// Reads a response of `GetShippingCharge` and counts its valid rows.
pub fn count_valid_charges(body: &[u8]) -> Result<usize, ParseProblem> {
    let mut valid = 0;
    rows(body, "GetShippingCharge", |index, element| {
        valid += usize::from(ShippingCharge::read(index, element, Tz::UTC).is_ok());
    })?;
    Ok(valid)
}

fn rows(
    body: &[u8],
    operation: &str,
    mut row: impl FnMut(usize, &Element) + Send,
) -> Result<(), ParseProblem> {
    let expected = ExpectedResponse {
        operation,
        namespace: None,
    };
    let mut index = 0;
    let mut take = |element: Element| {
        row(index, &element);
        index += 1;
    };
    soap::parse(body, &expected, Some(&mut take)).map(drop)
}
