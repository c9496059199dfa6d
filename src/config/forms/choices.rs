//! The settings that choose one of a few words.

use strum::{EnumString, IntoStaticStr, VariantNames};

/// The VeraCore interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum ApiStyle {
    /// JSON over HTTPS.
    Rest,
    /// The SOAP services of `oms.asmx` and `order.asmx`.
    Oms,
}

/// The treatment of orders that are due already at the very first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum ExistingOrders {
    /// Record them, but do not send them.
    Skip,
    Send,
}

/// The unit price that VeraCore receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum UnitPriceBasis {
    /// The price that the customer pays, including discounts and tax.
    Gross,
    /// Without tax.
    Net,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum LogFormat {
    Pretty,
    Json,
}

/// The lowest level that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}
