//! The warehouse: VeraCore's URL, interface and login.

use std::{num::NonZeroU32, time::Duration};

use chrono_tz::Tz;
use secrecy::SecretString;
use url::Url;

use super::oms;
use crate::config::{
    forms::choices::{ApiStyle, VeraCoreAuth},
    layers::values::Values,
    table,
};

#[derive(Debug, Clone)]
pub struct VeraCoreConfig {
    /// The base; the API's paths are appended to its own.
    pub api_url: Url,
    pub api_style: ApiStyle,
    pub auth: VeraCoreAuth,
    pub client_id: String,
    pub client_secret: SecretString,
    /// Always set for [`ApiStyle::Rest`].
    pub company_id: Option<String>,
    /// If `None`, the webhook endpoints answer 404.
    pub webhook_secret: Option<SecretString>,
    /// For one whole call.
    pub timeout: Duration,
    pub rate_limit_per_second: NonZeroU32,
    pub max_concurrency: usize,
    /// The zone of VeraCore's dates without a zone.
    pub timezone: Tz,
    /// For [`ApiStyle::Oms`].
    pub oms: oms::OmsConfig,
}

pub fn build(values: &Values) -> Option<VeraCoreConfig> {
    Some(VeraCoreConfig {
        api_url: values.get(&table::VERACORE_API_URL)?,
        api_style: values.get(&table::VERACORE_API_STYLE)?,
        auth: values.get(&table::VERACORE_AUTH)?,
        client_id: values.get(&table::VERACORE_CLIENT_ID)?,
        client_secret: values.get(&table::VERACORE_CLIENT_SECRET)?,
        company_id: values.get(&table::VERACORE_COMPANY_ID),
        webhook_secret: values.get(&table::VERACORE_WEBHOOK_SECRET),
        timeout: values.get(&table::VERACORE_TIMEOUT_SECONDS)?,
        rate_limit_per_second: values.get(&table::VERACORE_RATE_LIMIT_PER_SECOND)?,
        max_concurrency: values.get(&table::VERACORE_MAX_CONCURRENCY)?,
        timezone: values.get(&table::VERACORE_TIMEZONE)?,
        oms: oms::build(values)?,
    })
}
