//! The settings stored in the database: read, decrypted, checked and changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};

use super::{assembly::App, clients::connect_ledger, sync_settings::calendar};
use crate::{
    clock::SystemClock,
    config::{
        self, Config, ConfigError, ConfigProblem, EffectiveSetting, Keyring, SealError,
        SettingSpec, Sources,
    },
    ledger::{Ledger, LedgerError, StoredSettings, StoredValue},
    lifecycle::TaskGroup,
    sync::jobs::calendar::Calendar,
};

/// A setting and its new value; `None` removes the stored one.
pub type SettingChange = (String, Option<SecretString>);

/// The reason why stored settings were not changed. Never repeats a value, which may be secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingChangeError {
    #[error("{0}: there is no such setting; `veracore-sync config show` lists them")]
    Unknown(String),
    #[error(
        "{0} cannot be stored in the database: set tables and what is needed to read the database in the environment or the file"
    )]
    NotStorable(&'static str),
    #[error(
        "{key} is set by the environment variable {variable}, which overrides a stored value; change it there"
    )]
    Fixed { key: &'static str, variable: String },
    #[error("{0}: the value is empty; `config unset` removes a stored value")]
    Empty(&'static str),
    #[error("{0} contains a line break or another control character")]
    ControlCharacter(&'static str),
    #[error("{0} appears twice")]
    Duplicate(&'static str),
    #[error("{key}: {error}")]
    Unsealable { key: &'static str, error: SealError },
    #[error("nothing was stored, because the configuration would be invalid: {}", list_problems(.0))]
    Invalid(Vec<ConfigProblem>),
    #[error("nothing was stored, because the configuration would be invalid: {0}")]
    Unworkable(String),
    #[error("the settings were changed by someone else at the same time; try again")]
    Conflict,
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

fn list_problems(problems: &[ConfigProblem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// For reading the stored settings.
const STORED_SETTINGS_TIMEOUT: Duration = Duration::from_secs(3);

/// Attempts at a change that conflicts with other changes.
const MAX_CONFLICT_RETRIES: usize = 5;

/// Loads the configuration with the stored settings, or without them if they cannot be read.
pub async fn load_config(
    sources: Sources,
) -> Result<(Config, Result<StoredSettings, LedgerError>), ConfigError> {
    let database = match config::load_database(&sources) {
        Ok(database) => database,
        // Every other problem is reported along with it.
        Err(error) => return Err(config::load(&sources).err().unwrap_or(error)),
    };
    match read_stored(&database).await {
        Ok(stored) => Ok((config_with_stored(&sources, &stored)?, Ok(stored))),
        Err(error) => Ok((config::load(&sources)?, Err(error))),
    }
}

/// As [`load_config`], for the daemon: waits for an unavailable database if it may hold the missing
/// settings. `on_wait` is called once.
pub async fn load_config_when_available(
    sources: Sources,
    on_wait: impl FnOnce(&LedgerError, &ConfigError),
) -> Result<(Config, Result<StoredSettings, LedgerError>), ConfigError> {
    let mut on_wait = Some(on_wait);
    loop {
        let incomplete = match load_config(sources.clone()).await {
            Err(error) if error.problems.iter().all(|problem| problem.is_missing) => error,
            other => return other,
        };
        let Ok(database) = config::load_database(&sources) else {
            return Err(incomplete);
        };
        let Err(unavailable) = read_stored(&database).await else {
            // It does not hold them, or it just became available.
            return load_config(sources).await;
        };
        if !unavailable.is_unavailable() {
            return Err(incomplete);
        }
        if let Some(on_wait) = on_wait.take() {
            on_wait(&unavailable, &incomplete);
        }
        tokio::time::sleep(STORED_SETTINGS_TIMEOUT).await;
    }
}

/// Reads the stored settings, with a timeout.
pub(super) async fn read_stored(
    database: &config::DatabaseConfig,
) -> Result<StoredSettings, LedgerError> {
    let ledger = connect_ledger(database, std::sync::Arc::new(SystemClock))?;
    let settings = tokio::time::timeout(STORED_SETTINGS_TIMEOUT, ledger.stored_settings());
    match settings.await.unwrap_or(Err(LedgerError::Unresponsive)) {
        // Nothing is stored before the first migration.
        Err(error) if error.is_missing_table() => Ok(StoredSettings::default()),
        other => other,
    }
}

/// The calendar, and the reason why the stored settings could not be read, if so.
pub async fn load_calendar(
    mut sources: Sources,
) -> Result<(Calendar, Option<String>), ConfigError> {
    let stored = match config::load_database(&sources) {
        Ok(database) => read_stored(&database)
            .await
            .map_err(|error| error.to_string()),
        Err(_) => Err("DATABASE_URL is missing or wrong".into()),
    };
    let problem = match stored {
        Ok(stored) => {
            sources.stored = stored.plain;
            None
        }
        Err(problem) => Some(problem),
    };
    Ok((calendar(&config::load_schedule(&sources)?), problem))
}

/// The configuration with these stored settings.
pub fn config_with_stored(
    sources: &Sources,
    stored: &StoredSettings,
) -> Result<Config, ConfigError> {
    match config::load_keyring(sources) {
        Ok(keys) => config::load(&with_stored(sources, &keys, stored)),
        Err(error) => Err(config::load(sources).err().unwrap_or(error)),
    }
}

/// The sources with these stored settings, decrypted.
fn with_stored(sources: &Sources, keys: &Keyring, stored: &StoredSettings) -> Sources {
    let mut sources = Sources {
        stored: stored.plain.clone(),
        unsealable: BTreeMap::new(),
        ..sources.clone()
    };
    for (name, sealed) in &stored.sealed {
        match keys.open(name, sealed) {
            Ok(secret) => {
                let secret = secret.expose_secret().to_owned();
                sources.stored.insert(name.clone(), secret);
            }
            Err(error) => {
                sources.unsealable.insert(name.clone(), error.to_string());
            }
        }
    }
    sources
}

/// Changes stored settings, all of them or none, if the configuration is valid with them.
pub async fn store_changes(
    sources: &Sources,
    ledger: &Ledger,
    changes: &[SettingChange],
) -> Result<(), SettingChangeError> {
    let keys = config::load_keyring(sources)?;
    let values = validate_changes(sources, &keys, changes)?;
    for _ in 0..MAX_CONFLICT_RETRIES {
        let read = ledger.stored_settings().await?;
        let next = read.with_changes(&values);
        let before = config_problems(sources, &keys, &read);
        let new: Vec<ConfigProblem> = config_problems(sources, &keys, &next)
            .into_iter()
            .filter(|problem| !before.contains(problem))
            .collect();
        if !new.is_empty() {
            return Err(SettingChangeError::Invalid(new));
        }
        // Some problems show only when the objects are built, which calls nothing.
        if let Ok(config) = config_with_stored(sources, &next) {
            App::build(config, ledger.clone(), TaskGroup::new())
                .map_err(|error| SettingChangeError::Unworkable(format!("{error:#}")))?;
        }
        if ledger.store_settings(&read, &next).await? {
            return Ok(());
        }
    }
    Err(SettingChangeError::Conflict)
}

/// The names of the settings whose stored values differ.
pub fn changed_names(a: &StoredSettings, b: &StoredSettings) -> Vec<String> {
    let names: BTreeSet<&String> = [a, b]
        .into_iter()
        .flat_map(|stored| stored.plain.keys().chain(stored.sealed.keys()))
        .collect();
    let differs = |name: &&&String| {
        a.plain.get(**name) != b.plain.get(**name) || a.sealed.get(**name) != b.sealed.get(**name)
    };
    names
        .iter()
        .filter(differs)
        .map(|name| crate::domain::text::one_line(name, 60))
        .collect()
}

/// Every setting with these stored values, even if some are invalid, and every problem.
pub fn list_settings(
    sources: &Sources,
    stored: &StoredSettings,
) -> (Vec<EffectiveSetting>, Vec<ConfigProblem>) {
    config::inspect_settings(&match config::load_keyring(sources) {
        Ok(keys) => with_stored(sources, &keys, stored),
        Err(_) => Sources {
            stored: stored.plain.clone(),
            ..sources.clone()
        },
    })
}

/// Both have the same values, however they are encrypted.
pub fn has_same_values(sources: &Sources, a: &StoredSettings, b: &StoredSettings) -> bool {
    let Ok(keys) = config::load_keyring(sources) else {
        return false;
    };
    let opened = |stored: &StoredSettings| {
        let sources = with_stored(sources, &keys, stored);
        (sources.stored, sources.unsealable)
    };
    opened(a) == opened(b)
}

/// The problems of the configuration with these stored values.
fn config_problems(
    sources: &Sources,
    keys: &Keyring,
    stored: &StoredSettings,
) -> Vec<ConfigProblem> {
    let loaded = config::load(&with_stored(sources, keys, stored));
    loaded.err().map_or_else(Vec::new, |error| error.problems)
}

fn validate_changes(
    sources: &Sources,
    keys: &Keyring,
    changes: &[SettingChange],
) -> Result<Vec<(&'static str, StoredValue)>, SettingChangeError> {
    let mut values: Vec<(&'static str, StoredValue)> = Vec::new();
    for (name, value) in changes {
        let key = config::find_setting(name)
            .ok_or_else(|| SettingChangeError::Unknown(crate::domain::text::one_line(name, 60)))?;
        if !key.is_storable() {
            return Err(SettingChangeError::NotStorable(key.name));
        }
        if values.iter().any(|(name, _)| *name == key.name) {
            return Err(SettingChangeError::Duplicate(key.name));
        }
        values.push((key.name, stored_value(sources, keys, key, value.as_ref())?));
    }
    Ok(values)
}

fn stored_value(
    sources: &Sources,
    keys: &Keyring,
    key: &'static SettingSpec,
    value: Option<&SecretString>,
) -> Result<StoredValue, SettingChangeError> {
    let Some(value) = value else {
        // Also a value that the environment overrides.
        return Ok(StoredValue::Unset);
    };
    if let Some(variable) = sources.env_override(key) {
        return Err(SettingChangeError::Fixed {
            key: key.name,
            variable,
        });
    }
    if value.expose_secret().chars().any(char::is_control) {
        return Err(SettingChangeError::ControlCharacter(key.name));
    }
    if value.expose_secret().trim().is_empty() {
        return Err(SettingChangeError::Empty(key.name));
    }
    if !key.is_secret() {
        return Ok(StoredValue::Plain(value.expose_secret().to_owned()));
    }
    keys.seal(key.name, value)
        .map(StoredValue::Sealed)
        .map_err(|error| SettingChangeError::Unsealable {
            key: key.name,
            error,
        })
}

/// Encrypts every stored secret with the first key. Returns the names of those that had another key.
pub async fn rotate_key(
    sources: &Sources,
    ledger: &Ledger,
) -> Result<Vec<String>, SettingChangeError> {
    let keys = config::load_keyring(sources)?;
    for _ in 0..MAX_CONFLICT_RETRIES {
        let read = ledger.stored_settings().await?;
        let mut next = read.clone();
        let mut rotated = Vec::new();
        for (name, sealed) in &mut next.sealed {
            if Some(sealed.key_id.as_str()) == keys.sealing_key_id() {
                continue;
            }
            let unsealable = |error| SettingChangeError::Unsealable {
                key: config::find_setting(name).map_or("a stored secret", |key| key.name),
                error,
            };
            let secret = keys.open(name, sealed).map_err(unsealable)?;
            *sealed = keys.seal(name, &secret).map_err(unsealable)?;
            rotated.push(name.clone());
        }
        if rotated.is_empty() || ledger.store_settings(&read, &next).await? {
            return Ok(rotated);
        }
    }
    Err(SettingChangeError::Conflict)
}
