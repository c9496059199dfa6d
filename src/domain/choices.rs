//! Settings that choose one of a few words: one type from the configuration to the code that obeys it.

use strum::{EnumString, VariantNames};

/// The treatment of orders that are in a trigger state at the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum ExistingOrdersPolicy {
    /// Record them, but do not send them.
    Skip,
    Send,
}

/// The unit prices sent to VeraCore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum PriceBasis {
    /// With tax: what the customer pays, including discounts.
    Gross,
    Net,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum LineFormat {
    /// For a terminal.
    Pretty,
    /// One JSON object per line.
    Json,
}
