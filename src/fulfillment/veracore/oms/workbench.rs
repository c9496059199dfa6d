//! For `benches/pure`, which measures how answers are read without the calls around them. Owns
//! nothing, and must not be used by the program itself.

use chrono_tz::Tz;

use super::{
    super::rest::values::Problem,
    shipped::Charge,
    soap::{self, Expected},
    stock,
    xml::Element,
};
use crate::fulfillment::{StockItem, TakeRow};

/// Reads an answer of `GetOffers` as the client does.
///
/// # Errors
/// When it is none.
pub fn offers(body: &[u8], take: TakeRow<'_, StockItem>) -> Result<(), Problem> {
    rows(body, "GetOffers", |index, element| {
        take(stock::offer_row(index, element));
    })
}

/// Reads an answer of `GetShippingCharge` as the client does: how many of its rows make sense.
///
/// # Errors
/// When it is none.
pub fn charges(body: &[u8]) -> Result<usize, Problem> {
    let mut good = 0;
    rows(body, "GetShippingCharge", |index, element| {
        good += usize::from(Charge::read(index, element, Tz::UTC).is_ok());
    })?;
    Ok(good)
}

fn rows(
    body: &[u8],
    operation: &str,
    mut row: impl FnMut(usize, &Element) + Send,
) -> Result<(), Problem> {
    let expected = Expected {
        operation,
        namespace: None,
    };
    let mut index = 0;
    let mut take = |element: Element| {
        row(index, &element);
        index += 1;
    };
    soap::read(body, &expected, Some(&mut take)).map(drop)
}
