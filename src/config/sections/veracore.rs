//! The warehouse: VeraCore's URL, interface and login.

use std::{num::NonZeroU32, time::Duration};

use chrono_tz::Tz;
use secrecy::SecretString;
use url::Url;

use crate::{
    config::{forms::choices::ApiStyle, layers::values::Values, table},
    domain::{CancelProtocol, RestAuth, StockSource, UnmappedFreight},
};

#[derive(Debug, Clone)]
pub struct VeraCoreConfig {
    pub api_url: Url,
    pub api_style: ApiStyle,
    pub auth: RestAuth,
    pub client_id: String,
    pub client_secret: SecretString,
    /// Always set for [`ApiStyle::Rest`].
    pub company_id: Option<String>,
    pub webhook_secret: Option<SecretString>,
    pub timeout: Duration,
    pub rate_limit_per_second: NonZeroU32,
    pub max_concurrency: usize,
    pub timezone: Tz,
    /// For [`ApiStyle::Oms`].
    pub oms: OmsConfig,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OmsConfig {
    pub namespace: Option<String>,
    pub unmapped_shipping: UnmappedFreight,
    pub max_order_id_length: usize,
    pub inventory: StockSource,
    pub not_found_text: Option<String>,
    pub cancel_style: CancelProtocol,
    pub cancel_namespace: String,
    pub cancel_action: Option<String>,
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
        oms: build_oms(values)?,
    })
}

fn build_oms(values: &Values) -> Option<OmsConfig> {
    Some(OmsConfig {
        namespace: values.get(&table::VERACORE_OMS_NAMESPACE),
        unmapped_shipping: values.get(&table::VERACORE_OMS_UNMAPPED_SHIPPING)?,
        max_order_id_length: values.get(&table::VERACORE_OMS_ORDER_ID_LENGTH)?,
        inventory: values.get(&table::VERACORE_OMS_INVENTORY)?,
        not_found_text: values.get(&table::VERACORE_OMS_NOT_FOUND_TEXT),
        cancel_style: values.get(&table::VERACORE_OMS_CANCEL_STYLE)?,
        cancel_namespace: values.get(&table::VERACORE_OMS_CANCEL_NAMESPACE)?,
        cancel_action: values.get(&table::VERACORE_OMS_CANCEL_ACTION),
    })
}
