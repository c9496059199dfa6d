//! The shop: where Vendure's Admin API is and how to log in.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::{problem::Read, reader::Reader, urls};

/// How we log in to the Admin API.
#[derive(Debug, Clone)]
pub enum Login {
    Password {
        username: String,
        password: SecretString,
    },
    ApiKey(SecretString),
}

#[derive(Debug, Clone)]
pub struct Vendure {
    pub api_url: Url,
    pub login: Login,
    /// `None`: the default channel.
    pub channel_token: Option<String>,
    /// Name or id. `None`: the only one.
    pub stock_location: Option<String>,
    /// For one whole call.
    pub timeout: Duration,
    pub max_concurrency: usize,
}

pub(super) fn read(reader: &mut Reader) -> Read<Vendure> {
    let api_url = url(reader);
    let login = login(reader);
    let channel_token = reader.text("VENDURE_CHANNEL_TOKEN");
    let stock_location = reader.text("VENDURE_STOCK_LOCATION");
    let timeout = reader.seconds("VENDURE_TIMEOUT_SECONDS", 1..=600);
    let max_concurrency = reader.concurrency("VENDURE_MAX_CONCURRENCY");
    Ok(Vendure {
        api_url: api_url?,
        login: login?,
        channel_token: channel_token?,
        stock_location: stock_location?,
        timeout: timeout?,
        max_concurrency: max_concurrency?,
    })
}

fn url(reader: &mut Reader) -> Read<Url> {
    let text = reader.text("VENDURE_API_URL");
    let text = reader.required("VENDURE_API_URL", text)?;
    urls::plain(&text).map_err(|why| reader.bad("VENDURE_API_URL", why))
}

fn login(reader: &mut Reader) -> Read<Login> {
    let username = reader.text("VENDURE_USERNAME");
    let password = reader.secret("VENDURE_PASSWORD");
    let api_key = reader.secret("VENDURE_API_KEY");
    match (username?, password?, api_key?) {
        (None, None, Some(key)) => Ok(Login::ApiKey(key)),
        (Some(username), Some(password), None) => Ok(Login::Password { username, password }),
        (None, None, None) => Err(reader.missing(
            "VENDURE_USERNAME",
            "no login to Vendure: VENDURE_USERNAME with VENDURE_PASSWORD, or VENDURE_API_KEY, is required",
        )),
        (Some(_), None, None) => Err(reader.missing(
            "VENDURE_PASSWORD",
            "is required with VENDURE_USERNAME and not set",
        )),
        (None, Some(_), None) => Err(reader.missing(
            "VENDURE_USERNAME",
            "is required with VENDURE_PASSWORD and not set",
        )),
        (_, _, Some(_)) => Err(reader.bad(
            "VENDURE_API_KEY",
            "is given together with VENDURE_USERNAME or VENDURE_PASSWORD; only one way to log in may be",
        )),
    }
}
