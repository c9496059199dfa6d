//! The service itself: its HTTP server, log, events and stored data.

use std::{net::SocketAddr, sync::Arc};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::config::{
    check::{Checked, Rule},
    forms::choices::LogFormat,
    layers::values::Values,
    sealing::Keyring,
    setting::Flaw,
    spec::SettingSpec,
    table::{
        API_TOKEN, CONFIG_ENCRYPTION_KEY, EVENT_WEBHOOK_SECRET, EVENT_WEBHOOK_URL, HTTP_LISTEN,
        LOG_FORMAT, LOG_LEVEL, PII_RETENTION_DAYS, SYNC_ENABLED,
    },
};

#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// `false`: HTTP is served, but nothing is sent or written.
    pub sync_enabled: bool,
    pub http_listen: SocketAddr,
    /// `None`: only Vendure credentials work.
    pub api_token: Option<SecretString>,
    pub log: LogConfig,
    pub event_webhook: Option<EventWebhookConfig>,
    /// Without a key, no secret is stored in the database.
    pub keyring: Arc<Keyring>,
    /// After this time, names and e-mail addresses in stored messages are cleared.
    pub pii_retention_days: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
    /// The variable `RUST_LOG`, unchecked. It overrides `level`.
    pub rust_log: Option<String>,
}

/// The receiver of events, and the secret that signs them.
#[derive(Debug, Clone)]
pub struct EventWebhookConfig {
    pub url: Url,
    pub secret: SecretString,
}

pub const RULES: [Rule; 3] = [
    warn_of_short_token,
    find_missing_secret,
    warn_of_unused_secret,
];

pub fn build(values: &Values, rust_log: Option<&String>) -> Option<ServiceConfig> {
    Some(ServiceConfig {
        sync_enabled: values.get(&SYNC_ENABLED)?,
        http_listen: values.get(&HTTP_LISTEN)?,
        api_token: values.get(&API_TOKEN),
        log: build_log(values, rust_log)?,
        event_webhook: values
            .get(&EVENT_WEBHOOK_URL)
            .zip(values.get(&EVENT_WEBHOOK_SECRET))
            .map(|(url, secret)| EventWebhookConfig { url, secret }),
        keyring: Arc::new(build_keyring(values)),
        pii_retention_days: values.get(&PII_RETENTION_DAYS)?,
    })
}

pub fn build_log(values: &Values, rust_log: Option<&String>) -> Option<LogConfig> {
    Some(LogConfig {
        format: values.get(&LOG_FORMAT)?,
        level: values.get(&LOG_LEVEL)?.into(),
        rust_log: rust_log.filter(|text| !text.trim().is_empty()).cloned(),
    })
}

pub fn build_keyring(values: &Values) -> Keyring {
    values.get(&CONFIG_ENCRYPTION_KEY).unwrap_or_default()
}

/// A shorter token can be guessed.
const MIN_TOKEN_CHARS: usize = 16;

fn warn_of_short_token(checked: &Checked<'_>) -> Option<(&'static SettingSpec, Flaw)> {
    let token = checked.get(&API_TOKEN)?;
    let is_short = token.expose_secret().chars().count() < MIN_TOKEN_CHARS;
    is_short.then(|| {
        let warning = format!(
            "API_TOKEN has fewer than {MIN_TOKEN_CHARS} characters and can be guessed; `openssl rand -hex 32` makes a good one"
        );
        (&API_TOKEN.spec, Flaw::Suspicious(warning))
    })
}

fn find_missing_secret(checked: &Checked<'_>) -> Option<(&'static SettingSpec, Flaw)> {
    checked.get(&EVENT_WEBHOOK_URL)?;
    let secret = checked.get_or_unset(&EVENT_WEBHOOK_SECRET)?;
    secret.is_none().then(|| {
        let why = "is required with EVENT_WEBHOOK_URL and not set";
        (&EVENT_WEBHOOK_SECRET.spec, Flaw::Missing(why.into()))
    })
}

fn warn_of_unused_secret(checked: &Checked<'_>) -> Option<(&'static SettingSpec, Flaw)> {
    let url = checked.get_or_unset(&EVENT_WEBHOOK_URL)?;
    checked.get(&EVENT_WEBHOOK_SECRET)?;
    url.is_none().then(|| {
        let warning = "EVENT_WEBHOOK_SECRET has no effect without EVENT_WEBHOOK_URL";
        (&EVENT_WEBHOOK_SECRET.spec, Flaw::Suspicious(warning.into()))
    })
}
