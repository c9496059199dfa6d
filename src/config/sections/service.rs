//! The service itself: its HTTP server, log, events and stored data.

use std::{net::SocketAddr, sync::Arc};

use secrecy::SecretString;
use url::Url;

use crate::config::{forms::choices::LogFormat, layers::values::Values, sealing::Keyring, table};

#[derive(Debug, Clone)]
pub struct ServiceConfig {
    pub sync_enabled: bool,
    pub http_listen: SocketAddr,
    pub api_token: Option<SecretString>,
    pub log: LogConfig,
    pub event_webhook: Option<EventWebhookConfig>,
    pub keyring: Arc<Keyring>,
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

#[derive(Debug, Clone)]
pub struct EventWebhookConfig {
    pub url: Url,
    pub secret: SecretString,
}

pub fn build(values: &Values, rust_log: Option<&String>) -> Option<ServiceConfig> {
    Some(ServiceConfig {
        sync_enabled: values.get(&table::SYNC_ENABLED)?,
        http_listen: values.get(&table::HTTP_LISTEN)?,
        api_token: values.get(&table::API_TOKEN),
        log: build_log(values, rust_log)?,
        event_webhook: values
            .get(&table::EVENT_WEBHOOK_URL)
            .zip(values.get(&table::EVENT_WEBHOOK_SECRET))
            .map(|(url, secret)| EventWebhookConfig { url, secret }),
        keyring: Arc::new(build_keyring(values)),
        pii_retention_days: values.get(&table::PII_RETENTION_DAYS)?,
    })
}

pub fn build_log(values: &Values, rust_log: Option<&String>) -> Option<LogConfig> {
    Some(LogConfig {
        format: values.get(&table::LOG_FORMAT)?,
        level: values.get(&table::LOG_LEVEL)?.into(),
        rust_log: rust_log.filter(|text| !text.trim().is_empty()).cloned(),
    })
}

pub fn build_keyring(values: &Values) -> Keyring {
    values
        .get(&table::CONFIG_ENCRYPTION_KEY)
        .unwrap_or_default()
}
