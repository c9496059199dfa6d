//! The settings that choose one of a few words.

use crate::config::setting::Choice;

/// The VeraCore interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiStyle {
    /// JSON over HTTPS.
    Rest,
    /// The SOAP services of `oms.asmx` and `order.asmx`.
    Oms,
}

impl Choice for ApiStyle {
    const WORDS: &'static [(&'static str, Self)] = &[("rest", Self::Rest), ("oms", Self::Oms)];
}

/// The authentication of the style `rest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VeraCoreAuth {
    /// A token for the client's id and secret, renewed as needed.
    OAuth2,
    /// Id and secret with every call.
    Basic,
}

impl Choice for VeraCoreAuth {
    const WORDS: &'static [(&'static str, Self)] =
        &[("oauth2", Self::OAuth2), ("basic", Self::Basic)];
}

/// The treatment of an order whose shipping method is not in `[freight]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnmappedShipping {
    Send,
    Refuse,
}

impl Choice for UnmappedShipping {
    const WORDS: &'static [(&'static str, Self)] =
        &[("send", Self::Send), ("refuse", Self::Refuse)];
}

/// The service that reads stock for the style `oms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OmsInventory {
    Offers,
    Products,
}

impl Choice for OmsInventory {
    const WORDS: &'static [(&'static str, Self)] =
        &[("offers", Self::Offers), ("products", Self::Products)];
}

/// The protocol of the service that cancels orders, for the style `oms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OmsCancelStyle {
    Soap,
    Json,
}

impl Choice for OmsCancelStyle {
    const WORDS: &'static [(&'static str, Self)] = &[("soap", Self::Soap), ("json", Self::Json)];
}

/// The treatment of orders that are due already at the very first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingOrders {
    /// Record them, but do not send them.
    Skip,
    Send,
}

impl Choice for ExistingOrders {
    const WORDS: &'static [(&'static str, Self)] = &[("skip", Self::Skip), ("send", Self::Send)];
}

/// The unit price that VeraCore receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitPriceBasis {
    /// The price that the customer pays, including discounts and tax.
    Gross,
    /// Without tax.
    Net,
}

impl Choice for UnitPriceBasis {
    const WORDS: &'static [(&'static str, Self)] = &[("gross", Self::Gross), ("net", Self::Net)];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

impl Choice for LogFormat {
    const WORDS: &'static [(&'static str, Self)] =
        &[("pretty", Self::Pretty), ("json", Self::Json)];
}

/// The lowest level that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLevel(pub &'static str);

impl Choice for LogLevel {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("error", Self("error")),
        ("warn", Self("warn")),
        ("info", Self("info")),
        ("debug", Self("debug")),
        ("trace", Self("trace")),
    ];
}
