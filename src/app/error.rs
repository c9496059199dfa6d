//! The error that ends the process with exit status 2.

/// A mistake in the configuration or the shop's setup. The message says how to fix it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(pub String);
