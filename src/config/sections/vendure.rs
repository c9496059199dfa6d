//! The shop: the URL of Vendure's Admin API, and the login.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::config::{layers::values::Values, table};

#[derive(Debug, Clone)]
pub enum VendureLogin {
    Password {
        username: String,
        password: SecretString,
    },
    ApiKey(SecretString),
}

#[derive(Debug, Clone)]
pub struct VendureConfig {
    pub api_url: Url,
    pub login: VendureLogin,
    pub channel_token: Option<String>,
    pub stock_location: Option<String>,
    pub timeout: Duration,
    pub max_concurrency: usize,
}

pub fn build(values: &Values) -> Option<VendureConfig> {
    let login = match values.get(&table::VENDURE_API_KEY) {
        Some(key) => VendureLogin::ApiKey(key),
        None => VendureLogin::Password {
            username: values.get(&table::VENDURE_USERNAME)?,
            password: values.get(&table::VENDURE_PASSWORD)?,
        },
    };
    Some(VendureConfig {
        api_url: values.get(&table::VENDURE_API_URL)?,
        login,
        channel_token: values.get(&table::VENDURE_CHANNEL_TOKEN),
        stock_location: values.get(&table::VENDURE_STOCK_LOCATION),
        timeout: values.get(&table::VENDURE_TIMEOUT_SECONDS)?,
        max_concurrency: values.get(&table::VENDURE_MAX_CONCURRENCY)?,
    })
}
