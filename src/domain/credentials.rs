//! Credentials that the configuration has and a client uses.

use secrecy::SecretString;

/// The credentials of the daemon's own login.
#[derive(Debug, Clone)]
pub enum VendureCredentials {
    Password {
        username: String,
        password: SecretString,
    },
    /// Needs Vendure 3.6 or newer with API keys enabled; has a header of its own.
    ApiKey(SecretString),
}
