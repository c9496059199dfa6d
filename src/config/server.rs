//! The program itself: what it listens on, logs, announces and keeps.

use std::{net::SocketAddr, sync::Arc};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Keyring, problem::ReadResult, reader::SettingReader, urls};

#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// `false`: serve HTTP, move nothing.
    pub sync_enabled: bool,
    pub http_listen: SocketAddr,
    /// `None`: only Vendure's credentials are accepted.
    pub api_token: Option<SecretString>,
    pub log: LogConfig,
    pub event_webhook: Option<EventWebhookConfig>,
    /// Without a key no secret is kept in the database.
    pub keyring: Arc<Keyring>,
    /// After so many days names and e-mail addresses in what is kept are cleared.
    pub pii_retention_days: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
    /// The variable `RUST_LOG`, unchecked. It wins over `level`.
    pub rust_log: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

/// Where events are posted, and what signs them.
#[derive(Debug, Clone)]
pub struct EventWebhookConfig {
    pub url: Url,
    pub secret: SecretString,
}

const LOG_FORMATS: [(&str, LogFormat); 2] =
    [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
const LOG_LEVELS: [(&str, &str); 5] = [
    ("error", "error"),
    ("warn", "warn"),
    ("info", "info"),
    ("debug", "debug"),
    ("trace", "trace"),
];

pub(super) fn read(
    reader: &mut SettingReader,
    rust_log: Option<&String>,
) -> ReadResult<ServiceConfig> {
    let sync_enabled = reader.boolean("SYNC_ENABLED");
    let http_listen = read_listen_address(reader);
    let api_token = read_api_token(reader);
    let log = read_log(reader, rust_log);
    let event_webhook = read_event_webhook(reader);
    let keyring = read_keyring(reader);
    let pii_retention_days = reader.number("PII_RETENTION_DAYS", 1..=3650);
    Ok(ServiceConfig {
        sync_enabled: sync_enabled?,
        http_listen: http_listen?,
        api_token: api_token?,
        log: log?,
        event_webhook: event_webhook?,
        keyring: Arc::new(keyring?),
        pii_retention_days: pii_retention_days?,
    })
}

pub(super) fn read_listen_address(reader: &mut SettingReader) -> ReadResult<SocketAddr> {
    let listen = reader.parse("HTTP_LISTEN", |text| {
        text.parse()
            .map_err(|_| "is not an IP address with a port".to_owned())
    });
    reader.require("HTTP_LISTEN", listen)
}

/// A token of fewer characters can be guessed.
const MIN_TOKEN_CHARS: usize = 16;

fn read_api_token(reader: &mut SettingReader) -> ReadResult<Option<SecretString>> {
    let token = reader.secret("API_TOKEN")?;
    if token
        .as_ref()
        .is_some_and(|token| token.expose_secret().chars().count() < MIN_TOKEN_CHARS)
    {
        reader.warn(format!(
            "API_TOKEN has fewer than {MIN_TOKEN_CHARS} characters and can be guessed; `openssl rand -hex 32` makes a good one"
        ));
    }
    Ok(token)
}

pub(super) fn read_log(
    reader: &mut SettingReader,
    rust_log: Option<&String>,
) -> ReadResult<LogConfig> {
    let format = reader.choice("LOG_FORMAT", &LOG_FORMATS);
    let format = reader.require("LOG_FORMAT", format);
    let level = reader.choice("LOG_LEVEL", &LOG_LEVELS);
    let level = reader.require("LOG_LEVEL", level);
    Ok(LogConfig {
        format: format?,
        level: level?,
        rust_log: rust_log.filter(|text| !text.trim().is_empty()).cloned(),
    })
}

fn read_event_webhook(reader: &mut SettingReader) -> ReadResult<Option<EventWebhookConfig>> {
    let url = match reader.text("EVENT_WEBHOOK_URL") {
        Ok(Some(text)) => urls::parse_secure_url(&text)
            .map(Some)
            .map_err(|why| reader.reject("EVENT_WEBHOOK_URL", why)),
        other => other.map(|_| None),
    };
    let secret = reader.secret("EVENT_WEBHOOK_SECRET")?;
    match (url?, secret) {
        (Some(url), Some(secret)) => Ok(Some(EventWebhookConfig { url, secret })),
        (Some(_), None) => {
            let problem = "is required with EVENT_WEBHOOK_URL and not set";
            Err(reader.reject_missing("EVENT_WEBHOOK_SECRET", problem))
        }
        (None, Some(_)) => {
            let useless = "EVENT_WEBHOOK_SECRET does nothing without EVENT_WEBHOOK_URL";
            reader.warn(useless.to_owned());
            Ok(None)
        }
        (None, None) => Ok(None),
    }
}

pub(super) fn read_keyring(reader: &mut SettingReader) -> ReadResult<Keyring> {
    let Some(text) = reader.secret("CONFIG_ENCRYPTION_KEY")? else {
        return Ok(Keyring::default());
    };
    Keyring::parse(text.expose_secret()).map_err(|why| reader.reject("CONFIG_ENCRYPTION_KEY", why))
}
