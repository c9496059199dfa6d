//! The shop: where Vendure's Admin API is and how to log in.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::{problem::ReadResult, reader::SettingReader, urls};

/// How we log in to the Admin API.
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

pub(super) fn read(reader: &mut SettingReader) -> ReadResult<VendureConfig> {
    let api_url = read_vendure_url(reader);
    let login = read_login(reader);
    let channel_token = reader.text("VENDURE_CHANNEL_TOKEN");
    let stock_location = reader.text("VENDURE_STOCK_LOCATION");
    let timeout = reader.seconds("VENDURE_TIMEOUT_SECONDS", 1..=600);
    let max_concurrency = reader.concurrency("VENDURE_MAX_CONCURRENCY");
    Ok(VendureConfig {
        api_url: api_url?,
        login: login?,
        channel_token: channel_token?,
        stock_location: stock_location?,
        timeout: timeout?,
        max_concurrency: max_concurrency?,
    })
}

fn read_vendure_url(reader: &mut SettingReader) -> ReadResult<Url> {
    let text = reader.text("VENDURE_API_URL");
    let text = reader.require("VENDURE_API_URL", text)?;
    urls::parse_base_url(&text).map_err(|why| reader.reject("VENDURE_API_URL", why))
}

fn read_login(reader: &mut SettingReader) -> ReadResult<VendureLogin> {
    let username = reader.text("VENDURE_USERNAME");
    let password = reader.secret("VENDURE_PASSWORD");
    let api_key = reader.secret("VENDURE_API_KEY");
    match (username?, password?, api_key?) {
        (None, None, Some(key)) => Ok(VendureLogin::ApiKey(key)),
        (Some(username), Some(password), None) => Ok(VendureLogin::Password { username, password }),
        (None, None, None) => Err(reader.reject_missing(
            "VENDURE_USERNAME",
            "no login to Vendure: VENDURE_USERNAME with VENDURE_PASSWORD, or VENDURE_API_KEY, is required",
        )),
        (Some(_), None, None) => Err(reader.reject_missing(
            "VENDURE_PASSWORD",
            "is required with VENDURE_USERNAME and not set",
        )),
        (None, Some(_), None) => Err(reader.reject_missing(
            "VENDURE_USERNAME",
            "is required with VENDURE_PASSWORD and not set",
        )),
        (_, _, Some(_)) => Err(reader.reject(
            "VENDURE_API_KEY",
            "is given together with VENDURE_USERNAME or VENDURE_PASSWORD; only one way to log in may be",
        )),
    }
}
