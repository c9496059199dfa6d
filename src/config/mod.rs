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

pub use database::Database;
pub use inventory::Inventory;
pub use keys::{Form, Key, find as find_key};
pub use list::KEYS;
pub use manual::settings_table;
pub use maps::Maps;
pub use oms::{Oms, OmsCancelStyle, OmsInventory, UnmappedShipping};
pub use orders::{Existing, Orders, UnitPrice};
pub use problem::{ConfigError, Problem};
pub use schedule::{BusinessHours, Schedule};
pub use seal::{Keyring, SealError};
pub use server::{EventWebhook, Log, LogFormat, Server};
pub use setting::{MASK, Origin, Place, Setting};
pub use sources::Sources;
pub use vendure::{Login, Vendure};
pub use veracore::{ApiStyle, Auth, VeraCore};

use problem::Read;
use reader::Reader;

/// Every setting, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub veracore: VeraCore,
    pub vendure: Vendure,
    pub database: Database,
    pub orders: Orders,
    pub schedule: Schedule,
    pub inventory: Inventory,
    pub maps: Maps,
    pub server: Server,
    /// What is allowed but probably not meant, such as a misspelled variable. For the log.
    pub warnings: Vec<String>,
    settings: Vec<Setting>,
}

impl Config {
    /// Each setting as it is in force and where it is from, secrets masked, in the order of the
    /// documentation.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }
}

/// Reads and checks everything.
///
/// # Errors
/// When anything is wrong or missing: all of it.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut reader = Reader::new(sources::layer(sources));
    let veracore = veracore::read(&mut reader);
    let vendure = vendure::read(&mut reader);
    let database = database::read(&mut reader);
    let orders = orders::read(&mut reader);
    let schedule = schedule::read(&mut reader);
    let inventory = inventory::read(&mut reader);
    let maps = maps::read(&mut reader);
    let server = server::read(&mut reader, sources.env.get("RUST_LOG"));
    let settings = KEYS.iter().map(|key| Setting::of(&reader, key)).collect();
    let config = || -> Read<Config> {
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
    let (config, warnings) = reader.into_findings().conclude(config())?;
    Ok(Config { warnings, ..config })
}

/// Every setting, also where something is wrong, and all that is wrong.
#[must_use]
pub fn settings(sources: &Sources) -> (Vec<Setting>, Vec<Problem>) {
    let problems = load(sources).err().map_or_else(Vec::new, |e| e.problems);
    let reader = Reader::new(sources::layer(sources));
    let settings = KEYS.iter().map(|key| Setting::of(&reader, key)).collect();
    (settings, problems)
}

/// Reads only how to log. Whatever is wrong is left to [`load`]: then the defaults are used.
#[must_use]
pub fn log_only(sources: &Sources) -> Option<Log> {
    let mut reader = Reader::new(sources::layer(sources));
    server::log(&mut reader, sources.env.get("RUST_LOG")).ok()
}

/// Reads only where HTTP is served, from the file and the environment. What is wrong with other
/// settings is left to [`load`], but for a file that cannot be read.
///
/// # Errors
/// When the setting is wrong.
pub fn listen_only(sources: &Sources) -> Result<SocketAddr, ConfigError> {
    let mut layered = sources::layer(sources);
    layered.findings.keep_only(&["HTTP_LISTEN"]);
    let mut reader = Reader::new(layered);
    let listen = server::listen(&mut reader);
    reader
        .into_findings()
        .conclude(listen)
        .map(|(listen, _)| listen)
}

/// Reads only where the database is, for `migrate` and for the first step of the loading. What is
/// wrong with other settings is left to [`load`], but for a file that cannot be read.
///
/// # Errors
/// When the database's settings are wrong or missing.
pub fn database_only(sources: &Sources) -> Result<Database, ConfigError> {
    let mut layered = sources::layer(sources);
    layered.findings.keep_only(&database::NAMES);
    let mut reader = Reader::new(layered);
    let database = database::read(&mut reader);
    reader
        .into_findings()
        .conclude(database)
        .map(|(database, _)| database)
}

/// Reads only when the jobs run. What is wrong with other settings is left to [`load`], but for a
/// file that cannot be read.
///
/// # Errors
/// When the schedule's settings are wrong.
pub fn schedule_only(sources: &Sources) -> Result<Schedule, ConfigError> {
    let mut layered = sources::layer(sources);
    layered.findings.keep_only(&schedule::NAMES);
    let mut reader = Reader::new(layered);
    let schedule = schedule::read(&mut reader);
    reader
        .into_findings()
        .conclude(schedule)
        .map(|(schedule, _)| schedule)
}

/// Reads only the keys that seal secrets in the database.
///
/// # Errors
/// When a key is wrong.
pub fn keyring(sources: &Sources) -> Result<Keyring, ConfigError> {
    let mut layered = sources::layer(sources);
    layered.findings.keep_only(&["CONFIG_ENCRYPTION_KEY"]);
    let mut reader = Reader::new(layered);
    let keyring = server::keyring(&mut reader);
    reader
        .into_findings()
        .conclude(keyring)
        .map(|(keys, _)| keys)
}
