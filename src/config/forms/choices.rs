//! The settings that choose one of a few words, and that only the configuration knows.

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
