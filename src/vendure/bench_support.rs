//! For `benches/pure`, which measures how answers are read without the calls around them. Owns
//! nothing, and must not be used by the program itself.

use super::{
    OrderPage, StorefrontError, VariantPage,
    client::{OperationKind, ResponseData},
    orders, stock,
};
use crate::{domain::LocationId, http::HttpResponse};

/// Reads a page of variants as the client does.
pub fn parse_variant_page(
    body: Vec<u8>,
    take: u32,
    location: &LocationId,
) -> Result<VariantPage, StorefrontError> {
    stock::parse_variant_page(
        &response_data(body)?,
        &stock::VariantFilter::All,
        take,
        location,
    )
}

/// Reads a page of order references as the client does.
pub fn parse_order_page(body: Vec<u8>, take: u32) -> Result<OrderPage, StorefrontError> {
    orders::parse_order_page(&response_data(body)?, take)
}

fn response_data(body: Vec<u8>) -> Result<ResponseData, StorefrontError> {
    ResponseData::from_response(
        "bench_support",
        OperationKind::Read,
        HttpResponse::from_body(body),
    )
}
