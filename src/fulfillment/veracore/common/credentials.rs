//! The API client's id and secret, and the error when VeraCore refuses them.

use base64::Engine as _;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret as _, SecretString};

use crate::fulfillment::ProviderError;

/// The API client's (REST) or web-service user's (SOAP) name and secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: SecretString,
}

impl Credentials {
    /// The value of HTTP Basic: as secret as the secret itself.
    pub(crate) fn basic_auth_value(&self) -> String {
        let plain = format!("{}:{}", self.client_id, self.client_secret.expose_secret());
        base64::engine::general_purpose::STANDARD.encode(plain)
    }

    pub(crate) fn apply_to(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth(&self.client_id, Some(self.client_secret.expose_secret()))
    }
}

/// The error for credentials that VeraCore refuses.
pub(crate) fn credentials_refused(message: &str) -> ProviderError {
    ProviderError::CredentialsRefused {
        message: format!(
            "VeraCore refused our credentials: {message}. Check VERACORE_CLIENT_ID and VERACORE_CLIENT_SECRET"
        ),
    }
}
