//! Parsing for `benches/pure`, without the calls. Must not be used by the program.

use super::{
    error::StorefrontError,
    model::{OrderPage, VariantPage},
    orders,
    response::ResponseData,
    stock,
};
use crate::{
    domain::LocationId,
    http::{CallKind, HttpResponse},
};

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

pub fn parse_order_page(body: Vec<u8>, take: u32) -> Result<OrderPage, StorefrontError> {
    orders::parse_order_page(&response_data(body)?, take)
}

fn response_data(body: Vec<u8>) -> Result<ResponseData, StorefrontError> {
    ResponseData::from_response(
        "bench_support",
        CallKind::Read,
        HttpResponse::from_body(body),
    )
}
