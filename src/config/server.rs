//! The program itself: what it listens on, logs, announces and keeps.

use std::{net::SocketAddr, sync::Arc};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Keyring, problem::Read, reader::Reader, urls};

#[derive(Debug, Clone)]
pub struct Server {
    /// `false`: serve HTTP, move nothing.
    pub sync_enabled: bool,
    pub http_listen: SocketAddr,
    /// `None`: only Vendure's credentials are accepted.
    pub api_token: Option<SecretString>,
    pub log: Log,
    pub event_webhook: Option<EventWebhook>,
    /// Without a key no secret is kept in the database.
    pub keyring: Arc<Keyring>,
    /// After so many days names and e-mail addresses in what is kept are cleared.
    pub pii_retention_days: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
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
pub struct EventWebhook {
    pub url: Url,
    pub secret: SecretString,
}

const FORMATS: [(&str, LogFormat); 2] = [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
const LEVELS: [(&str, &str); 5] = [
    ("error", "error"),
    ("warn", "warn"),
    ("info", "info"),
    ("debug", "debug"),
    ("trace", "trace"),
];

pub(super) fn read(reader: &mut Reader, rust_log: Option<&String>) -> Read<Server> {
    let sync_enabled = reader.flag("SYNC_ENABLED");
    let http_listen = listen(reader);
    let api_token = api_token(reader);
    let log = log(reader, rust_log);
    let event_webhook = event_webhook(reader);
    let keyring = keyring(reader);
    let pii_retention_days = reader.number("PII_RETENTION_DAYS", 1..=3650);
    Ok(Server {
        sync_enabled: sync_enabled?,
        http_listen: http_listen?,
        api_token: api_token?,
        log: log?,
        event_webhook: event_webhook?,
        keyring: Arc::new(keyring?),
        pii_retention_days: pii_retention_days?,
    })
}

pub(super) fn listen(reader: &mut Reader) -> Read<SocketAddr> {
    let listen = reader.parsed("HTTP_LISTEN", |text| {
        text.parse()
            .map_err(|_| "is not an IP address with a port".to_owned())
    });
    reader.required("HTTP_LISTEN", listen)
}

/// A token of fewer characters can be guessed.
const SHORT_TOKEN: usize = 16;

fn api_token(reader: &mut Reader) -> Read<Option<SecretString>> {
    let token = reader.secret("API_TOKEN")?;
    if token
        .as_ref()
        .is_some_and(|token| token.expose_secret().chars().count() < SHORT_TOKEN)
    {
        reader.warn(format!(
            "API_TOKEN has fewer than {SHORT_TOKEN} characters and can be guessed; `openssl rand -hex 32` makes a good one"
        ));
    }
    Ok(token)
}

pub(super) fn log(reader: &mut Reader, rust_log: Option<&String>) -> Read<Log> {
    let format = reader.choice("LOG_FORMAT", &FORMATS);
    let format = reader.required("LOG_FORMAT", format);
    let level = reader.choice("LOG_LEVEL", &LEVELS);
    let level = reader.required("LOG_LEVEL", level);
    Ok(Log {
        format: format?,
        level: level?,
        rust_log: rust_log.filter(|text| !text.trim().is_empty()).cloned(),
    })
}

fn event_webhook(reader: &mut Reader) -> Read<Option<EventWebhook>> {
    let url = match reader.text("EVENT_WEBHOOK_URL") {
        Ok(Some(text)) => urls::private(&text)
            .map(Some)
            .map_err(|why| reader.bad("EVENT_WEBHOOK_URL", why)),
        other => other.map(|_| None),
    };
    let secret = reader.secret("EVENT_WEBHOOK_SECRET")?;
    match (url?, secret) {
        (Some(url), Some(secret)) => Ok(Some(EventWebhook { url, secret })),
        (Some(_), None) => {
            let problem = "is required with EVENT_WEBHOOK_URL and not set";
            Err(reader.missing("EVENT_WEBHOOK_SECRET", problem))
        }
        (None, Some(_)) => {
            let useless = "EVENT_WEBHOOK_SECRET does nothing without EVENT_WEBHOOK_URL";
            reader.warn(useless.to_owned());
            Ok(None)
        }
        (None, None) => Ok(None),
    }
}

pub(super) fn keyring(reader: &mut Reader) -> Read<Keyring> {
    let Some(text) = reader.secret("CONFIG_ENCRYPTION_KEY")? else {
        return Ok(Keyring::default());
    };
    Keyring::parse(text.expose_secret()).map_err(|why| reader.bad("CONFIG_ENCRYPTION_KEY", why))
}
