//! For `benches/pure`, which measures how answers are read without the calls around them. Owns
//! nothing, and must not be used by the program itself.

use chrono_tz::Tz;

use super::{
    super::common::fields::ParseProblem,
    shipments::ShippingCharge,
    soap::{self, ExpectedResponse},
    stock,
    xml::Element,
};
use crate::fulfillment::{RowSink, StockItem};

/// Reads an answer of `GetOffers` as the client does.
pub fn read_offers_page(body: &[u8], take: RowSink<'_, StockItem>) -> Result<(), ParseProblem> {
    rows(body, "GetOffers", |index, element| {
        take(stock::offer_row(index, element));
    })
}

/// Reads an answer of `GetShippingCharge` as the client does: how many of its rows make sense.
pub fn count_valid_charges(body: &[u8]) -> Result<usize, ParseProblem> {
    let mut good = 0;
    rows(body, "GetShippingCharge", |index, element| {
        good += usize::from(ShippingCharge::read(index, element, Tz::UTC).is_ok());
    })?;
    Ok(good)
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
