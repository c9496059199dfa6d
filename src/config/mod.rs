//! The configuration: from defaults, a file, the database and the environment to typed values.
//!
//! Owns every setting's name, type, range, default and origin, and reports every problem at once.
//! Must not start, call or log anything: `app` turns a [`Config`] into live objects.
//!
//! The stored settings need a database, so loading takes two steps: [`load_database`] (and
//! [`load_keyring`], to decrypt them), then [`load`] with [`Sources::stored`] filled in.

mod check;
mod closest;
mod diagnostics;
mod effective;
mod forms;
mod layers;
mod provenance;
mod reference;
mod sealing;
mod sections;
mod setting;
mod spec;
mod table;
#[cfg(test)]
mod tests;
mod value_text;

use std::net::SocketAddr;

use check::{check_rows, check_rules};
use diagnostics::Diagnostics;
use effective::effective_settings;
use layers::{merge, values::Values};
use sections::{
    DATABASE_ROWS, SCHEDULE_ROWS, build_database, build_inventory, build_log, build_maps,
    build_orders, build_schedule, build_service, build_vendure, build_veracore,
};
use setting::Row;
use table::{CONFIG_ENCRYPTION_KEY, HTTP_LISTEN, ROWS};

pub use diagnostics::{ConfigError, ConfigProblem};
pub use effective::EffectiveSetting;
pub use forms::{choices::ApiStyle, times::BusinessHours};
pub use layers::Sources;
pub use provenance::{ConfigLayer, Provenance};
pub use reference::settings_markdown;
pub use sealing::{Keyring, SealError};
pub use sections::{
    DatabaseConfig, EventWebhookConfig, InventoryConfig, LogConfig, NameMaps, OmsConfig,
    OrdersConfig, ScheduleConfig, ServiceConfig, VendureConfig, VeraCoreConfig,
};
pub use spec::{MASK, SettingSpec};
pub use table::{SETTINGS, find_setting};

/// Every setting, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub veracore: VeraCoreConfig,
    pub vendure: VendureConfig,
    pub database: DatabaseConfig,
    pub orders: OrdersConfig,
    pub schedule: ScheduleConfig,
    pub inventory: InventoryConfig,
    pub maps: NameMaps,
    pub server: ServiceConfig,
    /// Likely mistakes, such as a misspelled variable, for the log.
    pub warnings: Vec<String>,
    /// Each setting with its origin, secrets masked, in the order of the documentation.
    pub settings: Vec<EffectiveSetting>,
}

/// Reads and checks everything.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let (values, diagnostics) = read_all(sources);
    let warnings = diagnostics.warnings.clone();
    diagnostics.into_result(|| {
        Some(Config {
            veracore: build_veracore(&values)?,
            vendure: build_vendure(&values)?,
            database: build_database(&values)?,
            orders: build_orders(&values)?,
            schedule: build_schedule(&values)?,
            inventory: build_inventory(&values)?,
            maps: build_maps(&values),
            server: build_service(&values, sources.env.get("RUST_LOG"))?,
            warnings,
            settings: effective_settings(&values),
        })
    })
}

/// Every setting, even if some are invalid, and every problem.
pub fn inspect_settings(sources: &Sources) -> (Vec<EffectiveSetting>, Vec<ConfigProblem>) {
    let (values, diagnostics) = read_all(sources);
    let error = diagnostics.into_result(|| Some(())).err();
    let problems = error.map_or_else(Vec::new, |error| error.problems);
    (effective_settings(&values), problems)
}

fn read_all(sources: &Sources) -> (Values, Diagnostics) {
    let (values, mut diagnostics) = merge(sources);
    check_rows(ROWS, &values, &mut diagnostics);
    check_rules(&values, &mut diagnostics);
    (values, diagnostics)
}

/// Reads only the log's settings; `None` if one of them is invalid, which [`load`] reports.
pub fn load_log(sources: &Sources) -> Option<LogConfig> {
    build_log(&merge(sources).0, sources.env.get("RUST_LOG"))
}

/// Reads only the address of the HTTP server.
pub fn load_listen_address(sources: &Sources) -> Result<SocketAddr, ConfigError> {
    load_part(sources, &[&HTTP_LISTEN], |values| values.get(&HTTP_LISTEN))
}

/// Reads only the settings of the database, for `migrate` and as the first step of loading.
pub fn load_database(sources: &Sources) -> Result<DatabaseConfig, ConfigError> {
    load_part(sources, &DATABASE_ROWS, build_database)
}

/// Reads only the schedules.
pub fn load_schedule(sources: &Sources) -> Result<ScheduleConfig, ConfigError> {
    load_part(sources, &SCHEDULE_ROWS, build_schedule)
}

/// Reads only the keys that encrypt stored secrets.
pub fn load_keyring(sources: &Sources) -> Result<Keyring, ConfigError> {
    load_part(sources, &[&CONFIG_ENCRYPTION_KEY], |values| {
        values
            .get(&CONFIG_ENCRYPTION_KEY)
            .or_else(|| Some(Keyring::default()))
    })
}

/// Reads only these settings. Problems of others are left to [`load`], except for a file that
/// cannot be read.
fn load_part<T>(
    sources: &Sources,
    rows: &[&'static dyn Row],
    build: fn(&Values) -> Option<T>,
) -> Result<T, ConfigError> {
    let (values, mut diagnostics) = merge(sources);
    diagnostics.retain(rows);
    check_rows(rows, &values, &mut diagnostics);
    diagnostics.into_result(|| build(&values))
}
