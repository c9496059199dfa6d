//! VeraCore, in the styles it is spoken.

mod common;
pub mod oms;
pub mod rest;

use super::ProviderError;

/// VeraCore's refusal of who we are, or of what we may do.
fn credentials_refused(message: &str) -> ProviderError {
    ProviderError::CredentialsRefused {
        message: format!(
            "VeraCore refused our credentials: {message}. Check VERACORE_CLIENT_ID and VERACORE_CLIENT_SECRET"
        ),
    }
}
