//! The shop: the URL of Vendure's Admin API, and the login.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::config::{
    check::{Checked, Rule},
    layers::values::Values,
    setting::Flaw,
    spec::SettingSpec,
    table::{
        VENDURE_API_KEY, VENDURE_API_URL, VENDURE_CHANNEL_TOKEN, VENDURE_MAX_CONCURRENCY,
        VENDURE_PASSWORD, VENDURE_STOCK_LOCATION, VENDURE_TIMEOUT_SECONDS, VENDURE_USERNAME,
    },
};

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
    /// `None`: the default channel.
    pub channel_token: Option<String>,
    /// Name or id. `None`: the only one.
    pub stock_location: Option<String>,
    /// For one whole call.
    pub timeout: Duration,
    pub max_concurrency: usize,
}

pub const RULES: [Rule; 1] = [find_wrong_login];

pub fn build(values: &Values) -> Option<VendureConfig> {
    let login = match values.get(&VENDURE_API_KEY) {
        Some(key) => VendureLogin::ApiKey(key),
        None => VendureLogin::Password {
            username: values.get(&VENDURE_USERNAME)?,
            password: values.get(&VENDURE_PASSWORD)?,
        },
    };
    Some(VendureConfig {
        api_url: values.get(&VENDURE_API_URL)?,
        login,
        channel_token: values.get(&VENDURE_CHANNEL_TOKEN),
        stock_location: values.get(&VENDURE_STOCK_LOCATION),
        timeout: values.get(&VENDURE_TIMEOUT_SECONDS)?,
        max_concurrency: values.get(&VENDURE_MAX_CONCURRENCY)?,
    })
}

fn find_wrong_login(checked: &Checked<'_>) -> Option<(&'static SettingSpec, Flaw)> {
    let username = checked.get_or_unset(&VENDURE_USERNAME)?.is_some();
    let password = checked.get_or_unset(&VENDURE_PASSWORD)?.is_some();
    let api_key = checked.get_or_unset(&VENDURE_API_KEY)?.is_some();
    match (username, password, api_key) {
        (true, true, false) | (false, false, true) => None,
        (false, false, false) => Some((
            &VENDURE_USERNAME.spec,
            Flaw::Missing(
                "no login to Vendure is set: VENDURE_USERNAME with VENDURE_PASSWORD, or VENDURE_API_KEY, is required"
                    .into(),
            ),
        )),
        (true, false, false) => Some((
            &VENDURE_PASSWORD.spec,
            Flaw::Missing("is required with VENDURE_USERNAME and not set".into()),
        )),
        (false, true, false) => Some((
            &VENDURE_USERNAME.spec,
            Flaw::Missing("is required with VENDURE_PASSWORD and not set".into()),
        )),
        (_, _, true) => Some((
            &VENDURE_API_KEY.spec,
            Flaw::Whole(
                "is set together with VENDURE_USERNAME or VENDURE_PASSWORD; set only one login"
                    .into(),
            ),
        )),
    }
}
