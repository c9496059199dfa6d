//! Choices of how to use VeraCore.

use strum::{EnumString, VariantNames};

/// The authentication of REST calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum RestAuth {
    /// An OAuth2 token by client credentials, renewed as needed.
    OAuth2,
    /// HTTP Basic with the client's id and secret on each call.
    Basic,
}

/// The treatment of an order whose shipping method is not in the table `[freight]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum UnmappedFreight {
    /// Send it without a method: VeraCore's rules choose one.
    Send,
    /// Do not send it: it needs attention.
    Refuse,
}

/// The SOAP operation that reads stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum StockSource {
    /// `GetOffers`: what can be ordered, for all warehouses together.
    Offers,
    /// `GetProductAvailabilities`: stock by warehouse, one call for each product.
    Products,
}

/// The protocol of the service that cancels orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum CancelProtocol {
    Soap,
    Json,
}
