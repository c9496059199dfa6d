//! The sections of the configuration: settings that belong together, by type. The table says what
//! each is for.

use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroU32, time::Duration};

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;
use globset::GlobSet;
use secrecy::SecretString;
use url::Url;

use super::{
    forms::{
        choices::ApiStyle,
        names::glob_set,
        times::{BusinessHours, sort_weekdays},
    },
    layers::values::Values,
    setting::Row,
    table,
};
use crate::domain::{
    CancelProtocol, ExistingOrdersPolicy, LineFormat, OrderState, PriceBasis, RestAuth,
    SafetyStock, ShipVia, ShippingMethodCode, Sku, StockSource, UnmappedFreight,
    VendureCredentials,
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
    pub unmapped_freight: UnmappedFreight,
    pub max_order_id_length: usize,
    pub stock_source: StockSource,
    pub not_found_text: Option<String>,
    pub cancel_protocol: CancelProtocol,
    pub cancel_namespace: String,
    pub cancel_action: Option<String>,
}

pub fn build_veracore(values: &Values) -> Option<VeraCoreConfig> {
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
        oms: OmsConfig {
            namespace: values.get(&table::VERACORE_OMS_NAMESPACE),
            unmapped_freight: values.get(&table::VERACORE_OMS_UNMAPPED_SHIPPING)?,
            max_order_id_length: values.get(&table::VERACORE_OMS_ORDER_ID_LENGTH)?,
            stock_source: values.get(&table::VERACORE_OMS_INVENTORY)?,
            not_found_text: values.get(&table::VERACORE_OMS_NOT_FOUND_TEXT),
            cancel_protocol: values.get(&table::VERACORE_OMS_CANCEL_STYLE)?,
            cancel_namespace: values.get(&table::VERACORE_OMS_CANCEL_NAMESPACE)?,
            cancel_action: values.get(&table::VERACORE_OMS_CANCEL_ACTION),
        },
    })
}

#[derive(Debug, Clone)]
pub struct VendureConfig {
    pub api_url: Url,
    pub credentials: VendureCredentials,
    pub channel_token: Option<String>,
    pub stock_location: Option<String>,
    pub timeout: Duration,
    pub max_concurrency: usize,
}

pub fn build_vendure(values: &Values) -> Option<VendureConfig> {
    let credentials = match values.get(&table::VENDURE_API_KEY) {
        Some(key) => VendureCredentials::ApiKey(key),
        None => VendureCredentials::Password {
            username: values.get(&table::VENDURE_USERNAME)?,
            password: values.get(&table::VENDURE_PASSWORD)?,
        },
    };
    Some(VendureConfig {
        api_url: values.get(&table::VENDURE_API_URL)?,
        credentials,
        channel_token: values.get(&table::VENDURE_CHANNEL_TOKEN),
        stock_location: values.get(&table::VENDURE_STOCK_LOCATION),
        timeout: values.get(&table::VENDURE_TIMEOUT_SECONDS)?,
        max_concurrency: values.get(&table::VENDURE_MAX_CONCURRENCY)?,
    })
}

#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Begins with `postgres://` or `postgresql://`. Contains the password.
    pub url: SecretString,
    pub max_connections: u32,
}

pub const DATABASE_ROWS: [&dyn Row; 2] = [&table::DATABASE_URL, &table::DATABASE_MAX_CONNECTIONS];

pub fn build_database(values: &Values) -> Option<DatabaseConfig> {
    Some(DatabaseConfig {
        url: values.get(&table::DATABASE_URL)?,
        max_connections: values.get(&table::DATABASE_MAX_CONNECTIONS)?,
    })
}

#[derive(Debug, Clone)]
pub struct OrdersConfig {
    /// At least one.
    pub trigger_states: Vec<OrderState>,
    pub existing_orders: ExistingOrdersPolicy,
    pub unit_price: PriceBasis,
    /// `None`: orders of all shipping methods are sent.
    pub shipping_methods: Option<Vec<ShippingMethodCode>>,
    pub skip_skus: GlobSet,
    pub send_delay: Duration,
    pub poll_interval: Duration,
    pub sweep_interval: Duration,
    pub max_attempts: u32,
    pub retry_initial: Duration,
    /// The longest delay, at least `retry_initial`.
    pub retry_max: Duration,
    pub vendure_order_notes: bool,
    pub cancel_in_vendure: bool,
}

pub fn build_orders(values: &Values) -> Option<OrdersConfig> {
    Some(OrdersConfig {
        trigger_states: values.get(&table::ORDER_SYNC_TRIGGER_STATES)?,
        existing_orders: values.get(&table::ORDER_SYNC_EXISTING)?,
        unit_price: values.get(&table::ORDER_UNIT_PRICE)?,
        shipping_methods: values.get(&table::ORDER_SHIPPING_METHODS),
        skip_skus: glob_set(values.get(&table::ORDER_SKIP_SKUS).unwrap_or_default()).ok()?,
        send_delay: values.get(&table::ORDER_HOLD_MINUTES)?,
        poll_interval: values.get(&table::ORDER_POLL_INTERVAL_SECONDS)?,
        sweep_interval: values.get(&table::ORDER_SWEEP_INTERVAL_SECONDS)?,
        max_attempts: values.get(&table::ORDER_SYNC_MAX_ATTEMPTS)?,
        retry_initial: values.get(&table::RETRY_INITIAL_SECONDS)?,
        retry_max: values.get(&table::RETRY_MAX_SECONDS)?,
        vendure_order_notes: values.get(&table::VENDURE_ORDER_NOTES)?,
        cancel_in_vendure: values.get(&table::CANCEL_IN_VENDURE)?,
    })
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleConfig {
    /// The zone of every time of day here.
    pub timezone: Tz,
    pub inventory_time: NaiveTime,
    /// A divisor of 1440. 1440: once a day at `inventory_time`.
    pub inventory_interval_minutes: u32,
    /// From the opening time, in minutes.
    pub tracking_interval_minutes: u32,
    pub business_hours: BusinessHours,
    /// At least one, in the order of the week, Monday first.
    pub business_days: Vec<Weekday>,
}

pub const SCHEDULE_ROWS: [&dyn Row; 6] = [
    &table::SYNC_TIMEZONE,
    &table::SYNC_INVENTORY_TIME,
    &table::SYNC_INVENTORY_INTERVAL_MINUTES,
    &table::SYNC_TRACKING_INTERVAL_MINUTES,
    &table::BUSINESS_HOURS,
    &table::BUSINESS_DAYS,
];

pub fn build_schedule(values: &Values) -> Option<ScheduleConfig> {
    Some(ScheduleConfig {
        timezone: values.get(&table::SYNC_TIMEZONE)?,
        inventory_time: values.get(&table::SYNC_INVENTORY_TIME)?,
        inventory_interval_minutes: values.get(&table::SYNC_INVENTORY_INTERVAL_MINUTES)?,
        tracking_interval_minutes: values.get(&table::SYNC_TRACKING_INTERVAL_MINUTES)?,
        business_hours: values.get(&table::BUSINESS_HOURS)?,
        business_days: sort_weekdays(values.get(&table::BUSINESS_DAYS)?),
    })
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryConfig {
    pub max_drop_percent: u32,
    pub safety_stock: SafetyStock,
    pub batch_size: usize,
}

pub fn build_inventory(values: &Values) -> Option<InventoryConfig> {
    Some(InventoryConfig {
        max_drop_percent: values.get(&table::INVENTORY_MAX_DROP_PERCENT)?,
        batch_size: values.get(&table::INVENTORY_BATCH_SIZE)?,
        safety_stock: SafetyStock {
            default: values.get(&table::INVENTORY_SAFETY_STOCK)?,
            per_sku: values.get(&table::SAFETY_STOCK).unwrap_or_default(),
        },
    })
}

/// Names that are not in a map are passed on unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMaps {
    pub shipping_methods: BTreeMap<ShippingMethodCode, String>,
    pub freight: BTreeMap<String, ShipVia>,
    /// Vendure's SKU to VeraCore's. Several SKUs of the shop may have the same one.
    pub skus: BTreeMap<Sku, Sku>,
    pub warehouses: BTreeMap<String, String>,
}

pub fn build_maps(values: &Values) -> NameMaps {
    NameMaps {
        shipping_methods: values.get(&table::SHIPPING_METHODS).unwrap_or_default(),
        freight: values.get(&table::FREIGHT).unwrap_or_default(),
        skus: values.get(&table::SKUS).unwrap_or_default(),
        warehouses: values.get(&table::WAREHOUSES).unwrap_or_default(),
    }
}

#[derive(Debug, Clone)]
pub struct ServiceConfig {
    pub sync_enabled: bool,
    pub http_listen: SocketAddr,
    pub api_token: Option<SecretString>,
    pub log: LogConfig,
    pub event_webhook: Option<EventWebhookConfig>,
    pub pii_retention_days: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    pub format: LineFormat,
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

pub fn build_service(values: &Values, rust_log: Option<&String>) -> Option<ServiceConfig> {
    Some(ServiceConfig {
        sync_enabled: values.get(&table::SYNC_ENABLED)?,
        http_listen: values.get(&table::HTTP_LISTEN)?,
        api_token: values.get(&table::API_TOKEN),
        log: build_log(values, rust_log)?,
        event_webhook: values
            .get(&table::EVENT_WEBHOOK_URL)
            .zip(values.get(&table::EVENT_WEBHOOK_SECRET))
            .map(|(url, secret)| EventWebhookConfig { url, secret }),
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
