//! The configuration: from defaults, a file, the database and the environment to typed values.
//!
//! Owns every setting's name, default, form and origin, and reports everything that is wrong at
//! once. Must not start, call or log anything: `app` turns a [`Config`] into live objects.
//!
//! The database's layer needs a database, so loading takes two steps: [`database_only`] (and
//! [`keyring`], to open what it holds), then [`load`] with [`Sources::database`] filled
//! in.

mod database;
mod environment;
mod file;
mod inventory;
mod keys;
mod list;
mod manual;
mod maps;
mod nearest;
mod oms;
mod orders;
mod plain;
mod problem;
mod reader;
mod schedule;
mod seal;
mod server;
mod setting;
mod sources;
#[cfg(test)]
mod tests;
mod urls;
mod vendure;
mod veracore;

use std::net::SocketAddr;

pub use database::DatabaseConfig;
pub use inventory::InventoryConfig;
pub use keys::{SettingKind, SettingSpec, find_setting};
pub use list::SETTINGS;
pub use manual::settings_markdown;
pub use maps::NameMaps;
pub use oms::{OmsCancelStyle, OmsConfig, OmsInventory, UnmappedShipping};
pub use orders::{ExistingOrders, OrdersConfig, UnitPriceBasis};
pub use problem::{ConfigError, ConfigProblem};
pub use schedule::{BusinessHours, ScheduleConfig};
pub use seal::{Keyring, SealError};
pub use server::{EventWebhookConfig, LogConfig, LogFormat, ServiceConfig};
pub use setting::{ConfigLayer, EffectiveSetting, MASK, Provenance};
pub use sources::Sources;
pub use vendure::{VendureConfig, VendureLogin};
pub use veracore::{ApiStyle, VeraCoreAuth, VeraCoreConfig};

use problem::ReadResult;
use reader::SettingReader;

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
    /// What is allowed but probably not meant, such as a misspelled variable. For the log.
    pub warnings: Vec<String>,
    settings: Vec<EffectiveSetting>,
}

impl Config {
    /// Each setting as it is in force and where it is from, secrets masked, in the order of the
    /// documentation.
    #[must_use]
    pub fn settings(&self) -> &[EffectiveSetting] {
        &self.settings
    }
}

/// Reads and checks everything.
///
/// # Errors
/// When anything is wrong or missing: all of it.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut reader = SettingReader::new(sources::merge_layers(sources));
    let veracore = veracore::read(&mut reader);
    let vendure = vendure::read(&mut reader);
    let database = database::read(&mut reader);
    let orders = orders::read(&mut reader);
    let schedule = schedule::read(&mut reader);
    let inventory = inventory::read(&mut reader);
    let maps = maps::read(&mut reader);
    let server = server::read(&mut reader, sources.env.get("RUST_LOG"));
    let settings = SETTINGS
        .iter()
        .map(|key| EffectiveSetting::from_reader(&reader, key))
        .collect();
    let config = || -> ReadResult<Config> {
        Ok(Config {
            veracore: veracore?,
            vendure: vendure?,
            database: database?,
            orders: orders?,
            schedule: schedule?,
            inventory: inventory?,
            maps: maps?,
            server: server?,
            warnings: Vec::new(),
            settings,
        })
    };
    let (config, warnings) = reader.into_diagnostics().into_result(config())?;
    Ok(Config { warnings, ..config })
}

/// Every setting, also where something is wrong, and all that is wrong.
#[must_use]
pub fn inspect_settings(sources: &Sources) -> (Vec<EffectiveSetting>, Vec<ConfigProblem>) {
    let problems = load(sources).err().map_or_else(Vec::new, |e| e.problems);
    let reader = SettingReader::new(sources::merge_layers(sources));
    let settings = SETTINGS
        .iter()
        .map(|key| EffectiveSetting::from_reader(&reader, key))
        .collect();
    (settings, problems)
}

/// Reads only how to log. Whatever is wrong is left to [`load`]: then the defaults are used.
#[must_use]
pub fn load_log(sources: &Sources) -> Option<LogConfig> {
    let mut reader = SettingReader::new(sources::merge_layers(sources));
    server::read_log(&mut reader, sources.env.get("RUST_LOG")).ok()
}

/// Reads only where HTTP is served, from the file and the environment. What is wrong with other
/// settings is left to [`load`], but for a file that cannot be read.
///
/// # Errors
/// When the setting is wrong.
pub fn load_listen_address(sources: &Sources) -> Result<SocketAddr, ConfigError> {
    let mut layered = sources::merge_layers(sources);
    layered.diagnostics.retain_settings(&["HTTP_LISTEN"]);
    let mut reader = SettingReader::new(layered);
    let listen = server::read_listen_address(&mut reader);
    reader
        .into_diagnostics()
        .into_result(listen)
        .map(|(listen, _)| listen)
}

/// Reads only where the database is, for `migrate` and for the first step of the loading. What is
/// wrong with other settings is left to [`load`], but for a file that cannot be read.
///
/// # Errors
/// When the database's settings are wrong or missing.
pub fn load_database(sources: &Sources) -> Result<DatabaseConfig, ConfigError> {
    let mut layered = sources::merge_layers(sources);
    layered
        .diagnostics
        .retain_settings(&database::DATABASE_SETTINGS);
    let mut reader = SettingReader::new(layered);
    let database = database::read(&mut reader);
    reader
        .into_diagnostics()
        .into_result(database)
        .map(|(database, _)| database)
}

/// Reads only when the jobs run. What is wrong with other settings is left to [`load`], but for a
/// file that cannot be read.
///
/// # Errors
/// When the schedule's settings are wrong.
pub fn load_schedule(sources: &Sources) -> Result<ScheduleConfig, ConfigError> {
    let mut layered = sources::merge_layers(sources);
    layered
        .diagnostics
        .retain_settings(&schedule::SCHEDULE_SETTINGS);
    let mut reader = SettingReader::new(layered);
    let schedule = schedule::read(&mut reader);
    reader
        .into_diagnostics()
        .into_result(schedule)
        .map(|(schedule, _)| schedule)
}

/// Reads only the keys that seal secrets in the database.
///
/// # Errors
/// When a key is wrong.
pub fn load_keyring(sources: &Sources) -> Result<Keyring, ConfigError> {
    let mut layered = sources::merge_layers(sources);
    layered
        .diagnostics
        .retain_settings(&["CONFIG_ENCRYPTION_KEY"]);
    let mut reader = SettingReader::new(layered);
    let keyring = server::read_keyring(&mut reader);
    reader
        .into_diagnostics()
        .into_result(keyring)
        .map(|(keys, _)| keys)
}
