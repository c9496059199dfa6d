//! The warehouse: VeraCore's URL, interface and login.

use std::{num::NonZeroU32, time::Duration};

use chrono_tz::Tz;
use secrecy::SecretString;
use url::Url;

use super::oms;
use crate::config::{
    check::{Checked, Rule},
    forms::choices::{ApiStyle, VeraCoreAuth},
    layers::values::Values,
    setting::Flaw,
    spec::SettingSpec,
    table::{
        VERACORE_API_STYLE, VERACORE_API_URL, VERACORE_AUTH, VERACORE_CLIENT_ID,
        VERACORE_CLIENT_SECRET, VERACORE_COMPANY_ID, VERACORE_MAX_CONCURRENCY,
        VERACORE_RATE_LIMIT_PER_SECOND, VERACORE_TIMEOUT_SECONDS, VERACORE_TIMEZONE,
        VERACORE_WEBHOOK_SECRET,
    },
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

pub const RULES: [Rule; 1] = [find_missing_company];

pub fn build(values: &Values) -> Option<VeraCoreConfig> {
    Some(VeraCoreConfig {
        api_url: values.get(&VERACORE_API_URL)?,
        api_style: values.get(&VERACORE_API_STYLE)?,
        auth: values.get(&VERACORE_AUTH)?,
        client_id: values.get(&VERACORE_CLIENT_ID)?,
        client_secret: values.get(&VERACORE_CLIENT_SECRET)?,
        company_id: values.get(&VERACORE_COMPANY_ID),
        webhook_secret: values.get(&VERACORE_WEBHOOK_SECRET),
        timeout: values.get(&VERACORE_TIMEOUT_SECONDS)?,
        rate_limit_per_second: values.get(&VERACORE_RATE_LIMIT_PER_SECOND)?,
        max_concurrency: values.get(&VERACORE_MAX_CONCURRENCY)?,
        timezone: values.get(&VERACORE_TIMEZONE)?,
        oms: oms::build(values)?,
    })
}

fn find_missing_company(checked: &Checked<'_>) -> Option<(&'static SettingSpec, Flaw)> {
    let style = checked.get(&VERACORE_API_STYLE)?;
    let company = checked.get_or_unset(&VERACORE_COMPANY_ID)?;
    let is_missing = style == ApiStyle::Rest && company.is_none();
    is_missing.then(|| {
        let why = "is required for VERACORE_API_STYLE=rest and not set";
        (&VERACORE_COMPANY_ID.spec, Flaw::Missing(why.into()))
    })
}
