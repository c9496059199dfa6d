//! The warehouse: where VeraCore is, which interface it speaks and how to log in.

use std::{num::NonZeroU32, time::Duration};

use chrono_tz::Tz;
use secrecy::SecretString;
use url::Url;

use super::{
    oms,
    problem::{ProblemRecorded, ReadResult},
    reader::SettingReader,
    schedule, urls,
};

/// Which VeraCore interface is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiStyle {
    /// JSON over HTTPS.
    Rest,
    /// The SOAP service of `oms.asmx` and `order.asmx`.
    Oms,
}

/// How the style `rest` logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VeraCoreAuth {
    /// A token for the client's id and secret, renewed as needed.
    OAuth2,
    /// Id and secret with every call.
    Basic,
}

#[derive(Debug, Clone)]
pub struct VeraCoreConfig {
    /// The base; the API's paths are appended to its own.
    pub api_url: Url,
    pub api_style: ApiStyle,
    pub auth: VeraCoreAuth,
    pub client_id: String,
    pub client_secret: SecretString,
    /// Always there for [`ApiStyle::Rest`].
    pub company_id: Option<String>,
    /// Without it the webhook endpoints answer 404.
    pub webhook_secret: Option<SecretString>,
    /// For one whole call.
    pub timeout: Duration,
    pub rate_limit_per_second: NonZeroU32,
    pub max_concurrency: usize,
    /// The zone of VeraCore's zone-less dates.
    pub timezone: Tz,
    /// For [`ApiStyle::Oms`].
    pub oms: oms::OmsConfig,
}

const API_STYLES: [(&str, ApiStyle); 2] = [("rest", ApiStyle::Rest), ("oms", ApiStyle::Oms)];
const AUTH_METHODS: [(&str, VeraCoreAuth); 2] = [
    ("oauth2", VeraCoreAuth::OAuth2),
    ("basic", VeraCoreAuth::Basic),
];

pub(super) fn read(reader: &mut SettingReader) -> ReadResult<VeraCoreConfig> {
    let api_url = read_veracore_url(reader);
    let style = read_api_style(reader);
    let auth = reader.choice("VERACORE_AUTH", &AUTH_METHODS);
    let auth = reader.require("VERACORE_AUTH", auth);
    let client_id = reader.text("VERACORE_CLIENT_ID");
    let client_id = reader.require("VERACORE_CLIENT_ID", client_id);
    let client_secret = reader.secret("VERACORE_CLIENT_SECRET");
    let client_secret = reader.require("VERACORE_CLIENT_SECRET", client_secret);
    let company_id = read_company_id(reader, style);
    let webhook_secret = reader.secret("VERACORE_WEBHOOK_SECRET");
    let timeout = reader.seconds("VERACORE_TIMEOUT_SECONDS", 1..=600);
    let rate = reader.number("VERACORE_RATE_LIMIT_PER_SECOND", 1..=1000);
    let max_concurrency = reader.concurrency("VERACORE_MAX_CONCURRENCY");
    let timezone = read_veracore_timezone(reader);
    let oms = oms::read(reader);
    Ok(VeraCoreConfig {
        api_url: api_url?,
        api_style: style?,
        auth: auth?,
        client_id: client_id?,
        client_secret: client_secret?,
        company_id: company_id?,
        webhook_secret: webhook_secret?,
        timeout: timeout?,
        // The range above begins at 1.
        rate_limit_per_second: NonZeroU32::new(rate?).unwrap_or(NonZeroU32::MIN),
        max_concurrency: max_concurrency?,
        timezone: timezone?,
        oms: oms?,
    })
}

fn read_veracore_url(reader: &mut SettingReader) -> ReadResult<Url> {
    let text = reader.text("VERACORE_API_URL");
    let text = reader.require("VERACORE_API_URL", text)?;
    urls::parse_secure_url(&text).map_err(|why| reader.reject("VERACORE_API_URL", why))
}

/// As set, or else as the URL's path tells; a wrong URL's too, so that what the style requires is
/// named along with the URL's own problem.
fn read_api_style(reader: &mut SettingReader) -> ReadResult<ApiStyle> {
    if let Some(style) = reader.choice("VERACORE_API_STYLE", &API_STYLES)? {
        return Ok(style);
    }
    let text = reader.text("VERACORE_API_URL").unwrap_or_default();
    let text = text.unwrap_or_default().to_ascii_lowercase();
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let (word, style) = if path.trim_end_matches('/').ends_with(".asmx") {
        ("oms", ApiStyle::Oms)
    } else {
        ("rest", ApiStyle::Rest)
    };
    reader.set_derived("VERACORE_API_STYLE", word.to_owned());
    Ok(style)
}

fn read_company_id(
    reader: &mut SettingReader,
    style: ReadResult<ApiStyle>,
) -> ReadResult<Option<String>> {
    let company = reader.text("VERACORE_COMPANY_ID")?;
    if company.is_none() && style == Ok(ApiStyle::Rest) {
        let problem = "is required for VERACORE_API_STYLE=rest and not set";
        return Err(reader.reject_missing("VERACORE_COMPANY_ID", problem));
    }
    Ok(company)
}

fn read_veracore_timezone(reader: &mut SettingReader) -> ReadResult<Tz> {
    let own = reader.parse("VERACORE_TIMEZONE", schedule::parse_timezone)?;
    if let Some(zone) = own {
        return Ok(zone);
    }
    // Its problems are reported by the section that it belongs to.
    let text = reader.text("SYNC_TIMEZONE")?;
    let zone = text
        .as_deref()
        .and_then(|text| schedule::parse_timezone(text).ok());
    let zone = zone.ok_or(ProblemRecorded)?;
    reader.set_derived("VERACORE_TIMEZONE", zone.name().to_owned());
    Ok(zone)
}
