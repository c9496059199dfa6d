//! For `benches/pure`, which measures how answers are read without the calls around them. Owns
//! nothing, and must not be used by the program itself.

use super::{
    OrderPage, StorefrontError, VariantPage,
    client::{Data, Does},
    orders, stock,
};
use crate::{domain::LocationId, http::Answer};

/// Reads a page of variants as the client does.
///
/// # Errors
/// When it is none.
pub fn variants(
    body: Vec<u8>,
    take: u32,
    location: &LocationId,
) -> Result<VariantPage, StorefrontError> {
    stock::read_page(&data(body)?, &stock::Asked::All, take, location)
}

/// Reads a page of order references as the client does.
///
/// # Errors
/// When it is none.
pub fn orders(body: Vec<u8>, take: u32) -> Result<OrderPage, StorefrontError> {
    orders::read_list(&data(body)?, take)
}

fn data(body: Vec<u8>) -> Result<Data, StorefrontError> {
    Data::of("workbench", Does::Read, Answer::of_nobody(body))
}
